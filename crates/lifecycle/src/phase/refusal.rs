//! REFUSAL (拒赔): told by a letter, appealed against once, decided by another person, archived.

use crate::claim::{Claim, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::letter::Letter;
use crate::phase::approval::Rejected;
use crate::phase::payout::named;
use crate::phase::public_notice::NoticeClosed;
use crate::phase::referral::separate;
use crate::phase::verification::{Ineligible, letter_due};
use crate::scheme::Scheme;
use crate::{Blocked, PersonId, Stamp, Status, calendar, coded};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// How many days after the delivery of a letter it may still be put on record: a delivery recorded late would
/// shorten the appeal time that is left.
const RECORDED_LATE_DAYS_MAX: i64 = 3;

coded! {
    /// Why a claim is refused (拒赔原因).
    RefusalCode {
        NotListed = "NOT_LISTED" "该户不在保障对象名单内",
        OutsideCover = "OUTSIDE_COVER" "事件不在保险期间内",
        PerilNotCovered = "PERIL_NOT_COVERED" "不属于保障的致贫原因",
        BelowDeductible = "BELOW_DEDUCTIBLE" "自付费用没有超过起付线",
        EvidenceMissing = "EVIDENCE_MISSING" "必需的材料没有交齐",
        FactsDisproved = "FACTS_DISPROVED" "申报的情况经核查不属实",
        ThirdPartyLiable = "THIRD_PARTY_LIABLE" "应由有责任的第三方承担",
        MeansExceeded = "MEANS_EXCEEDED" "收入或财产不符合条件",
        EvaluationNotPassed = "EVALUATION_NOT_PASSED" "民主评议没有通过",
        PaidElsewhere = "PAID_ELSEWHERE" "同一损失已由其他途径赔付",
        Other = "OTHER" "其他原因",
    }
}

coded! {
    /// How a letter came to the household (送达方式).
    Delivery {
        HandedOver = "HANDED_OVER" "当面送达",
        LeftWithFamily = "LEFT_WITH_FAMILY" "同住成年家属代收",
        Posted = "POSTED" "邮寄送达",
    }
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalLine {
    /// The reason.
    pub code: RefusalCode,
    /// What was found, in plain words.
    pub facts: String,
    /// The clause of the pinned scheme it rests on, by its id.
    pub clause: String,
}

/// A letter that reached the household. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedLetter {
    /// What it says.
    pub letter: Letter,
    /// Hash of what it says.
    pub content_hash: String,
    /// How it came there.
    pub delivery: Delivery,
    /// Who took it.
    pub handed_to: String,
    /// Who issued it, when.
    pub issued: Stamp,
}

/// An appeal (申诉) against a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    /// Why the household does not agree.
    pub grounds: String,
    /// Who recorded it, when.
    pub lodged: Stamp,
    /// What was decided.
    pub decision: Option<AppealDecision>,
}

/// The decision of an appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppealDecision {
    /// Whether the household was right: the case is taken up again.
    pub upheld: bool,
    /// Why.
    pub findings: String,
    /// Who decided, when.
    pub decided: Stamp,
    /// The day by which a letter tells that it was dismissed; `None` if it was upheld.
    pub letter_due_on: Option<NaiveDate>,
    /// That letter.
    pub letter: Option<IssuedLetter>,
}

/// A refusal (拒赔). It stays with the claim whatever comes of it (invariant 12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reasons, at least one.
    pub lines: Vec<RefusalLine>,
    /// Who refused, when.
    pub decided: Stamp,
    /// The day its letter is due.
    pub letter_due_on: NaiveDate,
    /// The letter.
    pub letter: Option<IssuedLetter>,
    /// The appeal; there is at most one.
    pub appeal: Option<Appeal>,
}

impl Refusal {
    pub(crate) fn new(lines: &[RefusalLine], decided: Stamp, letter_due_on: NaiveDate) -> Self {
        Self {
            lines: lines.to_vec(),
            decided,
            letter_due_on,
            letter: None,
            appeal: None,
        }
    }

    /// The last day for an appeal, once the letter tells one.
    pub fn appeal_until(&self) -> Option<NaiveDate> {
        self.letter.as_ref().and_then(|it| it.letter.appeal_until)
    }

    /// The decision of its appeal.
    pub fn decision(&self) -> Option<&AppealDecision> {
        self.appeal.as_ref().and_then(|it| it.decision.as_ref())
    }

    /// The letter that tells how it stands, once it went out, and the day it was or is due: of the decision of its
    /// appeal, else its own. None is due of an appeal that was upheld.
    pub fn standing_letter(&self) -> (Option<&IssuedLetter>, Option<NaiveDate>) {
        match self.decision() {
            Some(decision) => (decision.letter.as_ref(), decision.letter_due_on),
            None => (self.letter.as_ref(), Some(self.letter_due_on)),
        }
    }

