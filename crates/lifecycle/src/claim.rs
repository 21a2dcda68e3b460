//! The claim (赔案): its state, and the folding of events.

use crate::calendar::legal_day;
use crate::coded;
use crate::command::CommandKind;
use crate::days::Due;
use crate::dossier::Seal;
use crate::event::{Event, EventKind, Happening};
use crate::phase::approval::{Approval, Approved, AwaitingFunds, Rejected};
use crate::phase::document::Document;
use crate::phase::payout::{
    Closed, Instalment, Instructed, Instruction, Paid, PayFailed, PayReturned, PayUnknown,
    Recovered, Recovering, WriteOff, WrittenOff,
};
use crate::phase::public_notice::{Notice, NoticeClosed, NoticeOpen, Proof};
use crate::phase::referral::{Accepted, Case, Draft, Follows, Referred, Returned, Withdrawn};
use crate::phase::refusal::{
    AppealDecision, AppealDismissed, Appealed, IssuedLetter, Refusal, RefusalClosed, Refused,
};
use crate::phase::verification::{Finding, Ineligible, Preview, Reopened, Verified, Verifying};
use crate::table::{TABLE, allowed};
use crate::{
    Check, ClaimId, CountyCode, HouseholdId, ObjectionId, OrgId, PersonId, PoolAccount, RegionCode,
    SchemeId, Stamp,
};
use benefits::{Assessment, EventTotals, Fen};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

coded! {
    /// The phases of a claim; their order is code, their contents are data.
    Phase {
        Referral = "REFERRAL" "推送",
        Verification = "VERIFICATION" "核查",
        PublicNotice = "PUBLIC_NOTICE" "公示",
        Approval = "APPROVAL" "审批",
        Payout = "PAYOUT" "赔付",
        Refusal = "REFUSAL" "拒赔",
    }
}

coded! {
    /// The status of a claim: the name of its state.
    Status {
        Draft = "DRAFT" "拟稿",
        Referred = "REFERRED" "已推送",
        Returned = "RETURNED" "退回补正",
        Accepted = "ACCEPTED" "已受理",
        Verifying = "VERIFYING" "核查中",
        Verified = "VERIFIED" "已核定",
        Ineligible = "INELIGIBLE" "不符合",
        NoticeOpen = "NOTICE_OPEN" "公示中",
        NoticeClosed = "NOTICE_CLOSED" "公示期满",
        AwaitingFunds = "AWAITING_FUNDS" "待资金",
        Approved = "APPROVED" "已审批",
        Rejected = "REJECTED" "已拒赔",
        Instructed = "INSTRUCTED" "付款中",
        PayUnknown = "PAY_UNKNOWN" "结果不明",
        PayFailed = "PAY_FAILED" "付款失败",
        Paid = "PAID" "已赔付",
        PayReturned = "PAY_RETURNED" "退票",
        Closed = "CLOSED" "已归档",
        Recovering = "RECOVERING" "追回中",
        Recovered = "RECOVERED" "已追回",
        WrittenOff = "WRITTEN_OFF" "已核销",
        Withdrawn = "WITHDRAWN" "已撤回",
        Appealed = "APPEALED" "申诉中",
        AppealDismissed = "APPEAL_DISMISSED" "申诉驳回",
        RefusalClosed = "REFUSAL_CLOSED" "拒赔归档",
    }
}

impl Status {
    /// The phase a status belongs to; a withdrawn claim ended in its referral.
    pub const fn phase(self) -> Phase {
        match self {
            Self::Draft | Self::Referred | Self::Returned | Self::Accepted | Self::Withdrawn => {
                Phase::Referral
            }
            Self::Verifying | Self::Verified | Self::Ineligible => Phase::Verification,
            Self::NoticeOpen | Self::NoticeClosed => Phase::PublicNotice,
            Self::AwaitingFunds | Self::Approved | Self::Rejected => Phase::Approval,
            Self::Instructed
            | Self::PayUnknown
            | Self::PayFailed
            | Self::Paid
            | Self::PayReturned
            | Self::Closed
            | Self::Recovering
            | Self::Recovered
            | Self::WrittenOff => Phase::Payout,
            Self::Appealed | Self::AppealDismissed | Self::RefusalClosed => Phase::Refusal,
        }
    }

    /// On which account of the pool the money of a claim in this status stands; `None` where it has none there.
    pub const fn holds(self) -> Option<PoolAccount> {
        match self {
            Self::Approved | Self::PayFailed | Self::PayReturned => Some(PoolAccount::Reserved),
            Self::Instructed | Self::PayUnknown => Some(PoolAccount::InFlight),
            Self::Paid | Self::Closed | Self::Recovering => Some(PoolAccount::PaidOut),
            Self::WrittenOff => Some(PoolAccount::WrittenOff),
            Self::Draft
            | Self::Referred
            | Self::Returned
            | Self::Accepted
            | Self::Verifying
            | Self::Verified
            | Self::Ineligible
            | Self::NoticeOpen
            | Self::NoticeClosed
            | Self::AwaitingFunds
            | Self::Rejected
            | Self::Recovered
            | Self::Withdrawn
            | Self::Appealed
            | Self::AppealDismissed
            | Self::RefusalClosed => None,
        }
    }

    /// Whether the household keeps no money of a claim in this status.
    pub const fn ends_without_money(self) -> bool {
        self.is_refused() || matches!(self, Self::Withdrawn | Self::Recovered)
    }

    /// Whether a claim in this status is refused: no money is wanted for it, unless an appeal is upheld.
    pub const fn is_refused(self) -> bool {
        matches!(
            self,
            Self::Ineligible
                | Self::Rejected
                | Self::Appealed
                | Self::AppealDismissed
                | Self::RefusalClosed
        )
    }

    /// Whether a claim in this status was assessed, and nobody has approved it yet or never will: money may
    /// still be wanted for it.
    pub const fn awaits_approval(self) -> bool {
        matches!(self, Self::Verified | Self::NoticeOpen | Self::NoticeClosed)
    }

