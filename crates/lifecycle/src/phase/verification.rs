//! VERIFICATION (核查): the surveyor visits, the village evaluates, the benefit is computed.

use crate::claim::{Claim, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::phase::referral::{Accepted, separate};
use crate::scheme::Check;
use crate::{ActedAs, BillKey, Blocked, Duty, PayeeId, PersonId, Stamp};
use benefits::{Assessment, Fen, Layer, Loss, assess};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// A document or photo in the evidence store, by kind and content hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The kind, as the scheme names it (材料类别).
    pub kind: String,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
}

impl Evidence {
    /// Whether it names a kind and a SHA-256.
    pub(crate) fn is_sound(&self) -> bool {
        !self.kind.trim().is_empty()
            && self.sha256.len() == 64
            && self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// The votes of a village evaluation (民主评议).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    /// Persons entitled to vote who were present.
    pub present: u16,
    /// Votes in favour.
    pub agree: u16,
    /// Votes against.
    pub against: u16,
}

/// One recorded check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// The day it was made.
    pub on: NaiveDate,
    /// Whether the household passed.
    pub passed: bool,
    /// The votes, for a village evaluation.
    pub votes: Option<Votes>,
    /// Evidence.
    pub evidence: Vec<Evidence>,
    /// Who recorded it, when.
    pub recorded: Stamp,
}

/// One bill (票据), by its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Its identity.
    pub key: BillKey,
    /// Its amount in fen.
    pub amount: Fen,
}

/// The facts a surveyor accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossFacts {
    /// The bills; their sum is the loss.
    pub bills: Vec<Bill>,
    /// What other layers reimbursed, in order.
    pub layers: Vec<Layer>,
    /// What anybody else compensated; `None` means nobody asked.
    pub other_compensation: Option<Fen>,
    /// The outcome a fixed sum depends on (本科, 专科).
    pub outcome: Option<String>,
    /// Evidence handed in.
    pub evidence: Vec<Evidence>,
}

/// Why a claim came back to verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reopened {
    /// An objection was upheld.
    Objection,
    /// The approver sent it back with questions.
    Questions(Vec<String>),
    /// The payee was changed; a second person has yet to confirm.
    PayeeChanged {
        /// Who changed it.
        by: PersonId,
        /// In whose place, if delegated: delegation does not launder the second person.
        #[serde(default)]
        on_behalf_of: Option<PersonId>,
    },
}

/// VERIFYING (核查中).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifying {
    /// The referral.
    pub accepted: Accepted,
    /// The surveyor (查勘员): may not refer, approve or pay.
    pub surveyor: PersonId,
    /// The checks recorded so far in this round.
    pub findings: Vec<Finding>,
    /// Why it came back, if it did.
    pub reopened: Option<Reopened>,
}

impl Verifying {
    /// The next check the scheme wants, if one is missing.
    pub fn next_check(&self, checks: &[Check]) -> Option<Check> {
        checks.iter().copied().find(|check| {
            !self
                .findings
                .iter()
                .any(|finding| finding.check == *check && finding.passed)
        })
    }

    /// Whoever proposed a payee that nobody has confirmed.
    pub const fn unconfirmed_payee_by(&self) -> Option<PersonId> {
        if let Some(Reopened::PayeeChanged { by, .. }) = self.reopened {
            Some(by)
        } else {
            None
        }
    }

    /// The persons behind a payee that nobody has confirmed: who changed it, and in whose place.
    pub fn payee_proposers(&self) -> impl Iterator<Item = PersonId> {
        let (by, behalf) = if let Some(Reopened::PayeeChanged { by, on_behalf_of }) = self.reopened
        {
            (Some(by), on_behalf_of)
        } else {
            (None, None)
        };
        by.into_iter().chain(behalf)
    }

    /// The same case, to be verified again.
    #[must_use]
    pub fn again(self, why: Reopened) -> Self {
        Self {
            findings: Vec::new(),
            reopened: Some(why),
            ..self
        }
    }
}

/// VERIFIED (已核定).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The round of checks it rests on.
    pub verifying: Verifying,
    /// The accepted facts.
    pub facts: LossFacts,
    /// The computed benefit with its derivation.
    pub assessment: Assessment,
    /// The payee at the time.
    pub payee: PayeeId,
    /// Who recorded it, when.
    pub verified: Stamp,
    /// The preview of the notice by a second person, with the hash that was seen.
    pub preview: Option<Preview>,
}

/// A second person's preview of the notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Who saw it, when.
    pub previewed: Stamp,
    /// The content hash that was seen.
    pub content_hash: String,
}