    /// Takes the letter that is owed; `None` if none is.
    pub(crate) fn tell(&mut self, letter: IssuedLetter) -> Option<()> {
        let place = match &mut self.appeal {
            None => &mut self.letter,
            Some(appeal) => &mut appeal.decision.as_mut()?.letter,
        };
        place.is_none().then(|| *place = Some(letter))
    }

    /// Takes its one appeal, once it was told.
    pub(crate) fn lodge(&mut self, grounds: &str, lodged: Stamp) -> Option<()> {
        (self.letter.is_some() && self.appeal.is_none()).then(|| {
            self.appeal = Some(Appeal {
                grounds: grounds.to_owned(),
                lodged,
                decision: None,
            });
        })
    }

    /// Takes the decision of the open appeal.
    pub(crate) fn settle(&mut self, decision: AppealDecision) -> Option<()> {
        let appeal = self.appeal.as_mut()?;
        appeal
            .decision
            .is_none()
            .then(|| appeal.decision = Some(decision))
    }
}

/// What a refusal ended, and an appeal that is upheld takes up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lies in a state, which is as large anyway"
)]
pub enum Refused {
    /// The household did not qualify.
    Ineligible(Ineligible),
    /// The approver refused.
    Rejected(Rejected),
}

impl Refused {
    /// What stood before, if the state is a refusal.
    pub(crate) fn of(state: State) -> Option<Self> {
        if let State::Ineligible(ineligible) = state {
            return Some(Self::Ineligible(ineligible));
        }
        if let State::Rejected(rejected) = state {
            Some(Self::Rejected(rejected))
        } else {
            None
        }
    }

    /// The end without a notice.
    pub const fn ineligible(&self) -> Option<&Ineligible> {
        match self {
            Self::Ineligible(ineligible) => Some(ineligible),
            Self::Rejected(_) => None,
        }
    }

    /// The completed notice.
    pub const fn closed_notice(&self) -> Option<&NoticeClosed> {
        match self {
            Self::Ineligible(_) => None,
            Self::Rejected(rejected) => Some(&rejected.closed),
        }
    }

    /// The case, taken up again: where it was refused before anybody was to survey, as accepted.
    pub(crate) fn again(self) -> State {
        match self {
            Self::Ineligible(Ineligible {
                accepted,
                verifying: None,
            }) => State::Accepted(accepted),
            Self::Ineligible(Ineligible {
                verifying: Some(verifying),
                ..
            }) => State::Verifying(verifying.after_appeal()),
            Self::Rejected(rejected) => {
                State::Verifying(rejected.closed.open.verified.verifying.after_appeal())
            }
        }
    }
}

/// APPEALED (申诉中).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appealed {
    /// What was refused.
    pub refused: Refused,
}

/// `APPEAL_DISMISSED` (申诉驳回).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppealDismissed {
    /// What stays refused.
    pub refused: Refused,
}

/// `REFUSAL_CLOSED` (拒赔归档).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalClosed {
    /// What stays refused.
    pub refused: Refused,
    /// Archive number.
    pub archive_no: String,
    /// Who archived it, when.
    pub closed: Stamp,
}

/// Whether the reasons of a refusal can be told: at least one, each with facts and a clause of the scheme.
pub(crate) fn reasoned(lines: &[RefusalLine], scheme: &Scheme) -> Result<(), Blocked> {
    if lines.is_empty() || lines.iter().any(|line| line.facts.trim().is_empty()) {
        return Err(Blocked::Validation {
            field: "lines",
            reason: "EMPTY",
        });
    }
    if lines
        .iter()
        .any(|line| scheme.clause(&line.clause).is_none())
    {
        return Err(Blocked::ClauseUnknown {});
    }
    Ok(())
}

/// The refusal that stands, where the status is one from which the claim can be appealed or closed.
fn standing<'a>(claim: &'a Claim, order: &Order) -> Result<&'a Refusal, Blocked> {
    match claim.status() {
        Status::Ineligible | Status::Rejected | Status::AppealDismissed => {
            claim.refusals.last().ok_or_else(|| invalid(claim, order))
        }
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::Approved
        | Status::Instructed
        | Status::PayUnknown
        | Status::PayFailed
        | Status::Paid
        | Status::PayReturned
        | Status::Closed
        | Status::Recovering
        | Status::AwaitingFunds
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::RefusalClosed => Err(invalid(claim, order)),
    }
}