    /// Whether a claim in this status still counts against a second claim for the same event: also where the
    /// household keeps what could not be recovered.
    pub const fn is_living(self) -> bool {
        !self.is_final() || matches!(self, Self::WrittenOff)
    }

    /// Whether nothing more can happen. An archived payment is not final: money can still come back; nor is a
    /// refusal until it is archived: it can be appealed against.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Withdrawn | Self::RefusalClosed | Self::Recovered | Self::WrittenOff => true,
            Self::Draft
            | Self::Referred
            | Self::Returned
            | Self::Accepted
            | Self::Verifying
            | Self::Verified
            | Self::NoticeOpen
            | Self::NoticeClosed
            | Self::AwaitingFunds
            | Self::Approved
            | Self::Instructed
            | Self::PayUnknown
            | Self::PayFailed
            | Self::Paid
            | Self::PayReturned
            | Self::Closed
            | Self::Recovering
            | Self::Ineligible
            | Self::Rejected
            | Self::Appealed
            | Self::AppealDismissed => false,
        }
    }
}

/// The state of a claim: one struct per state; a field exists only where it has been earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each struct is documented in its phase")]
pub enum State {
    Draft(Draft),
    Referred(Referred),
    Returned(Returned),
    Accepted(Accepted),
    Verifying(Verifying),
    Verified(Verified),
    Ineligible(Ineligible),
    NoticeOpen(NoticeOpen),
    NoticeClosed(NoticeClosed),
    AwaitingFunds(AwaitingFunds),
    Approved(Approved),
    Rejected(Rejected),
    Instructed(Instructed),
    PayUnknown(PayUnknown),
    PayFailed(PayFailed),
    Paid(Paid),
    PayReturned(PayReturned),
    Closed(Closed),
    Recovering(Recovering),
    Recovered(Recovered),
    WrittenOff(WrittenOff),
    Withdrawn(Withdrawn),
    Appealed(Appealed),
    AppealDismissed(AppealDismissed),
    RefusalClosed(RefusalClosed),
}

impl State {
    /// The status.
    pub const fn status(&self) -> Status {
        match self {
            Self::Draft(_) => Status::Draft,
            Self::Referred(_) => Status::Referred,
            Self::Returned(_) => Status::Returned,
            Self::Accepted(_) => Status::Accepted,
            Self::Verifying(_) => Status::Verifying,
            Self::Verified(_) => Status::Verified,
            Self::Ineligible(_) => Status::Ineligible,
            Self::NoticeOpen(_) => Status::NoticeOpen,
            Self::NoticeClosed(_) => Status::NoticeClosed,
            Self::AwaitingFunds(_) => Status::AwaitingFunds,
            Self::Approved(_) => Status::Approved,
            Self::Rejected(_) => Status::Rejected,
            Self::Instructed(_) => Status::Instructed,
            Self::PayUnknown(_) => Status::PayUnknown,
            Self::PayFailed(_) => Status::PayFailed,
            Self::Paid(_) => Status::Paid,
            Self::PayReturned(_) => Status::PayReturned,
            Self::Closed(_) => Status::Closed,
            Self::Recovering(_) => Status::Recovering,
            Self::Recovered(_) => Status::Recovered,
            Self::WrittenOff(_) => Status::WrittenOff,
            Self::Withdrawn(_) => Status::Withdrawn,
            Self::Appealed(_) => Status::Appealed,
            Self::AppealDismissed(_) => Status::AppealDismissed,
            Self::RefusalClosed(_) => Status::RefusalClosed,
        }
    }

    /// What a refusal ended, once it was appealed against or archived.
    const fn refused(&self) -> Option<&Refused> {
        if let Self::Appealed(appealed) = self {
            return Some(&appealed.refused);
        }
        if let Self::AppealDismissed(dismissed) = self {
            return Some(&dismissed.refused);
        }
        if let Self::RefusalClosed(closed) = self {
            Some(&closed.refused)
        } else {
            None
        }
    }

    /// The end without a notice, if the state stands on one.
    const fn ineligible(&self) -> Option<&Ineligible> {
        if let Self::Ineligible(ineligible) = self {
            return Some(ineligible);
        }
        if let Some(refused) = self.refused() {
            refused.ineligible()
        } else {
            None
        }
    }

    /// The recovery, if the state stands on one.
    pub const fn recovering(&self) -> Option<&Recovering> {
        if let Self::Recovering(recovering) = self {
            return Some(recovering);
        }
        if let Self::Recovered(recovered) = self {
            return Some(&recovered.recovering);
        }
        if let Self::WrittenOff(written_off) = self {
            Some(&written_off.recovering)
        } else {
            None
        }
    }

    /// The instruction of a payment that was sent, if the state stands on one.
    pub const fn instructed(&self) -> Option<&Instructed> {
        match self {
            Self::Instructed(instructed) => Some(instructed),
            Self::PayUnknown(unknown) => Some(&unknown.instructed),
            Self::Paid(paid) => Some(&paid.instructed),
            Self::Closed(closed) => Some(&closed.paid.instructed),
            Self::Recovering(recovering) => Some(&recovering.paid.instructed),
            Self::Recovered(recovered) => Some(&recovered.recovering.paid.instructed),
            Self::WrittenOff(written_off) => Some(&written_off.recovering.paid.instructed),
            Self::Draft(_)
            | Self::Referred(_)
            | Self::Returned(_)
            | Self::Accepted(_)
            | Self::Verifying(_)
            | Self::Verified(_)
            | Self::Ineligible(_)
            | Self::NoticeOpen(_)
            | Self::NoticeClosed(_)
            | Self::AwaitingFunds(_)
            | Self::Approved(_)
            | Self::Rejected(_)
            | Self::PayFailed(_)
            | Self::PayReturned(_)
            | Self::Withdrawn(_)
            | Self::Appealed(_)
            | Self::AppealDismissed(_)
            | Self::RefusalClosed(_) => None,
        }
    }

