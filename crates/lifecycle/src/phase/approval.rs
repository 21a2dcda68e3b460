//! APPROVAL (审批): the insurer's approver confirms the sum that was seen; money is reserved.

use crate::calendar::legal_day;
use crate::claim::{Claim, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::dossier::{self, Seal};
use crate::event::Happening;
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::phase::document::documents_due;
use crate::phase::payout::payable_to;
use crate::phase::public_notice::{NoticeClosed, no_objection_open, proved, term_ran};
use crate::phase::referral::{separate, settles_advance};
use crate::phase::refusal::{RefusalLine, reasoned};
use crate::phase::verification::letter_due;
use crate::scheme::{DueStep, QueueOrder, YearDate};
use crate::{ActedAs, Blocked, PayeeId, Stamp};
use benefits::{Accumulation, Assessment, Fen, RunningTotals, assess};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// An uplift (特殊提标) beyond the table, as its own approved line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplift {
    /// Positive fen, within the scheme's `uplift_max`.
    pub amount: Fen,
    /// Why the table amount does not remove the risk.
    pub reason: String,
}

/// An approval, first or complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The table's benefit.
    pub benefit: Fen,
    /// The uplift, if any.
    pub uplift: Option<Uplift>,
    /// Benefit plus uplift: what is reserved and paid.
    pub amount: Fen,
    /// The payee that was approved.
    pub payee: PayeeId,
    /// The dossier that was confirmed.
    pub dossier: Seal,
    /// Who approved, when.
    pub approved: Stamp,
}

/// APPROVED (已审批, money reserved).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The completed notice.
    pub closed: NoticeClosed,
    /// The approval.
    pub approval: Approval,
    /// The second approver, above the limit.
    pub second: Option<Stamp>,
}

impl Approved {
    /// When it was complete: by the second approver where there is one.
    pub const fn completed(&self) -> &Stamp {
        match &self.second {
            Some(second) => second,
            None => &self.approval.approved,
        }
    }
}

/// What an approver confirms besides the sum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirmed<'a> {
    /// The payee that was seen.
    pub payee: PayeeId,
    /// The hash of the dossier that was seen.
    pub dossier: &'a str,
}

impl Confirmed<'_> {
    /// Whether it is what stands.
    fn holds(self, claim: &Claim) -> Result<(), Blocked> {
        let stands = dossier::hash(claim);
        hold(
            Guard::DossierAsSeen,
            stands.as_deref() == Some(self.dossier),
            || Blocked::Mismatch {
                field: "dossierHash",
            },
        )?;
        hold(
            Guard::PayeeAsApproved,
            self.payee == claim.case.payee,
            || Blocked::Mismatch { field: "payeeId" },
        )
    }
}

/// `AWAITING_FUNDS` (待资金): approved, but the pool does not hold enough, or others wait for its money
/// before. Nothing is reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitingFunds {
    /// What was approved.
    pub approved: Approved,
    /// The place in the queue: of two claims of a pool the one with the smaller text is first.
    pub rank: String,
}

/// REJECTED (拒赔).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The completed notice.
    pub closed: NoticeClosed,
}

/// The completed notice of a claim that can still be refused: one that waits for money as well.
fn refusable<'a>(claim: &'a Claim, order: &Order) -> Result<&'a NoticeClosed, Blocked> {
    if let State::AwaitingFunds(waiting) = &claim.state {
        return Ok(&waiting.approved.closed);
    }
    closed(claim, order)
}

fn closed<'a>(claim: &'a Claim, order: &Order) -> Result<&'a NoticeClosed, Blocked> {
    if let State::NoticeClosed(closed) = &claim.state {
        Ok(closed)
    } else {
        Err(invalid(claim, order))
    }
}

pub(crate) fn review(claim: &Claim, order: &Order) -> Ruling {
    closed(claim, order)?;
    let resolvers = claim
        .objections
        .iter()
        .filter_map(|it| it.resolved.as_ref())
        .flat_map(Stamp::persons)
        .map(|it| ("RESOLVER", it));
    separate(
        order,
        claim.who_acted_as(ActedAs::Referrer).chain(resolvers),
    )?;
    Ok(Happening::CountyReviewed)
}