/// INELIGIBLE (不符合).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ineligible {
    /// The referral.
    pub accepted: Accepted,
    /// Who declared it, when.
    pub declared: Stamp,
    /// The reason code.
    pub reason: String,
    /// The day the refusal letter is due.
    pub letter_due_on: NaiveDate,
}

pub(crate) fn assign(claim: &Claim, order: &Order, surveyor: PersonId, facts: &Facts) -> Ruling {
    match &claim.state {
        State::Accepted(_) | State::Verifying(_) => {}
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Verified(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::Approved(_)
        | State::Rejected(_)
        | State::Instructed(_)
        | State::PayUnknown(_)
        | State::PayFailed(_)
        | State::Paid(_)
        | State::PayReturned(_)
        | State::Closed(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::Withdrawn(_) => return Err(invalid(claim, order)),
    }
    if !facts.seen.named_duties.contains(&Duty::Surveyor) {
        return Err(Blocked::NotQualified {
            duty: Duty::Surveyor,
        });
    }
    hold(
        Guard::NoOwnHousehold,
        !facts.seen.interested.contains(&surveyor),
        || Blocked::ConflictOfInterest {},
    )?;
    let conflict = claim
        .kept_from(ActedAs::Surveyor)
        .find(|(_, person)| *person == surveyor);
    hold(Guard::SeparatePersons, conflict.is_none(), || {
        Blocked::DutyConflict {
            acted_as: conflict.map_or("", |(acted_as, _)| acted_as),
        }
    })?;
    Ok(Happening::SurveyAssigned { surveyor })
}

pub(crate) fn record_finding(
    claim: &Claim,
    order: &Order,
    finding: FindingEntry<'_>,
    facts: &Facts,
) -> Ruling {
    let State::Verifying(verifying) = &claim.state else {
        return Err(invalid(claim, order));
    };
    let FindingEntry {
        check,
        on,
        passed,
        votes,
        evidence,
    } = finding;
    let expected = verifying.next_check(&facts.scheme.checks);
    if expected != Some(check) {
        return Err(Blocked::CheckOrder { expected });
    }
    if !order.actor.holds(check.duty()) {
        return Err(Blocked::DutyMissing {
            command: order.command.kind(),
        });
    }
    if check == Check::FieldVisit {
        // Somebody may visit in the surveyor's place, but then counts as a surveyor too.
        separate(order, claim.kept_from(ActedAs::Surveyor))?;
        if !order.actor.persons().any(|it| it == verifying.surveyor) {
            return Err(Blocked::DutyConflict {
                acted_as: "NOT_THE_SURVEYOR",
            });
        }
    }
    if on > facts.today() {
        return Err(Blocked::Validation {
            field: "on",
            reason: "IN_THE_FUTURE",
        });
    }
    if !evidence.iter().all(Evidence::is_sound) {
        return Err(Blocked::Validation {
            field: "evidence",
            reason: "NOT_A_SHA256",
        });
    }
    if check == Check::FieldVisit && evidence.is_empty() {
        return Err(Blocked::EvidenceMissing {
            kinds: vec!["入户照片".into()],
        });
    }
    match (check, votes) {
        (Check::VillageEvaluation, None) => {
            return Err(Blocked::Validation {
                field: "votes",
                reason: "MISSING",
            });
        }
        (Check::VillageEvaluation, Some(votes)) => {
            let cast = u32::from(votes.agree) + u32::from(votes.against);
            if cast > u32::from(votes.present) || votes.present == 0 {
                return Err(Blocked::Validation {
                    field: "votes",
                    reason: "MORE_THAN_PRESENT",
                });
            }
            if passed != (u32::from(votes.agree) * 2 > u32::from(votes.present)) {
                return Err(Blocked::Validation {
                    field: "passed",
                    reason: "VOTES_SAY_OTHERWISE",
                });
            }
        }
        (Check::DataComparison | Check::FieldVisit | Check::TownshipReview, Some(_)) => {
            return Err(Blocked::Validation {
                field: "votes",
                reason: "NOT_AN_EVALUATION",
            });
        }
        (Check::DataComparison | Check::FieldVisit | Check::TownshipReview, None) => {}
    }
    Ok(Happening::FindingRecorded {
        check,
        on,
        passed,
        votes,
        evidence: evidence.to_vec(),
    })
}

/// The contents of a finding as ordered.
#[derive(Clone, Copy)]
pub(crate) struct FindingEntry<'a> {
    pub check: Check,
    pub on: NaiveDate,
    pub passed: bool,
    pub votes: Option<Votes>,
    pub evidence: &'a [Evidence],
}

pub(crate) fn verify(claim: &Claim, order: &Order, entry: &LossFacts, facts: &Facts) -> Ruling {
    let State::Verifying(verifying) = &claim.state else {
        return Err(invalid(claim, order));
    };
    separate(order, claim.kept_from(ActedAs::Surveyor))?;
    if order.actor.person != verifying.surveyor {
        return Err(Blocked::DutyConflict {
            acted_as: "NOT_THE_SURVEYOR",
        });
    }
    if let Some(missing) = verifying.next_check(&facts.scheme.checks) {
        return Err(Blocked::CheckOrder {
            expected: Some(missing),
        });
    }
    hold(
        Guard::PayeeAsApproved,
        verifying.unconfirmed_payee_by().is_none(),
        || Blocked::PayeeUnconfirmed {},
    )?;
    if let Some(died_on) = facts
        .seen
        .insured
        .died_on
        .filter(|died| *died < claim.case.event_on)
    {
        return Err(Blocked::InsuredDeceased { died_on });
    }
    let terms = facts
        .scheme
        .terms(claim.case.peril)
        .ok_or(Blocked::NotCovered { reason: "PERIL" })?;
    if !entry.evidence.iter().all(Evidence::is_sound) {
        return Err(Blocked::Validation {
            field: "evidence",
            reason: "NOT_A_SHA256",
        });
    }
    let missing: Vec<String> = terms
        .evidence
        .iter()
        .filter(|kind| !entry.evidence.iter().any(|item| item.kind == **kind))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(Blocked::EvidenceMissing { kinds: missing });
    }
    let other = entry
        .other_compensation
        .ok_or(Blocked::OtherCompensationRequired {})?;
    hold(
        Guard::BillOnce,
        facts.seen.bills_taken.is_empty() && distinct(&entry.bills),
        || Blocked::BillTaken {
            bills: facts.seen.bills_taken.len().max(1),
        },
    )?;
    let assessment =
        assess(&terms.schedule, &loss_of(entry, other)?, &facts.seen.used).map_err(|fault| {
            Blocked::AssessmentFailed {
                reason: fault.to_string(),
            }
        })?;
    hold(Guard::PositiveAmount, assessment.benefit.get() > 0, || {
        Blocked::NoBenefit {}
    })?;
    Ok(Happening::VerificationRecorded {
        facts: Box::new(entry.clone()),
        assessment: Box::new(assessment),
        payee: claim.case.payee,
    })
}