    /// The completed notice, if the state stands on one.
    pub const fn closed_notice(&self) -> Option<&NoticeClosed> {
        if let Self::NoticeClosed(closed) = self {
            return Some(closed);
        }
        if let Self::Rejected(rejected) = self {
            return Some(&rejected.closed);
        }
        if let Some(refused) = self.refused() {
            return refused.closed_notice();
        }
        if let Self::AwaitingFunds(waiting) = self {
            return Some(&waiting.approved.closed);
        }
        if let Some(approved) = self.approved() {
            Some(&approved.closed)
        } else {
            None
        }
    }

    /// The approval, if the state stands on one.
    pub const fn approved(&self) -> Option<&Approved> {
        match self {
            Self::Approved(approved) => Some(approved),
            Self::PayFailed(failed) => Some(&failed.approved),
            Self::PayReturned(returned) => Some(&returned.approved),
            Self::Instructed(_)
            | Self::PayUnknown(_)
            | Self::Paid(_)
            | Self::Closed(_)
            | Self::Recovering(_)
            | Self::Recovered(_)
            | Self::WrittenOff(_) => {
                if let Some(instructed) = self.instructed() {
                    Some(&instructed.approved)
                } else {
                    None
                }
            }
            Self::Draft(_)
            | Self::Referred(_)
            | Self::Returned(_)
            | Self::Accepted(_)
            | Self::Verifying(_)
            | Self::Verified(_)
            | Self::Ineligible(_)
            | Self::NoticeOpen(_)
            | Self::NoticeClosed(_)
            | Self::AwaitingFunds(_)
            | Self::Rejected(_)
            | Self::Withdrawn(_)
            | Self::Appealed(_)
            | Self::AppealDismissed(_)
            | Self::RefusalClosed(_) => None,
        }
    }

    /// The notice that was posted, if the state stands on one.
    pub const fn notice(&self) -> Option<&NoticeOpen> {
        match self {
            Self::NoticeOpen(open) => Some(open),
            Self::NoticeClosed(closed) => Some(&closed.open),
            Self::Rejected(rejected) => Some(&rejected.closed.open),
            Self::Appealed(_) | Self::AppealDismissed(_) | Self::RefusalClosed(_) => {
                if let Some(closed) = self.closed_notice() {
                    Some(&closed.open)
                } else {
                    None
                }
            }
            Self::AwaitingFunds(waiting) => Some(&waiting.approved.closed.open),
            Self::Approved(_)
            | Self::PayFailed(_)
            | Self::PayReturned(_)
            | Self::Instructed(_)
            | Self::PayUnknown(_)
            | Self::Paid(_)
            | Self::Closed(_)
            | Self::Recovering(_)
            | Self::Recovered(_)
            | Self::WrittenOff(_) => {
                if let Some(approved) = self.approved() {
                    Some(&approved.closed.open)
                } else {
                    None
                }
            }
            Self::Draft(_)
            | Self::Referred(_)
            | Self::Returned(_)
            | Self::Accepted(_)
            | Self::Verifying(_)
            | Self::Verified(_)
            | Self::Ineligible(_)
            | Self::Withdrawn(_) => None,
        }
    }

    /// The accepted facts and the assessment, if the state stands on them.
    pub const fn verified(&self) -> Option<&Verified> {
        match self {
            Self::Verified(verified) => Some(verified),
            Self::NoticeOpen(_)
            | Self::NoticeClosed(_)
            | Self::AwaitingFunds(_)
            | Self::Rejected(_)
            | Self::Approved(_)
            | Self::PayFailed(_)
            | Self::PayReturned(_)
            | Self::Instructed(_)
            | Self::PayUnknown(_)
            | Self::Paid(_)
            | Self::Closed(_)
            | Self::Recovering(_)
            | Self::Recovered(_)
            | Self::WrittenOff(_)
            | Self::Appealed(_)
            | Self::AppealDismissed(_)
            | Self::RefusalClosed(_) => {
                if let Some(open) = self.notice() {
                    Some(&open.verified)
                } else {
                    None
                }
            }
            Self::Draft(_)
            | Self::Referred(_)
            | Self::Returned(_)
            | Self::Accepted(_)
            | Self::Verifying(_)
            | Self::Ineligible(_)
            | Self::Withdrawn(_) => None,
        }
    }

    /// The round of checks, if the state stands on one.
    pub const fn verifying(&self) -> Option<&Verifying> {
        if let Self::Verifying(verifying) = self {
            return Some(verifying);
        }
        if let Some(ineligible) = self.ineligible() {
            return ineligible.verifying.as_ref();
        }
        if let Some(verified) = self.verified() {
            Some(&verified.verifying)
        } else {
            None
        }
    }

    /// The round of checks, taken out, to be made again.
    fn into_verifying(self) -> Option<Verifying> {
        self.verifying().cloned()
    }

    /// The acceptance, if the state stands on one.
    pub const fn accepted(&self) -> Option<&Accepted> {
        if let Self::Accepted(accepted) = self {
            return Some(accepted);
        }
        if let Some(ineligible) = self.ineligible() {
            return Some(&ineligible.accepted);
        }
        if let Some(verifying) = self.verifying() {
            Some(&verifying.accepted)
        } else {
            None
        }
    }
}

coded! {
    /// What became of an objection.
    ObjectionStatus {
        Open = "OPEN" "处理中",
        Upheld = "UPHELD" "成立",
        Dismissed = "DISMISSED" "不成立",
    }
}

/// An objection (异议). It stays with the claim whatever comes of it (invariant 12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Its id.
    pub id: ObjectionId,
    /// What became of it.
    pub status: ObjectionStatus,
    /// What is objected.
    pub grounds: String,
    /// Who recorded it, when.
    pub raised: Stamp,
    /// Who decided it, when.
    pub resolved: Option<Stamp>,
    /// What was found.
    pub findings: Option<String>,
}

coded! {
    /// The four parts that four different persons play in one claim (invariant 4).
    ActedAs {
        Referrer = "REFERRER" "推送人",
        Surveyor = "SURVEYOR" "查勘人",
        Approver = "APPROVER" "审批人",
        Payer = "PAYER" "付款人",
    }
}