/// The contents of a letter as ordered.
#[derive(Clone, Copy)]
pub(crate) struct LetterEntry<'a> {
    pub content_hash: &'a str,
    pub delivered_on: NaiveDate,
    pub delivery: Delivery,
    pub handed_to: &'a str,
}

pub(crate) fn issue(claim: &Claim, order: &Order, entry: LetterEntry<'_>, facts: &Facts) -> Ruling {
    let refusal = standing(claim, order)?;
    let LetterEntry {
        content_hash,
        delivered_on,
        delivery,
        handed_to,
    } = entry;
    let decided = refusal
        .decision()
        .map_or(&refusal.decided, |it| &it.decided);
    let wrong = |field, reason| Err(Blocked::Validation { field, reason });
    if delivered_on > facts.today() {
        return wrong("deliveredOn", "IN_THE_FUTURE");
    }
    if delivered_on < calendar::legal_day(decided.at) {
        return wrong("deliveredOn", "BEFORE_THE_DECISION");
    }
    if (facts.today() - delivered_on).num_days() > RECORDED_LATE_DAYS_MAX {
        return wrong("deliveredOn", "TOO_LONG_AGO");
    }
    named("handedTo", handed_to)?;
    let letter = Letter::compose(
        claim,
        &facts.seen.village_name,
        &facts.seen.head_name,
        &facts.scheme,
        &facts.calendar,
        delivered_on,
    )?
    .ok_or(Blocked::LetterIssued {})?;
    // The household has in its hands what was seen.
    if letter.content_hash() != content_hash {
        return Err(Blocked::ContentChanged {});
    }
    Ok(Happening::RefusalLetterIssued {
        letter: Box::new(letter),
        content_hash: content_hash.to_owned(),
        delivery,
        handed_to: handed_to.to_owned(),
    })
}

pub(crate) fn lodge(claim: &Claim, order: &Order, grounds: &str, facts: &Facts) -> Ruling {
    let refusal = standing(claim, order)?;
    // One appeal is final.
    if refusal.appeal.is_some() {
        return Err(invalid(claim, order));
    }
    // The time runs from the letter, so without one there is nothing to appeal against in time.
    let last_day = refusal.appeal_until().ok_or(Blocked::LetterMissing {})?;
    hold(Guard::AppealInTime, facts.today() <= last_day, || {
        Blocked::AppealTimeOver { last_day }
    })?;
    named("grounds", grounds)?;
    Ok(Happening::AppealLodged {
        grounds: grounds.to_owned(),
    })
}

/// Those who may not decide an appeal: whoever had a part in the claim, refused it, reviewed it or recorded the appeal.
fn partial(claim: &Claim) -> Vec<(&'static str, PersonId)> {
    let as_part = |part: &'static str| move |person| (part, person);
    let refusers = claim.refusals.iter().flat_map(|it| it.decided.persons());
    let appeal = claim.refusals.last().and_then(|it| it.appeal.as_ref());
    let lodgers = appeal.into_iter().flat_map(|it| it.lodged.persons());
    let closed = claim.state.closed_notice();
    let review = closed.and_then(|closed| closed.review.as_ref());
    let reviewers = review.into_iter().flat_map(Stamp::persons);
    let mut persons = claim.separated_persons();
    persons.extend(refusers.map(as_part("REFUSER")));
    persons.extend(lodgers.map(as_part("APPELLANT")));
    persons.extend(reviewers.map(as_part("REVIEWER")));
    persons
}

pub(crate) fn decide(
    claim: &Claim,
    order: &Order,
    upheld: bool,
    findings: &str,
    facts: &Facts,
) -> Ruling {
    let State::Appealed(_) = &claim.state else {
        return Err(invalid(claim, order));
    };
    separate(order, partial(claim))?;
    named("findings", findings)?;
    let findings = findings.to_owned();
    Ok(if upheld {
        Happening::AppealUpheld { findings }
    } else {
        Happening::AppealDismissed {
            findings,
            letter_due_on: letter_due(facts)?,
        }
    })
}

/// Invariant 13: a refused claim is closed when the household was told, and the time for its appeal is over or the
/// appeal was dismissed.
pub(crate) fn told(claim: &Claim, order: &Order, facts: &Facts) -> Result<(), Blocked> {
    let refusal = standing(claim, order)?;
    let is_told = refusal.standing_letter().0.is_some();
    hold(Guard::RefusalTold, is_told, || Blocked::LetterMissing {})?;
    if let Some(last_day) = refusal.appeal_until().filter(|_| refusal.appeal.is_none()) {
        hold(Guard::AppealTimeRan, facts.today() > last_day, || {
            Blocked::AppealTimeRuns { last_day }
        })?;
    }
    Ok(())
}
