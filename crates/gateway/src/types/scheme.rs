//! A county's scheme (防贫险方案) as clients see it.

use crate::node_id::{self, Kind};
use crate::types::enums::{Check, Counting, Peril};
use crate::types::event::count;
use crate::types::scalars::{Date, Fen};
use async_graphql::{ID, Object, SimpleObject};
use lifecycle::Scheme;
use lifecycle::scheme::{NoticeTerms, PerilTerms};
use std::sync::Arc;

/// The terms of one peril.
#[derive(SimpleObject, Debug, Clone)]
pub struct SchemePeril {
    /// The peril.
    peril: Peril,
    /// First day of cover.
    covers_from: Date,
    /// Last day of cover.
    covers_to: Date,
    /// The benefit schedule's id.
    schedule_id: String,
    /// The clause of the contract or notice that the schedule states.
    clause: String,
    /// The warning line (预警线).
    warning_line_fen: Fen,
    /// The kinds of evidence (材料) a verification needs.
    evidence: Vec<String>,
}

impl From<&PerilTerms> for SchemePeril {
    fn from(terms: &PerilTerms) -> Self {
        let PerilTerms {
            peril,
            covers_from,
            covers_to,
            schedule,
            evidence,
        } = terms;
        Self {
            peril: (*peril).into(),
            covers_from: Date(*covers_from),
            covers_to: Date(*covers_to),
            schedule_id: schedule.id.clone(),
            clause: schedule.clause.clone(),
            warning_line_fen: Fen(schedule.warning_line),
            evidence: evidence.clone(),
        }
    }
}

/// The terms of the public notice (公示).
#[derive(SimpleObject, Debug, Clone)]
pub struct SchemeNotice {
    /// Its length in days.
    days: i32,
    /// How they are counted.
    counting: Counting,
    /// Whether a term that ends on a rest day moves to the next working day.
    rolls: bool,
    /// Proofs of publication needed before it may close.
    proofs_min: i32,
    /// Whether the amount stands on it.
    shows_amount: bool,
    /// Whether the peril stands on it.
    shows_peril: bool,
    /// Hot line printed on it.
    hot_line: String,
}

impl From<&NoticeTerms> for SchemeNotice {
    fn from(terms: &NoticeTerms) -> Self {
        let NoticeTerms {
            term,
            proofs_min,
            shows_amount,
            shows_peril,
            hot_line,
        } = terms;
        Self {
            days: count(term.days),
            counting: term.counting.into(),
            rolls: term.rolls,
            proofs_min: count(*proofs_min),
            shows_amount: *shows_amount,
            shows_peril: *shows_peril,
            hot_line: hot_line.clone(),
        }
    }
}

/// One version of a county's scheme for one policy year. Immutable once published.
#[derive(Clone)]
pub struct SchemeNode(pub Arc<Scheme>);

/// One version of a county's scheme for one policy year. Immutable once published.
#[Object(name = "Scheme")]
impl SchemeNode {
    /// The node id: what `draftReferral` wants as `schemeId`.
    pub async fn id(&self) -> ID {
        node_id::encode(Kind::Scheme, self.0.id.0)
    }

    /// A short stable code.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// Version, from 1.
    async fn version(&self) -> i32 {
        count(self.0.version)
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The policy year (保单年度).
    async fn policy_year(&self) -> i32 {
        self.0.policy_year
    }

    /// Where its figures come from.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// The perils it covers.
    async fn perils(&self) -> Vec<SchemePeril> {
        self.0.perils.iter().map(SchemePeril::from).collect()
    }

    /// The checks of verification, in order.
    async fn checks(&self) -> Vec<Check> {
        self.0.checks.iter().map(|check| (*check).into()).collect()
    }

    /// The public notice.
    async fn notice(&self) -> SchemeNotice {
        (&self.0.notice).into()
    }

    /// Whether a county review (审定) is needed before approval.
    async fn county_review(&self) -> bool {
        self.0.county_review
    }

    /// What one approver may approve alone.
    async fn single_approval_max_fen(&self) -> Fen {
        Fen(self.0.single_approval_max)
    }

    /// The largest uplift (特殊提标) beyond the table.
    async fn uplift_max_fen(&self) -> Fen {
        Fen(self.0.uplift_max)
    }

    /// How old a liveness check may be on the payment day.
    async fn liveness_days_max(&self) -> i32 {
        count(self.0.liveness_days_max)
    }

    /// Days within which a refusal letter is due.
    async fn refusal_letter_days(&self) -> i32 {
        count(self.0.refusal_letter_days)
    }
}