/// That a person played one of the four parts in a claim. It is never forgotten: whoever surveyed,
/// approved or paid in a round that an objection or another payee made void has still done so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// The part.
    pub part: ActedAs,
    /// The person, or the one in whose place.
    pub person: PersonId,
}

/// What one claim counts for in the running totals, in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunningShare {
    /// The benefit that is reserved or paid.
    pub benefit: Fen,
    /// The eligible loss it rests on.
    pub loss: Fen,
}

impl RunningShare {
    /// What is added to the totals when a claim goes from `before` to this share; may be negative.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            benefit: Fen::new(self.benefit.get() - before.benefit.get()),
            loss: Fen::new(self.loss.get() - before.loss.get()),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            benefit: Fen::new(self.benefit.get() + other.benefit.get()),
            loss: Fen::new(self.loss.get() + other.loss.get()),
        }
    }

    /// Whether it counts for nothing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// What one claim counts for among those of its event, in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventShare {
    /// What it holds, uplift included.
    pub held: Fen,
    /// The benefit of that.
    pub benefit: Fen,
    /// The same of an advance.
    pub advanced: Fen,
    /// What it netted of advances before it.
    pub netted: Fen,
    /// The eligible loss it rests on.
    pub loss: Fen,
    /// What was submitted for it.
    pub submitted: Fen,
}

impl EventShare {
    /// The share of a claim that holds so much, so much of it benefit.
    pub fn of(advance: bool, held: Fen, benefit: Fen, assessment: &Assessment) -> Self {
        let (advanced, netted) = if advance {
            (benefit, Fen::ZERO)
        } else {
            (Fen::ZERO, assessment.table_amount.min(assessment.advanced))
        };
        Self {
            held,
            benefit,
            advanced,
            netted,
            loss: assessment.eligible,
            submitted: assessment.loss.submitted,
        }
    }
}

/// A claim of an event, as the others of its line see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InEvent {
    /// Its place in the line, from 0.
    pub place: u16,
    /// Its policy year.
    pub policy_year: i32,
    /// What it counts for.
    pub share: EventShare,
}

impl InEvent {
    /// A claim, as the others of its line see it.
    pub fn of(claim: &Claim) -> Self {
        Self {
            place: claim.place_in_event(),
            policy_year: claim.policy_year,
            share: claim.counted_for_event(),
        }
    }

    /// What the claims besides the one at `place` come to for it, in its policy year.
    pub fn totals(others: impl IntoIterator<Item = Self>, place: u16, year: i32) -> EventTotals {
        let sum = |one: Fen, other: Fen| Fen::new(one.get().saturating_add(other.get()));
        let (mut totals, mut netted) = (EventTotals::default(), Fen::ZERO);
        for it in others {
            let share = it.share;
            totals.held = sum(totals.held, share.held);
            if it.place >= place {
                continue;
            }
            totals.benefit = sum(totals.benefit, share.benefit);
            totals.advanced = sum(totals.advanced, share.advanced);
            netted = sum(netted, share.netted);
            totals.loss = sum(totals.loss, share.loss);
            totals.submitted = sum(totals.submitted, share.submitted);
            if it.policy_year == year {
                totals.year_loss = sum(totals.year_loss, share.loss);
            }
        }
        totals.advanced = totals.advanced.saturating_sub_to_zero(netted);
        totals
    }
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its id.
    pub id: ClaimId,
    /// The county it belongs to.
    pub county: CountyCode,
    /// Its number, as people say it.
    pub number: String,
    /// The number of events folded into it.
    pub version: u32,
    /// The scheme version it keeps.
    pub scheme: SchemeId,
    /// The insurer.
    pub insurer: OrgId,
    /// The household.
    pub household: HouseholdId,
    /// The household's village when it was referred.
    pub village: RegionCode,
    /// The policy year.
    pub policy_year: i32,
    /// What is claimed.
    pub case: Case,
    /// The earlier claim of the same event that it goes on with.
    pub follows: Option<Follows>,
    /// Objections, in order.
    pub objections: Vec<Objection>,
    /// Refusals, in order: an appeal that is upheld does not undo that there was one.
    pub refusals: Vec<Refusal>,
    /// How many payments were instructed so far.
    pub instructions: u16,
    /// Who referred, surveyed, approved and paid so far, in all rounds.
    #[serde(default)]
    pub acted: Vec<Acted>,
    /// Documents handed in besides what findings, facts and proofs carry.
    #[serde(default)]
    pub documents: Vec<Document>,
    /// The legal day by which its status should end, if the scheme sets a term.
    #[serde(default)]
    pub deadline: Option<NaiveDate>,
    /// The legal day since which the clock stands for an objection, if it does.
    pub stopped_on: Option<NaiveDate>,
    /// Its state.
    pub state: State,
}

impl Claim {
    /// The claim that a first event begins; `None` if the event is not a beginning.
    pub fn begin(event: &Event) -> Option<Self> {
        let Happening::ReferralDrafted(opening) = &event.what else {
            return None;
        };
        Some(Self {
            id: opening.id,
            county: opening.county,
            number: opening.number.clone(),
            version: 1,
            scheme: opening.scheme,
            insurer: opening.insurer,
            household: opening.household,
            village: opening.village.clone(),
            policy_year: opening.policy_year,
            case: opening.case.clone(),
            follows: opening.follows.clone(),
            objections: Vec::new(),
            refusals: Vec::new(),
            instructions: 0,
            acted: Vec::new(),
            documents: Vec::new(),
            deadline: event.due_on,
            stopped_on: None,
            state: State::Draft(Draft {
                drafted: event.stamp.clone(),
            }),
        })
    }