/// What invariants 1, 3 and 4 ask before money is reserved.
fn approvable(
    claim: &Claim,
    order: &Order,
    closed: &NoticeClosed,
    facts: &Facts,
    approved_on: NaiveDate,
    benefit: Fen,
    uplift: Option<&Uplift>,
) -> Result<Fen, Blocked> {
    separate(order, claim.kept_from(ActedAs::Approver))?;
    term_ran(&closed.open, facts)?;
    proved(&closed.open, facts)?;
    no_objection_open(claim)?;
    if facts.scheme.county_review && closed.review.is_none() {
        return Err(Blocked::ReviewRequired {});
    }
    facts.scheme.year.holds(YearDate::Approval, approved_on)?;
    documents_due(claim, DueStep::Approval, &[], facts)?;
    let assessment = &closed.open.verified.assessment;
    // The approver echoes the benefit that was seen: more is never lawful, less is another screen.
    hold(
        Guard::WithinAssessment,
        benefit <= assessment.benefit,
        || Blocked::OverAssessment {
            assessed: assessment.benefit,
        },
    )?;
    if benefit < assessment.benefit {
        return Err(Blocked::Mismatch {
            field: "benefitFen",
        });
    }
    hold(Guard::PositiveAmount, benefit.get() > 0, || {
        Blocked::NoBenefit {}
    })?;
    let extra = uplift.map_or(Fen::ZERO, |uplift| uplift.amount);
    if uplift.is_some_and(|it| it.amount.get() <= 0 || it.reason.trim().is_empty()) {
        return Err(Blocked::Validation {
            field: "uplift",
            reason: "NOT_POSITIVE",
        });
    }
    let amount = benefit.checked_add(extra).ok_or(Blocked::Validation {
        field: "uplift",
        reason: "TOO_LARGE",
    })?;
    hold(
        Guard::WithinAssessment,
        extra <= facts.scheme.uplift_max && extra <= uplift_room(assessment),
        || Blocked::OverAssessment {
            assessed: assessment.benefit,
        },
    )?;
    // Where losses add up over the year, another claim approved since then changes this one's sum; an earlier claim of the
    // event whose money came back does as well.
    hold(
        Guard::WithinAssessment,
        prior_loss_stands(assessment, facts) && event_stands(claim, assessment, facts),
        || Blocked::AssessmentStale {},
    )?;
    let remaining = cap_remaining(claim, assessment, facts);
    if let Some(remaining) = remaining {
        hold(Guard::WithinCaps, amount <= remaining, || {
            Blocked::CapExceeded { remaining }
        })?;
    }
    // To a settled pool no money comes any more: there is nothing to wait for.
    if facts.seen.pool_settled {
        let available = facts.seen.pool_available;
        return Err(Blocked::PoolInsufficient { available });
    }
    payable_to(claim, facts)?;
    Ok(amount)
}

/// Whether the pool's money is there for a claim now. Nobody overtakes: while any claim waits, only the
/// first of them is reserved, even if a smaller one would fit.
fn funded(claim: &Claim, amount: Fen, facts: &Facts) -> Result<(), Blocked> {
    let first = facts.seen.first_waiting;
    hold(
        Guard::QueueOrder,
        first.is_none_or(|it| it == claim.id),
        || Blocked::NotFirst {},
    )?;
    let available = facts.seen.pool_available;
    hold(Guard::WithinPool, amount <= available, || {
        Blocked::PoolInsufficient { available }
    })
}

/// The place in the pool's queue, as the scheme orders it; equal ones by their claim's number.
fn rank(claim: &Claim, closed: &NoticeClosed, amount: Fen, facts: &Facts) -> String {
    let day = legal_day(closed.closed.at);
    let key = match facts.scheme.pool.queue_order {
        QueueOrder::NoticeClosed => day.to_string(),
        QueueOrder::Approval => facts.seen.now.format("%FT%T%.6f").to_string(),
        QueueOrder::SmallestFirst => format!("{:019}", amount.get()),
        QueueOrder::Group => {
            let groups = &facts.scheme.coverage.groups;
            let place = groups.iter().position(|it| *it == facts.seen.group);
            format!("{:04} {day}", place.unwrap_or(groups.len()))
        }
    };
    // Numbers end in a count without leading zeros beyond five: the longer one is the later.
    format!("{key} {:>24}", claim.number)
}

/// The largest uplift (特殊提标) that an assessment has room for: what of the event's losses its claims, this one included,
/// leave to the household.
pub fn uplift_room(assessment: &Assessment) -> Fen {
    let event = &assessment.used.event;
    let borne = assessment.eligible.checked_add(event.loss);
    let given = assessment.benefit.checked_add(event.held);
    borne.zip(given).map_or(Fen::ZERO, |(borne, given)| {
        borne.saturating_sub_to_zero(given)
    })
}

