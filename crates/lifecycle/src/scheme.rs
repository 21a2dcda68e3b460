//! A county's scheme (防贫险方案): the contents of the phases, as versioned data.

use crate::coded::coded;
use crate::duty::{self, Duty};
use crate::{CommandKind, CountyCode, OrgId, SchemeId, Term};
use benefits::{Fen, Schedule};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

coded! {
    /// The peril (致贫原因): why a household is referred.
    Peril {
        Illness = "ILLNESS" "因病",
        Schooling = "SCHOOLING" "因学",
        Disaster = "DISASTER" "因灾",
        Accident = "ACCIDENT" "意外",
    }
}

coded! {
    /// A check (核查环节) that verification may hold, in the order the scheme gives.
    Check {
        DataComparison = "DATA_COMPARISON" "数据比对",
        FieldVisit = "FIELD_VISIT" "入户查勘",
        VillageEvaluation = "VILLAGE_EVALUATION" "民主评议",
        TownshipReview = "TOWNSHIP_REVIEW" "乡镇审核",
    }
}

impl Check {
    /// The duty that records this check.
    pub const fn duty(self) -> Duty {
        match self {
            Self::DataComparison => Duty::CountyCaseworker,
            Self::FieldVisit => Duty::Surveyor,
            Self::VillageEvaluation | Self::TownshipReview => Duty::TownshipCaseworker,
        }
    }
}

/// The terms of one peril.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerilTerms {
    /// The peril.
    pub peril: Peril,
    /// First and last day of cover; the event must lie within.
    pub covers_from: NaiveDate,
    /// Last day of cover.
    pub covers_to: NaiveDate,
    /// The benefit schedule.
    pub schedule: Schedule,
    /// The kinds of evidence (材料) without which a verification is not complete.
    pub evidence: Vec<String>,
}

/// The terms of the public notice (公示).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeTerms {
    /// Its length and counting.
    pub term: Term,
    /// How many proofs of publication are needed before it may close.
    pub proofs_min: u16,
    /// Whether the amount stands on the notice.
    pub shows_amount: bool,
    /// Whether the peril class stands on the notice (never a diagnosis).
    pub shows_peril: bool,
    /// The hot line printed on it.
    pub hot_line: String,
}

/// One version of a county's scheme for one policy year. Immutable once published; a claim keeps
/// the version it began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheme {
    /// Its id, which is also the id of its pool.
    pub id: SchemeId,
    /// The county.
    pub county: CountyCode,
    /// A short stable code, such as `haigang-2020`.
    pub code: String,
    /// Version, from 1.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// The policy year (保单年度).
    pub policy_year: i32,
    /// The insurer that runs it.
    pub insurer: OrgId,
    /// Where its figures come from.
    pub source: String,
    /// The perils it covers.
    pub perils: Vec<PerilTerms>,
    /// The checks of verification, in order.
    pub checks: Vec<Check>,
    /// The public notice.
    pub notice: NoticeTerms,
    /// Whether a county review (审定) is needed before approval.
    pub county_review: bool,
    /// What one approver may approve alone, in fen; above it a second approver is needed.
    pub single_approval_max: Fen,
    /// The largest uplift (特殊提标) beyond the table, in fen; 0 for none.
    pub uplift_max: Fen,
    /// How old a liveness check may be on the payment day, in days.
    pub liveness_days_max: u16,
    /// Days within which the refusal letter is due.
    pub refusal_letter_days: u16,
    /// Commands moved to other duties than [`duty::standard`] gives.
    pub duties: BTreeMap<CommandKind, Vec<Duty>>,
}

impl Scheme {
    /// The duties, any one of which lets a caller give `command` under this scheme.
    pub fn duties_of(&self, command: CommandKind) -> &[Duty] {
        self.duties
            .get(&command)
            .map_or_else(|| duty::standard(command), Vec::as_slice)
    }

    /// The terms of a peril, if the scheme covers it.
    pub fn terms(&self, peril: Peril) -> Option<&PerilTerms> {
        self.perils.iter().find(|terms| terms.peril == peril)
    }
}