    /// The claim that a history tells; `None` if the history does not begin one.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let first = Self::begin(events.next()?)?;
        Some(events.fold(first, Self::apply))
    }

    /// Its status.
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// Objections that nobody has decided.
    pub fn open_objections(&self) -> usize {
        self.objections
            .iter()
            .filter(|it| it.status == ObjectionStatus::Open)
            .count()
    }

    /// The assessment, once there is one.
    pub fn assessment(&self) -> Option<&Assessment> {
        self.state.verified().map(|verified| &verified.assessment)
    }

    /// The approved amount, once there is one.
    pub fn approved_amount(&self) -> Option<Fen> {
        self.state
            .approved()
            .map(|approved| approved.approval.amount)
    }

    /// The approval that stands, also while the claim waits for the pool's money; none once what was paid came back.
    pub const fn standing_approval(&self) -> Option<&Approved> {
        if let State::AwaitingFunds(waiting) = &self.state {
            return Some(&waiting.approved);
        }
        if let Status::Recovered = self.status() {
            return None;
        }
        self.state.approved()
    }

    /// What is still to come back, in fen, of a payment that is recovered or was written off.
    pub fn outstanding(&self) -> Option<Fen> {
        self.state.recovering().map(Recovering::outstanding)
    }

    /// The fen that stand on the account its status [holds](Status::holds): the approved amount, less what
    /// of it came back.
    pub fn held(&self) -> Fen {
        self.outstanding()
            .or_else(|| self.approved_amount())
            .unwrap_or_default()
    }

    /// What the claim counts for in the running totals (年度累计) of person and household: what it
    /// holds and the eligible loss it rests on, as long as money is reserved, paid or written off.
    pub fn counted(&self) -> RunningShare {
        if self.status() == Status::Recovered {
            return RunningShare::default();
        }
        RunningShare {
            benefit: self.held(),
            loss: self
                .approved_amount()
                .and(self.assessment())
                .map_or(Fen::ZERO, |assessment| assessment.eligible),
        }
    }

    /// The first claim of its event: itself, unless it goes on with another.
    pub fn first_of_event(&self) -> ClaimId {
        self.follows.as_ref().map_or(self.id, |it| it.first)
    }

    /// Its place in the line of its event's claims, from 0.
    pub fn place_in_event(&self) -> u16 {
        self.follows.as_ref().map_or(0, |it| it.place)
    }

    /// What the claim counts for among those of its event, as long as money is reserved, paid or written off.
    pub fn counted_for_event(&self) -> EventShare {
        let approved = self.state.approved().zip(self.assessment());
        let Some((approved, assessment)) = approved.filter(|_| !self.counted().is_nothing()) else {
            return EventShare::default();
        };
        // An uplift is for what the table leaves open: the next claim does not pay it back.
        let benefit = self.held().min(approved.approval.benefit);
        EventShare::of(self.case.advance, self.held(), benefit, assessment)
    }

    /// The benefit that stands: approved, else assessed; zero before an assessment and after an end
    /// without money. What the household submitted is not what it will get, and has a name of its own.
    pub fn amount(&self) -> Fen {
        if self.status().ends_without_money() {
            return Fen::ZERO;
        }
        self.approved_amount()
            .or_else(|| self.assessment().map(|assessment| assessment.benefit))
            .unwrap_or_default()
    }

    /// The legal day by which something is due, if a term runs.
    pub fn due_on(&self) -> Option<NaiveDate> {
        self.due().map(|(_, day)| day)
    }

    /// What is due by which legal day, if a term runs. While the clock stands for an objection none does.
    pub fn due(&self) -> Option<(Due, NaiveDate)> {
        if let Some(due) = self.refusal_due() {
            return Some(due);
        }
        if self.is_stopped() {
            return None;
        }
        if let State::NoticeOpen(open) = &self.state {
            return Some((Due::Notice, open.notice.last_day));
        }
        self.deadline.map(|day| (Due::Term, day))
    }

    /// Of a refused claim the letter that is owed. That the time for an appeal ends is nobody's deadline.
    fn refusal_due(&self) -> Option<(Due, NaiveDate)> {
        if !self.status().is_refused() {
            return None;
        }
        let (letter, due_on) = self.refusals.last()?.standing_letter();
        due_on
            .filter(|_| letter.is_none())
            .map(|day| (Due::Letter, day))
    }

    /// Whether the clock stands: an objection is open, and must be decided before anything else.
    pub fn is_stopped(&self) -> bool {
        let decides = |command| command == CommandKind::ResolveObjection;
        self.open_objections() > 0 && allowed(self.status()).any(decides)
    }

    /// Referrer, surveyor, approvers and payer, as far as the claim has them (invariant 4): who
    /// acted in any round, and the surveyor who is to act.
    pub fn separated_persons(&self) -> Vec<(&'static str, PersonId)> {
        self.parts()
            .map(|acted| (acted.part.code(), acted.person))
            .collect()
    }

    /// Those whose part in this claim keeps them from acting as `part`.
    pub fn kept_from(&self, part: ActedAs) -> impl Iterator<Item = (&'static str, PersonId)> + '_ {
        self.parts()
            .filter(move |acted| acted.part != part)
            .map(|acted| (acted.part.code(), acted.person))
    }

    /// Those who played `part` in this claim.
    pub fn who_acted_as(
        &self,
        part: ActedAs,
    ) -> impl Iterator<Item = (&'static str, PersonId)> + '_ {
        self.parts()
            .filter(move |acted| acted.part == part)
            .map(|acted| (acted.part.code(), acted.person))
    }

    fn parts(&self) -> impl Iterator<Item = Acted> + '_ {
        let assigned = self.state.verifying().map(|verifying| Acted {
            part: ActedAs::Surveyor,
            person: verifying.surveyor,
        });
        let known = assigned.filter(|it| !self.acted.contains(it));
        self.acted.iter().copied().chain(known)
    }

    /// Folds one event. Total: an event that [`TABLE`](crate::TABLE) does not have for this status,
    /// or that does not fit the state, leaves the claim as it is, so its version falls behind and
    /// the verification of the history says so.
    #[must_use]
    pub fn apply(mut self, event: &Event) -> Self {
        if !may_happen(self.status(), event.what.kind()) {
            return self;
        }
        let before = self.state.clone();
        if let Some(state) = self.fold_state(before, event) {
            self.state = state;
            self.version += 1;
            self.deadline = event.due_on;
            let today = legal_day(event.stamp.at);
            self.stopped_on = self.is_stopped().then(|| self.stopped_on.unwrap_or(today));
            if let Some(part) = part_of(&event.what) {
                self.remember(part, &event.stamp);
            }
        }
        self
    }

    fn remember(&mut self, part: ActedAs, stamp: &Stamp) {
        for person in stamp.persons() {
            let acted = Acted { part, person };
            if !self.acted.contains(&acted) {
                self.acted.push(acted);
            }
        }
    }

    /// Decides the open objection `id`; `None` if there is none.
    fn settle_objection(
        &mut self,
        id: ObjectionId,
        status: ObjectionStatus,
        event: &Event,
        findings: &str,
    ) -> Option<()> {
        let objection = self
            .objections
            .iter_mut()
            .find(|it| it.id == id && it.status == ObjectionStatus::Open)?;
        objection.status = status;
        objection.resolved = Some(event.stamp.clone());
        objection.findings = Some(findings.to_owned());
        Some(())
    }

    fn fold_state(&mut self, state: State, event: &Event) -> Option<State> {
        let stamp = event.stamp.clone();
        Some(match &event.what {
            Happening::ReferralDrafted(_) => return None,
            Happening::ReferralAmended { case } => {
                self.case = case.clone();
                State::Draft(Draft { drafted: stamp })
            }
            Happening::CaseReferred => State::Referred(Referred { referred: stamp }),
            Happening::ReferralReturned { reasons } => State::Returned(Returned {
                returned: stamp,
                reasons: reasons.clone(),
            }),
            Happening::ReferralAccepted => {
                let State::Referred(referred) = state else {
                    return None;
                };
                State::Accepted(Accepted {
                    referred: referred.referred,
                    accepted: stamp,
                })
            }
            Happening::SurveyAssigned { surveyor } => {
                let reopened = state
                    .verifying()
                    .and_then(|verifying| verifying.reopened.clone());
                State::Verifying(Verifying {
                    accepted: state.accepted()?.clone(),
                    surveyor: *surveyor,
                    findings: Vec::new(),
                    reopened,
                })
            }
            Happening::FindingRecorded {
                check,
                on,
                passed,
                votes,
                evidence,
                flags,
            } => {
                let State::Verifying(mut verifying) = state else {
                    return None;
                };
                verifying.findings.retain(|finding| finding.check != *check);
                verifying.findings.push(Finding {
                    check: *check,
                    on: *on,
                    passed: *passed,
                    votes: *votes,
                    evidence: evidence.clone(),
                    flags: flags.clone(),
                    recorded: stamp,
                });
                State::Verifying(verifying)
            }
            Happening::DocumentAttached { evidence } => {
                self.documents.push(Document {
                    evidence: evidence.clone(),
                    recorded: stamp,
                });
                state
            }
            Happening::VerificationRecorded {
                facts,
                assessment,
                payee,
            } => {
                let State::Verifying(verifying) = state else {
                    return None;
                };
                State::Verified(Verified {
                    verifying,
                    facts: (**facts).clone(),
                    assessment: (**assessment).clone(),
                    payee: *payee,
                    verified: stamp,
                    preview: None,
                })
            }
            Happening::DeclaredIneligible {
                lines,
                letter_due_on,
            } => {
                let accepted = state.accepted()?.clone();
                self.refusals
                    .push(Refusal::new(lines, stamp, *letter_due_on));
                State::Ineligible(Ineligible {
                    accepted,
                    verifying: state.into_verifying(),
                })
            }
            Happening::NoticePreviewed { content_hash } => {
                let State::Verified(verified) = state else {
                    return None;
                };
                State::Verified(Verified {
                    preview: Some(Preview {
                        previewed: stamp,
                        content_hash: content_hash.clone(),
                    }),
                    ..verified
                })
            }
            Happening::PublicNoticeOpened {
                notice,
                line,
                content_hash,
                posted_on,
                last_day,
                closes_at,
            } => {
                let State::Verified(verified) = state else {
                    return None;
                };
                State::NoticeOpen(NoticeOpen {
                    verified,
                    notice: Notice {
                        id: *notice,
                        line: (**line).clone(),
                        content_hash: content_hash.clone(),
                        posted_on: *posted_on,
                        last_day: *last_day,
                        closes_at: *closes_at,
                        opened: stamp,
                    },
                    proofs: Vec::new(),
                })
            }
            Happening::PublicationProved {
                content_hash,
                evidence,
            } => {
                let State::NoticeOpen(mut open) = state else {
                    return None;
                };
                open.proofs.push(Proof {
                    evidence: evidence.clone(),
                    content_hash: content_hash.clone(),
                    recorded: stamp,
                });
                State::NoticeOpen(open)
            }
            Happening::ObjectionRaised { objection, grounds } => {
                self.objections.push(Objection {
                    id: *objection,
                    status: ObjectionStatus::Open,
                    grounds: grounds.clone(),
                    raised: stamp,
                    resolved: None,
                    findings: None,
                });
                state
            }
            Happening::ObjectionUpheld {
                objection,
                findings,
            } => {
                let verifying = state.into_verifying()?.again(Reopened::Objection);
                self.settle_objection(*objection, ObjectionStatus::Upheld, event, findings)?;
                State::Verifying(verifying)
            }
            Happening::ObjectionDismissed {
                objection,
                findings,
            } => {
                self.settle_objection(*objection, ObjectionStatus::Dismissed, event, findings)?;
                state
            }
            Happening::NoticeClosed => {
                let State::NoticeOpen(open) = state else {
                    return None;
                };
                State::NoticeClosed(NoticeClosed {
                    open,
                    closed: stamp,
                    review: None,
                    first_approval: None,
                })
            }
            Happening::CountyReviewed => {
                let State::NoticeClosed(closed) = state else {
                    return None;
                };
                State::NoticeClosed(NoticeClosed {
                    review: Some(stamp),
                    ..closed
                })
            }
            Happening::FirstApprovalGiven {
                benefit,
                uplift,
                amount,
                payee,
                dossier,
            } => {
                let State::NoticeClosed(closed) = state else {
                    return None;
                };
                let first_approval = Some(Approval {
                    benefit: *benefit,
                    uplift: uplift.clone(),
                    amount: *amount,
                    payee: *payee,
                    dossier: Seal::on(self, dossier),
                    approved: stamp,
                });
                State::NoticeClosed(NoticeClosed {
                    first_approval,
                    ..closed
                })
            }
            Happening::ClaimApproved {
                benefit,
                uplift,
                amount,
                payee,
                dossier,
            } => {
                let State::NoticeClosed(closed) = state else {
                    return None;
                };
                State::Approved(Approved {
                    // A first approval that awaited a second is superseded by this one.
                    closed: NoticeClosed {
                        first_approval: None,
                        ..closed
                    },
                    approval: Approval {
                        benefit: *benefit,
                        uplift: uplift.clone(),
                        amount: *amount,
                        payee: *payee,
                        dossier: Seal::on(self, dossier),
                        approved: stamp,
                    },
                    second: None,
                })
            }
            Happening::ApprovalQueued {
                benefit,
                uplift,
                amount,
                payee,
                rank,
                dossier,
            } => {
                let State::NoticeClosed(closed) = state else {
                    return None;
                };
                State::AwaitingFunds(AwaitingFunds {
                    approved: Approved {
                        closed: NoticeClosed {
                            first_approval: None,
                            ..closed
                        },
                        approval: Approval {
                            benefit: *benefit,
                            uplift: uplift.clone(),
                            amount: *amount,
                            payee: *payee,
                            dossier: Seal::on(self, dossier),
                            approved: stamp.clone(),
                        },
                        second: None,
                    },
                    rank: rank.clone(),
                })
            }
            Happening::SecondApprovalQueued { rank, dossier: _ } => {
                let State::NoticeClosed(mut closed) = state else {
                    return None;
                };
                let approval = closed.first_approval.take()?;
                State::AwaitingFunds(AwaitingFunds {
                    approved: Approved {
                        closed,
                        approval,
                        second: Some(stamp.clone()),
                    },
                    rank: rank.clone(),
                })
            }
            Happening::WaitingReserved => {
                let State::AwaitingFunds(waiting) = state else {
                    return None;
                };
                State::Approved(waiting.approved)
            }
            Happening::SecondApprovalGiven { .. } => {
                let State::NoticeClosed(mut closed) = state else {
                    return None;
                };
                let approval = closed.first_approval.take()?;
                State::Approved(Approved {
                    closed,
                    approval,
                    second: Some(stamp),
                })
            }
            Happening::ClaimRejected {
                lines,
                letter_due_on,
            } => {
                let closed = state.closed_notice()?.clone();
                self.refusals
                    .push(Refusal::new(lines, stamp, *letter_due_on));
                State::Rejected(Rejected { closed })
            }
            Happening::ClaimSentBack { questions } => {
                let verifying = state.into_verifying()?;
                State::Verifying(verifying.again(Reopened::Questions(questions.clone())))
            }
            Happening::PayeeChanged { payee } => {
                let verifying = state.into_verifying()?;
                self.case.payee = *payee;
                State::Verifying(verifying.again(Reopened::PayeeChanged {
                    by: stamp.by,
                    on_behalf_of: stamp.on_behalf_of,
                }))
            }
            Happening::PayeeConfirmed { .. } => {
                let State::Verifying(verifying) = state else {
                    return None;
                };
                State::Verifying(Verifying {
                    reopened: None,
                    ..verifying
                })
            }
            Happening::PayoutInstructed {
                payment,
                instruction_no,
                amount,
                payee,
            } => {
                let State::Approved(approved) = state else {
                    return None;
                };
                self.instructions = self.instructions.saturating_add(1);
                State::Instructed(Instructed {
                    approved,
                    instruction: Instruction {
                        payment: *payment,
                        instruction_no: instruction_no.clone(),
                        amount: *amount,
                        payee: *payee,
                        instructed: stamp,
                    },
                })
            }
            Happening::PayoutConfirmed { bank_ref } => {
                let instructed = pending(state)?;
                State::Paid(Paid {
                    instructed,
                    bank_ref: bank_ref.clone(),
                    confirmed: stamp,
                })
            }
            Happening::PayoutFailed { reason } => {
                let approved = pending(state)?.approved;
                State::PayFailed(PayFailed {
                    approved,
                    reason: reason.clone(),
                })
            }
            Happening::PayoutReturned { bank_ref } => {
                let paid = settled(state)?;
                State::PayReturned(PayReturned {
                    approved: paid.instructed.approved,
                    bank_ref: bank_ref.clone(),
                })
            }
            Happening::PayoutUnknown { reason } => {
                let State::Instructed(instructed) = state else {
                    return None;
                };
                State::PayUnknown(PayUnknown {
                    instructed,
                    reason: reason.clone(),
                })
            }
            Happening::PayoutReinstated => State::Approved(state.approved()?.clone()),
            Happening::ClaimWithdrawn { reason } => State::Withdrawn(Withdrawn {
                withdrawn: stamp,
                from: state.status(),
                reason: reason.clone(),
            }),
            Happening::ClaimClosed { archive_no } => {
                let archive_no = archive_no.clone();
                let paid = match state {
                    State::Paid(paid) => paid,
                    other => {
                        let refused = match other {
                            State::AppealDismissed(dismissed) => dismissed.refused,
                            refusal => Refused::of(refusal)?,
                        };
                        return Some(State::RefusalClosed(RefusalClosed {
                            refused,
                            archive_no,
                            closed: stamp,
                        }));
                    }
                };
                State::Closed(Closed {
                    paid,
                    archive_no,
                    closed: stamp,
                })
            }
            Happening::RecoveryStarted { reason } => {
                let paid = settled(state)?;
                State::Recovering(Recovering {
                    paid,
                    reason: reason.clone(),
                    instalments: Vec::new(),
                    write_off: None,
                })
            }
            Happening::RecoveryRecorded { amount, bank_ref } => {
                let State::Recovering(recovering) = state else {
                    return None;
                };
                State::Recovering(came(recovering, *amount, bank_ref, stamp))
            }
            Happening::WriteOffProposed { amount, reason } => {
                let State::Recovering(recovering) = state else {
                    return None;
                };
                State::Recovering(Recovering {
                    write_off: Some(WriteOff {
                        amount: *amount,
                        reason: reason.clone(),
                        proposed: stamp,
                    }),
                    ..recovering
                })
            }
            Happening::RecoveryWrittenOff => {
                let State::Recovering(mut recovering) = state else {
                    return None;
                };
                let write_off = recovering.write_off.take()?;
                State::WrittenOff(WrittenOff {
                    recovering,
                    write_off,
                    confirmed: stamp,
                })
            }
            Happening::RecoveryCompleted { bank_ref } => {
                let State::Recovering(recovering) = state else {
                    return None;
                };
                let rest = recovering.outstanding();
                let recovering = came(recovering, rest, bank_ref, stamp);
                State::Recovered(Recovered { recovering })
            }
            Happening::RefusalLetterIssued {
                letter,
                content_hash,
                delivery,
                handed_to,
            } => {
                self.refusals.last_mut()?.tell(IssuedLetter {
                    letter: (**letter).clone(),
                    content_hash: content_hash.clone(),
                    delivery: *delivery,
                    handed_to: handed_to.clone(),
                    issued: stamp,
                })?;
                state
            }
            Happening::AppealLodged { grounds } => {
                let refused = Refused::of(state)?;
                self.refusals.last_mut()?.lodge(grounds, stamp)?;
                State::Appealed(Appealed { refused })
            }
            Happening::AppealUpheld { findings } => {
                let State::Appealed(appealed) = state else {
                    return None;
                };
                self.refusals.last_mut()?.settle(AppealDecision {
                    upheld: true,
                    findings: findings.clone(),
                    decided: stamp,
                    letter_due_on: None,
                    letter: None,
                })?;
                appealed.refused.again()
            }
            Happening::AppealDismissed {
                findings,
                letter_due_on,
            } => {
                let State::Appealed(appealed) = state else {
                    return None;
                };
                self.refusals.last_mut()?.settle(AppealDecision {
                    upheld: false,
                    findings: findings.clone(),
                    decided: stamp,
                    letter_due_on: Some(*letter_due_on),
                    letter: None,
                })?;
                State::AppealDismissed(AppealDismissed {
                    refused: appealed.refused,
                })
            }
        })
    }
}