fn distinct(bills: &[Bill]) -> bool {
    let mut keys: Vec<&BillKey> = bills.iter().map(|bill| &bill.key).collect();
    keys.sort();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

/// The loss of accepted facts: the sum of the bills, the layers in order, and what others paid
/// as the last layer.
pub fn loss_of(entry: &LossFacts, other: Fen) -> Result<Loss, Blocked> {
    if entry.bills.is_empty() {
        return Err(Blocked::Validation {
            field: "bills",
            reason: "EMPTY",
        });
    }
    let mut submitted = Fen::ZERO;
    for bill in &entry.bills {
        if bill.amount.get() <= 0 {
            return Err(Blocked::Validation {
                field: "bills",
                reason: "NOT_POSITIVE",
            });
        }
        submitted = submitted
            .checked_add(bill.amount)
            .ok_or(Blocked::Validation {
                field: "bills",
                reason: "TOO_LARGE",
            })?;
    }
    let mut layers = entry.layers.clone();
    if other.get() != 0 {
        layers.push(Layer {
            name: "其他赔偿".into(),
            paid: other,
        });
    }
    Ok(Loss {
        submitted,
        layers,
        outcome: entry.outcome.clone(),
    })
}

pub(crate) fn declare_ineligible(
    claim: &Claim,
    order: &Order,
    reason: &str,
    facts: &Facts,
) -> Ruling {
    match &claim.state {
        State::Accepted(_) | State::Verifying(_) | State::Verified(_) => {}
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::Approved(_)
        | State::Rejected(_)
        | State::Instructed(_)
        | State::PayUnknown(_)
        | State::PayFailed(_)
        | State::Paid(_)
        | State::PayReturned(_)
        | State::Closed(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::Withdrawn(_) => return Err(invalid(claim, order)),
    }
    separate(order, claim.who_acted_as(ActedAs::Surveyor))?;
    if reason.trim().is_empty() {
        return Err(Blocked::Validation {
            field: "reason",
            reason: "EMPTY",
        });
    }
    Ok(Happening::DeclaredIneligible {
        reason: reason.to_owned(),
        letter_due_on: letter_due(facts)?,
    })
}

/// The day a refusal letter is due: so many natural days after the decision.
pub(crate) fn letter_due(facts: &Facts) -> Result<NaiveDate, Blocked> {
    facts
        .today()
        .checked_add_days(Days::new(u64::from(facts.scheme.refusal_letter_days)))
        .ok_or(Blocked::CalendarMissing { year: i32::MAX })
}