/// Whether what earlier claims of the event hold today gives the benefit that was assessed.
fn event_stands(claim: &Claim, assessment: &Assessment, facts: &Facts) -> bool {
    let event = facts.seen.used.event;
    if assessment.used.event == event {
        return true;
    }
    let terms = facts.scheme.terms(claim.case.peril);
    let schedule = terms.and_then(|terms| terms.schedule_of(&assessment.schedule_id));
    let used = RunningTotals {
        event,
        ..assessment.used.clone()
    };
    let today = schedule.map(|schedule| assess(schedule, &assessment.loss, &used));
    matches!(today, Some(Ok(today)) if today.benefit == assessment.benefit)
}

/// Whether the losses of the year that the assessment built on are still the losses of the year.
fn prior_loss_stands(assessment: &Assessment, facts: &Facts) -> bool {
    let used = &facts.seen.used;
    match assessment.accumulation {
        Accumulation::Event => true,
        Accumulation::PersonYear => assessment.used.person_year_loss == used.person_year_loss,
        Accumulation::HouseholdYear => {
            assessment.used.household_year_loss == used.household_year_loss
        }
    }
}

/// What the caps leave, now that other claims may have been approved since the assessment.
pub(crate) fn cap_remaining(claim: &Claim, assessment: &Assessment, facts: &Facts) -> Option<Fen> {
    let terms = facts.scheme.terms(claim.case.peril)?;
    let schedule = terms.schedule_of(&assessment.schedule_id)?;
    schedule
        .caps
        .iter()
        .map(|cap| {
            let used = facts.seen.used.of(cap.scope);
            cap.limit.saturating_sub_to_zero(used)
        })
        .min()
}

pub(crate) fn approve(
    claim: &Claim,
    order: &Order,
    benefit: Fen,
    uplift: Option<&Uplift>,
    seen: Confirmed<'_>,
    facts: &Facts,
) -> Ruling {
    let closed = closed(claim, order)?;
    seen.holds(claim)?;
    settles_advance(false, facts)?;
    let today = facts.today();
    let amount = approvable(claim, order, closed, facts, today, benefit, uplift)?;
    let uplift = uplift.cloned();
    let limits = authority(order, amount, facts)?;
    let payee = seen.payee;
    let dossier = seen.dossier.to_owned();
    let alone = limits.alone(amount, uplift.is_some(), facts);
    // Beyond the limit one approver gives a first approval, once; to give it again is no second.
    let awaits_another = closed.first_approval.as_ref().is_some_and(|first| {
        let same = |person| order.actor.persons().any(|it| it == person);
        let same_sum = first.amount == amount && first.dossier.hash == seen.dossier;
        same_sum && first.approved.persons().any(same)
    });
    if awaits_another {
        alone.clone()?;
    }
    Ok(if alone.is_ok() && funded(claim, amount, facts).is_ok() {
        Happening::ClaimApproved {
            benefit,
            uplift,
            amount,
            payee,
            dossier,
        }
    } else if alone.is_ok() {
        Happening::ApprovalQueued {
            benefit,
            uplift,
            amount,
            payee,
            rank: rank(claim, closed, amount, facts),
            dossier,
        }
    } else {
        Happening::FirstApprovalGiven {
            benefit,
            uplift,
            amount,
            payee,
            dossier,
        }
    })
}

/// What the caller may approve alone.
struct Limits {
    claim: Fen,
    twelve_months: Option<Fen>,
}

impl Limits {
    /// Whether one approver is enough.
    fn alone(&self, amount: Fen, uplifted: bool, facts: &Facts) -> Result<(), Blocked> {
        let limit = self.claim;
        hold(Guard::WithinLimit, amount <= limit && !uplifted, || {
            Blocked::OverLimit { limit }
        })?;
        within_twelve_months(amount, self.twelve_months, facts, |limit, approved| {
            Blocked::OverTwelveMonthLimit { limit, approved }
        })
    }
}

/// Whether the claim, with what was approved for the household in twelve months, keeps a limit.
fn within_twelve_months(
    amount: Fen,
    limit: Option<Fen>,
    facts: &Facts,
    refusal: impl FnOnce(Fen, Fen) -> Blocked,
) -> Result<(), Blocked> {
    let Some(limit) = limit else {
        return Ok(());
    };
    let approved = facts.seen.approved_twelve_months;
    let sum = approved.checked_add(amount);
    hold(
        Guard::WithinTwelveMonths,
        sum.is_some_and(|sum| sum <= limit),
        || refusal(limit, approved),
    )
}

