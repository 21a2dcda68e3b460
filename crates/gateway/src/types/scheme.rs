//! A county's scheme (防贫险方案) as clients see it.

use crate::node_id::{self, Kind};
use crate::types::enums::{
    Check, Counting, DueStep, Duty, IncomeWindow, NameCheckMeans, Peril, QueueOrder, Shortage,
    Status, Supplier, Surplus, VoteBase, YearDate,
};
use crate::types::event::count;
use crate::types::scalars::{Date, Fen};
use async_graphql::{ID, Object, SimpleObject};
use lifecycle::Scheme;
use lifecycle::scheme::{GroupTable, NoticeTerms, PerilTerms};
use std::sync::Arc;

/// A kind of document (材料) that a peril needs.
#[derive(SimpleObject, Debug, Clone)]
pub struct DocumentRule {
    /// The kind, as people name it: what `EvidenceInput.kind` must say.
    kind: String,
    /// How many different ones at least.
    count_min: i32,
    /// Who hands it in.
    supplier: Supplier,
    /// When it must be there.
    due: DueStep,
    /// Whether an advance (先行救助) needs it, and no other claim.
    is_for_advance: bool,
}

impl From<&lifecycle::scheme::DocumentRule> for DocumentRule {
    fn from(rule: &lifecycle::scheme::DocumentRule) -> Self {
        let lifecycle::scheme::DocumentRule {
            kind,
            count_min,
            supplier,
            due,
            advance,
        } = rule;
        Self {
            kind: kind.clone(),
            count_min: count(*count_min),
            supplier: (*supplier).into(),
            due: (*due).into(),
            is_for_advance: *advance,
        }
    }
}

/// A clause (条款) of the contract or notice, word for word.
#[derive(SimpleObject, Debug, Clone)]
pub struct Clause {
    /// Its name within the scheme: what a refusal says as `clauseId`.
    id: String,
    /// Its words, as a refusal letter quotes them.
    text: String,
}

/// The benefit table of some population groups. `previewBenefit` computes with it.
#[derive(SimpleObject, Debug, Clone)]
pub struct BenefitTable {
    /// The groups it is for; empty for everybody whom no earlier table names.
    groups: Vec<String>,
    /// Whether it is for advances (先行救助), and for no other claim.
    is_for_advance: bool,
    /// Its id.
    schedule_id: String,
    /// The clause of the contract or notice that it states.
    clause: String,
    /// Where its figures come from.
    source: String,
    /// The warning line (预警线): it opens a check and never changes the sum.
    warning_line_fen: Fen,
    /// The deductible (起付线).
    deductible_fen: Fen,
    /// What the source does not say; such a table is refused for payment.
    missing: Option<String>,
}

impl From<&GroupTable> for BenefitTable {
    fn from(table: &GroupTable) -> Self {
        let GroupTable {
            groups,
            advance,
            schedule,
        } = table;
        Self {
            groups: groups.clone(),
            is_for_advance: *advance,
            schedule_id: schedule.id.clone(),
            clause: schedule.clause.clone(),
            source: schedule.source.clone(),
            warning_line_fen: Fen(schedule.warning_line),
            deductible_fen: Fen(schedule.deductible),
            missing: schedule.unknown().map(str::to_owned),
        }
    }
}

/// The terms of one peril.
#[derive(SimpleObject, Debug, Clone)]
pub struct SchemePeril {
    /// The peril.
    peril: Peril,
    /// First day of cover.
    covers_from: Date,
    /// Last day of cover.
    covers_to: Date,
    /// The benefit tables; the first that fits a household's group counts.
    tables: Vec<BenefitTable>,
    /// The documents it needs.
    documents: Vec<DocumentRule>,
}

impl From<&PerilTerms> for SchemePeril {
    fn from(terms: &PerilTerms) -> Self {
        let PerilTerms {
            peril,
            covers_from,
            covers_to,
            tables,
            documents,
        } = terms;
        Self {
            peril: (*peril).into(),
            covers_from: Date(*covers_from),
            covers_to: Date(*covers_to),
            tables: tables.iter().map(BenefitTable::from).collect(),
            documents: documents.iter().map(DocumentRule::from).collect(),
        }
    }
}

/// The policy year (保单年度).
#[derive(SimpleObject, Debug, Clone)]
pub struct PolicyYear {
    /// Its name: the year it begins in.
    year: i32,
    /// First day.
    from: Date,
    /// Last day.
    to: Date,
    /// The date that must lie within.
    fixed_by: YearDate,
}