/// Whether the table has this event for this status.
fn may_happen(from: Status, event: EventKind) -> bool {
    TABLE
        .iter()
        .any(|row| row.from == Some(from) && row.event == event)
}

/// The part, among the four that different persons play, that an event shows its persons in.
fn part_of(what: &Happening) -> Option<ActedAs> {
    match what {
        Happening::CaseReferred => Some(ActedAs::Referrer),
        Happening::FindingRecorded {
            check: Check::FieldVisit,
            ..
        }
        | Happening::VerificationRecorded { .. } => Some(ActedAs::Surveyor),
        Happening::FirstApprovalGiven { .. }
        | Happening::ClaimApproved { .. }
        | Happening::SecondApprovalGiven { .. }
        | Happening::ApprovalQueued { .. }
        | Happening::SecondApprovalQueued { .. }
        | Happening::WaitingReserved => Some(ActedAs::Approver),
        Happening::PayoutInstructed { .. } => Some(ActedAs::Payer),
        Happening::FindingRecorded {
            check: Check::DataComparison | Check::VillageEvaluation | Check::TownshipReview,
            ..
        }
        | Happening::ReferralDrafted(_)
        | Happening::ReferralAmended { .. }
        | Happening::ReferralReturned { .. }
        | Happening::ReferralAccepted
        | Happening::SurveyAssigned { .. }
        | Happening::DocumentAttached { .. }
        | Happening::DeclaredIneligible { .. }
        | Happening::NoticePreviewed { .. }
        | Happening::PublicNoticeOpened { .. }
        | Happening::PublicationProved { .. }
        | Happening::ObjectionRaised { .. }
        | Happening::ObjectionUpheld { .. }
        | Happening::ObjectionDismissed { .. }
        | Happening::NoticeClosed
        | Happening::CountyReviewed
        | Happening::ClaimRejected { .. }
        | Happening::ClaimSentBack { .. }
        | Happening::PayeeChanged { .. }
        | Happening::PayeeConfirmed { .. }
        | Happening::PayoutConfirmed { .. }
        | Happening::PayoutFailed { .. }
        | Happening::PayoutReturned { .. }
        | Happening::PayoutUnknown { .. }
        | Happening::PayoutReinstated
        | Happening::ClaimWithdrawn { .. }
        | Happening::ClaimClosed { .. }
        | Happening::RecoveryStarted { .. }
        | Happening::RecoveryRecorded { .. }
        | Happening::WriteOffProposed { .. }
        | Happening::RecoveryWrittenOff
        | Happening::RecoveryCompleted { .. }
        | Happening::RefusalLetterIssued { .. }
        | Happening::AppealLodged { .. }
        | Happening::AppealUpheld { .. }
        | Happening::AppealDismissed { .. } => None,
    }
}

/// The instruction of a payment whose outcome is awaited.
fn pending(state: State) -> Option<Instructed> {
    if let State::Instructed(instructed) = state {
        return Some(instructed);
    }
    if let State::PayUnknown(unknown) = state {
        Some(unknown.instructed)
    } else {
        None
    }
}

/// A recovery after an instalment: a write-off that was proposed before speaks of another sum.
fn came(recovering: Recovering, amount: Fen, bank_ref: &str, recorded: Stamp) -> Recovering {
    let mut instalments = recovering.instalments;
    instalments.push(Instalment {
        amount,
        bank_ref: bank_ref.to_owned(),
        recorded,
    });
    Recovering {
        instalments,
        write_off: None,
        ..recovering
    }
}

/// A payment that arrived.
fn settled(state: State) -> Option<Paid> {
    if let State::Paid(paid) = state {
        return Some(paid);
    }
    if let State::Closed(closed) = state {
        Some(closed.paid)
    } else {
        None
    }
}