/// What the caller may approve alone; refuses what is beyond this caller even with a second.
fn authority(order: &Order, amount: Fen, facts: &Facts) -> Result<Limits, Blocked> {
    let duties = &order.actor.duties;
    let rows = facts.scheme.authority_of(duties);
    let (alone_max, second_max) = rows.unwrap_or((Fen::ZERO, Some(Fen::ZERO)));
    if let Some(limit) = second_max {
        hold(Guard::WithinLimit, amount <= limit, || {
            Blocked::BeyondAuthority { limit }
        })?;
    }
    let (twelve_alone, twelve_second) = facts.scheme.twelve_months_authority_of(duties);
    within_twelve_months(amount, twelve_second, facts, |limit, approved| {
        Blocked::BeyondTwelveMonthAuthority { limit, approved }
    })?;
    Ok(Limits {
        claim: alone_max,
        twelve_months: twelve_alone,
    })
}

pub(crate) fn second_approve(
    claim: &Claim,
    order: &Order,
    amount: Fen,
    seen: Confirmed<'_>,
    facts: &Facts,
) -> Ruling {
    let closed = closed(claim, order)?;
    seen.holds(claim)?;
    settles_advance(false, facts)?;
    let first = closed
        .first_approval
        .as_ref()
        .ok_or(Blocked::NoFirstApproval {})?;
    separate(order, first.approved.persons().map(|it| ("APPROVER", it)))?;
    // Both approvals are of one dossier: what came in between, the first approver has to see.
    hold(
        Guard::ApprovalStands,
        first.dossier.hash == seen.dossier,
        || Blocked::DossierChanged {},
    )?;
    authority(order, first.amount, facts)?;
    let computed = approvable(
        claim,
        order,
        closed,
        facts,
        facts.today(),
        first.benefit,
        first.uplift.as_ref(),
    )?;
    hold(
        Guard::WithinAssessment,
        amount == first.amount && computed == amount,
        || Blocked::Mismatch { field: "amountFen" },
    )?;
    hold(
        Guard::PayeeAsApproved,
        first.payee == claim.case.payee,
        || Blocked::Mismatch { field: "payeeId" },
    )?;
    Ok(if funded(claim, amount, facts).is_ok() {
        Happening::SecondApprovalGiven {
            dossier: seen.dossier.to_owned(),
        }
    } else {
        Happening::SecondApprovalQueued {
            rank: rank(claim, closed, amount, facts),
            dossier: seen.dossier.to_owned(),
        }
    })
}

/// Money for a claim that waits: a person gives it, what the approval rests on is judged again as of today, and only
/// the first of the queue may have it. Who may approve how much was asked when it was approved, and so was the policy year:
/// neither can stop a queue later.
pub(crate) fn reserve(claim: &Claim, order: &Order, amount: Fen, facts: &Facts) -> Ruling {
    let State::AwaitingFunds(waiting) = &claim.state else {
        return Err(invalid(claim, order));
    };
    let Approved {
        closed, approval, ..
    } = &waiting.approved;
    let uplift = approval.uplift.as_ref();
    hold(
        Guard::ApprovalStands,
        approval.dossier.stands(claim),
        || Blocked::DossierChanged {},
    )?;
    let approved_on = legal_day(waiting.approved.completed().at);
    let benefit = approval.benefit;
    let computed = approvable(claim, order, closed, facts, approved_on, benefit, uplift)?;
    hold(
        Guard::WithinAssessment,
        amount == approval.amount && computed == amount,
        || Blocked::Mismatch { field: "amountFen" },
    )?;
    hold(
        Guard::PayeeAsApproved,
        approval.payee == claim.case.payee,
        || Blocked::Mismatch { field: "payeeId" },
    )?;
    funded(claim, amount, facts)?;
    Ok(Happening::WaitingReserved)
}

pub(crate) fn reject(claim: &Claim, order: &Order, lines: &[RefusalLine], facts: &Facts) -> Ruling {
    refusable(claim, order)?;
    separate(order, claim.kept_from(ActedAs::Approver))?;
    reasoned(lines, &facts.scheme)?;
    Ok(Happening::ClaimRejected {
        lines: lines.to_vec(),
        letter_due_on: letter_due(facts)?,
    })
}

pub(crate) fn send_back(claim: &Claim, order: &Order, questions: &[String]) -> Ruling {
    refusable(claim, order)?;
    if questions.iter().all(|question| question.trim().is_empty()) {
        return Err(Blocked::Validation {
            field: "questions",
            reason: "EMPTY",
        });
    }
    Ok(Happening::ClaimSentBack {
        questions: questions.to_vec(),
    })
}