impl From<&lifecycle::scheme::PolicyYear> for PolicyYear {
    fn from(terms: &lifecycle::scheme::PolicyYear) -> Self {
        let lifecycle::scheme::PolicyYear {
            year,
            from,
            to,
            fixed_by,
        } = terms;
        Self {
            year: *year,
            from: Date(*from),
            to: Date(*to),
            fixed_by: (*fixed_by).into(),
        }
    }
}

/// The income line (收入保障线).
#[derive(SimpleObject, Debug, Clone)]
pub struct IncomeLine {
    /// The base figure per head and year.
    base_fen: Fen,
    /// The multiplier in basis points: 15000 is 1.5 times.
    multiplier_basis_points: i32,
    /// The line: base times multiplier.
    line_fen: Fen,
    /// The months whose income is counted.
    window: IncomeWindow,
    /// The groups it applies to; empty for all.
    groups: Vec<String>,
}

/// Who is covered (保障对象).
#[derive(SimpleObject, Debug, Clone)]
pub struct Coverage {
    /// Population groups; empty for all.
    groups: Vec<String>,
    /// Whether a household must stand on the monitored list before it can be referred.
    listed_first: bool,
    /// The income line, if there is one.
    income: Option<IncomeLine>,
    /// Exclusions: flags that can be rebutted with a reason.
    exclusions: Vec<String>,
}

impl From<&lifecycle::scheme::Coverage> for Coverage {
    fn from(terms: &lifecycle::scheme::Coverage) -> Self {
        let lifecycle::scheme::Coverage {
            groups,
            listed_first,
            income,
            exclusions,
        } = terms;
        Self {
            groups: groups.clone(),
            listed_first: *listed_first,
            income: income.as_ref().map(|income| IncomeLine {
                base_fen: Fen(income.base),
                multiplier_basis_points: count(income.multiplier_bp),
                line_fen: Fen(income.line()),
                window: income.window.into(),
                groups: income.groups.clone(),
            }),
            exclusions: exclusions.clone(),
        }
    }
}

/// When a village evaluation (民主评议) is valid, and when it passes.
#[derive(SimpleObject, Debug, Clone)]
pub struct EvaluationTerms {
    /// The quorum: persons present at least.
    present_min: i32,
    /// The share of votes in favour that passes, such as `2/3`.
    pass: String,
    /// Whether the share must be exceeded, not only reached.
    exceeded: bool,
    /// What the share is of.
    of: VoteBase,
}

impl From<&lifecycle::scheme::EvaluationTerms> for EvaluationTerms {
    fn from(terms: &lifecycle::scheme::EvaluationTerms) -> Self {
        let lifecycle::scheme::EvaluationTerms {
            present_min,
            numerator,
            denominator,
            exceeded,
            of,
        } = terms;
        Self {
            present_min: count(*present_min),
            pass: format!("{numerator}/{denominator}"),
            exceeded: *exceeded,
            of: (*of).into(),
        }
    }
}

/// What a duty may approve (审批权限).
#[derive(SimpleObject, Debug, Clone)]
pub struct Authority {
    /// The duty.
    duty: Duty,
    /// The most that one person of this duty may approve alone.
    alone_max_fen: Fen,
    /// The most that may be approved with a second approver; null for no limit.
    second_max_fen: Option<Fen>,
    /// The most that one person may let a household's approvals of twelve months come to; null for no
    /// limit.
    twelve_months_alone_max_fen: Option<Fen>,
    /// The same with a second approver; null for no limit.
    twelve_months_second_max_fen: Option<Fen>,
}

impl From<&lifecycle::scheme::Authority> for Authority {
    fn from(row: &lifecycle::scheme::Authority) -> Self {
        let lifecycle::scheme::Authority {
            duty,
            alone_max,
            second_max,
            twelve_months_alone_max,
            twelve_months_second_max,
        } = *row;
        Self {
            duty: duty.into(),
            alone_max_fen: Fen(alone_max),
            second_max_fen: second_max.map(Fen),
            twelve_months_alone_max_fen: twelve_months_alone_max.map(Fen),
            twelve_months_second_max_fen: twelve_months_second_max.map(Fen),
        }
    }
}

/// How long a claim may stay in a status (办理时限).
#[derive(SimpleObject, Debug, Clone)]
pub struct Deadline {
    /// The status.
    status: Status,
    /// Days from the day the status began.
    days: i32,
    /// How they are counted.
    counting: Counting,
    /// Whether a term that ends on a rest day moves to the next working day.
    rolls: bool,
}

impl From<&lifecycle::scheme::Deadline> for Deadline {
    fn from(row: &lifecycle::scheme::Deadline) -> Self {
        let lifecycle::scheme::Deadline { status, term } = *row;
        Self {
            status: status.into(),
            days: count(term.days),
            counting: term.counting.into(),
            rolls: term.rolls,
        }
    }
}

/// Premium, pool and fee (保费、资金池、服务费).
#[derive(SimpleObject, Debug, Clone)]
pub struct PoolTerms {
    /// How many persons the premium is paid for.
    headcount: i32,
    /// What the headcount rests on.
    headcount_basis: String,
    /// Premium per head and year.
    premium_fen: Fen,
    /// The premium of the year: headcount times premium.
    premium_total_fen: Fen,
    /// The insurer's fee in basis points of what was paid out.
    fee_basis_points: i32,
    /// What becomes of a surplus.
    surplus: Surplus,
    /// Who makes up a shortage.
    shortage: Shortage,
    /// In which order claims wait when the money does not suffice.
    queue_order: QueueOrder,
    /// The most that may be written off of one wrong payment; 0 for nothing.
    write_off_max_fen: Fen,
}

impl From<&lifecycle::scheme::PoolTerms> for PoolTerms {
    fn from(terms: &lifecycle::scheme::PoolTerms) -> Self {
        let lifecycle::scheme::PoolTerms {
            headcount,
            headcount_basis,
            premium,
            fee,
            surplus,
            shortage,
            queue_order,
            write_off_max,
        } = terms;
        Self {
            headcount: count(*headcount),
            headcount_basis: headcount_basis.clone(),
            premium_fen: Fen(*premium),
            premium_total_fen: Fen(terms.premium_total()),
            fee_basis_points: count(fee.basis_points()),
            surplus: (*surplus).into(),
            shortage: (*shortage).into(),
            queue_order: (*queue_order).into(),
            write_off_max_fen: Fen(*write_off_max),
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

    /// The policy year (保单年度), by its name.
    async fn policy_year(&self) -> i32 {
        self.0.year.year
    }

    /// The policy year: its days, and the date that must lie within.
    async fn year(&self) -> PolicyYear {
        (&self.0.year).into()
    }

    /// Who is covered.
    async fn coverage(&self) -> Coverage {
        (&self.0.coverage).into()
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

    /// The village evaluation.
    async fn evaluation(&self) -> EvaluationTerms {
        (&self.0.evaluation).into()
    }

    /// What each duty may approve.
    async fn authority(&self) -> Vec<Authority> {
        self.0.authority.iter().map(Authority::from).collect()
    }

    /// How long a claim may stay in a status.
    async fn deadlines(&self) -> Vec<Deadline> {
        self.0.deadlines.iter().map(Deadline::from).collect()
    }

    /// Premium, pool and fee.
    async fn pool_terms(&self) -> PoolTerms {
        (&self.0.pool).into()
    }

    /// The largest uplift (特殊提标) beyond the table.
    async fn uplift_max_fen(&self) -> Fen {
        Fen(self.0.uplift_max)
    }

    /// The weakest check of the payee's account name that suffices (户名核验).
    async fn payee_check(&self) -> NameCheckMeans {
        self.0.payee_check.into()
    }

    /// How old it may be, in days.
    async fn payee_check_days_max(&self) -> i32 {
        count(self.0.payee_check_days_max)
    }

    /// How old a liveness check may be on the payment day.
    async fn liveness_days_max(&self) -> i32 {
        count(self.0.liveness_days_max)
    }

    /// Days within which a refusal letter is due.
    async fn refusal_letter_days(&self) -> i32 {
        count(self.0.refusal_letter_days)
    }

    /// Days within which a refusal may be appealed against, from the delivery of its letter.
    async fn appeal_days(&self) -> i32 {
        count(self.0.appeal_days)
    }

    /// The clauses a refusal may rest on: those of its own, then those of its benefit tables.
    async fn clauses(&self) -> Vec<Clause> {
        let clauses = self.0.all_clauses();
        clauses
            .map(|(id, text)| Clause {
                id: id.to_owned(),
                text: text.to_owned(),
            })
            .collect()
    }
}
