//! REFERRAL (推送): the office drafts and refers, the insurer accepts or returns for correction.

use crate::claim::{Claim, State};
use crate::coded;
use crate::command::{DraftReferral, Order};
use crate::decide::{Ruling, invalid};
use crate::event::{Happening, Opening};
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::phase::document::documents_due;
use crate::scheme::{DueStep, Peril, YearDate};
use crate::{Blocked, ClaimId, MemberId, PayeeId, PersonId, Stamp, Status};
use benefits::Fen;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The village's decision on which a referral rests (村民代表会议决议).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Day of the village decision.
    pub decided_on: NaiveDate,
    /// The record's reference.
    pub document: String,
}

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The member concerned (patient, student).
    pub insured: MemberId,
    /// Cause of loss.
    pub peril: Peril,
    /// Day of the event: discharge, admission to school, disaster.
    pub event_on: NaiveDate,
    /// Self-paid cost as the household states it (申报), in fen.
    pub submitted: Fen,
    /// Who is to be paid.
    pub payee: PayeeId,
    /// Whether money is wanted before there are bills (先行救助): by the table and documents the scheme has for it.
    pub advance: bool,
    /// The village decision; a draft may still lack it.
    pub basis: Option<Basis>,
}

coded! {
    /// Why a claim goes on with an earlier one of the same event.
    FollowKind {
        Settlement = "SETTLEMENT" "先行救助后结算",
        Supplement = "SUPPLEMENT" "补充救助",
        Reopened = "REOPENED" "重新受理",
    }
}

/// That a claim goes on with an earlier one of the same event (前案): never a second payout on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follows {
    /// The earlier claim.
    pub claim: ClaimId,
    /// Its number.
    pub number: String,
    /// Why.
    pub kind: FollowKind,
    /// The first claim of the event.
    pub first: ClaimId,
    /// Its place in the event's line; the first claim has 0.
    pub place: u16,
}

/// DRAFT (拟稿).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Who drafted it, when.
    pub drafted: Stamp,
}

/// REFERRED (已推送).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referred {
    /// Who referred it, when.
    pub referred: Stamp,
}

/// RETURNED (退回补正).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Who returned it, when.
    pub returned: Stamp,
    /// What must be corrected.
    pub reasons: Vec<String>,
}

/// ACCEPTED (已受理).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Who referred it: may not survey, approve or pay (invariant 4).
    pub referred: Stamp,
    /// Who accepted it, when.
    pub accepted: Stamp,
}

/// WITHDRAWN (已撤回).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Who withdrew it, when.
    pub withdrawn: Stamp,
    /// The status it was withdrawn from.
    pub from: Status,
    /// Why.
    pub reason: String,
}

impl Case {
    /// Whether both are about the same member, peril and day.
    pub fn same_event(&self, other: &Self) -> bool {
        let event = |it: &Self| (it.insured, it.peril, it.event_on);
        event(self) == event(other)
    }
}

fn check_case(case: &Case, follows: bool, facts: &Facts) -> Result<(), Blocked> {
    if case.submitted.get() <= 0 {
        return Err(Blocked::Validation {
            field: "submittedFen",
            reason: "NOT_POSITIVE",
        });
    }
    if case.event_on > facts.today() {
        return Err(Blocked::Validation {
            field: "eventOn",
            reason: "IN_THE_FUTURE",
        });
    }
    if !facts.seen.insured_of_household {
        return Err(Blocked::Validation {
            field: "insuredMemberId",
            reason: "NOT_OF_HOUSEHOLD",
        });
    }
    let payee = facts.seen.payee.as_ref().ok_or(Blocked::PayeeUnknown {})?;
    if !payee.of_household {
        return Err(Blocked::PayeeUnknown {});
    }
    check_advance(case, follows, facts)?;
    not_claimed_elsewhere(facts)
}

/// What the scheme and the claims before have to say to an advance.
fn check_advance(case: &Case, follows: bool, facts: &Facts) -> Result<(), Blocked> {
    if !case.advance {
        return Ok(());
    }
    let terms = facts.scheme.terms(case.peril);
    let table = terms.and_then(|terms| terms.schedule(&facts.seen.group, true));
    let reason = match table {
        _ if follows => "FOLLOWS",
        Some(_) => return Ok(()),
        None => "NOT_IN_SCHEME",
    };
    Err(Blocked::Validation {
        field: "isAdvance",
        reason,
    })
}

/// While an advance stands that no claim has settled, a claim that begins for the member and the peril goes on with it, and one
/// that is there already gets no money once the advance holds some: the day of a diagnosis and that of a discharge differ easily,
/// and the advance would never be netted.
pub(crate) fn settles_advance(begins: bool, facts: &Facts) -> Result<(), Blocked> {
    match &facts.seen.open_advance {
        Some(open) if begins || open.holds_money => Err(if open.number.is_empty() {
            Blocked::DuplicateElsewhere {}
        } else {
            Blocked::AdvanceStands {
                number: open.number.clone(),
            }
        }),
        Some(_) | None => Ok(()),
    }
}

/// The earlier claim that a draft goes on with: of the same event and insurer, at its end or paid.
fn followed(draft: &DraftReferral, facts: &Facts) -> Result<Option<Follows>, Blocked> {
    let Some(claim) = draft.follows else {
        return Ok(None);
    };
    let unlawful = |reason| Blocked::Validation {
        field: "followsClaimId",
        reason,
    };
    let earlier = (facts.seen.followed.as_ref()).ok_or_else(|| unlawful("UNKNOWN"))?;
    if earlier.household != draft.household || !earlier.case.same_event(&draft.case) {
        return Err(unlawful("ANOTHER_EVENT"));
    }
    if earlier.insurer != facts.scheme.insurer {
        return Err(unlawful("ANOTHER_INSURER"));
    }
    if earlier.followed {
        return Err(unlawful("FOLLOWED_ALREADY"));
    }
    let kind = match earlier.status {
        Status::Paid | Status::Closed | Status::WrittenOff if earlier.case.advance => {
            FollowKind::Settlement
        }
        Status::Paid | Status::Closed | Status::WrittenOff => FollowKind::Supplement,
        Status::Withdrawn | Status::RefusalClosed | Status::Recovered => FollowKind::Reopened,
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::Ineligible
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::PayFailed
        | Status::PayReturned
        | Status::Recovering
        | Status::Appealed
        | Status::AppealDismissed => return Err(unlawful("NOT_ENDED")),
    };
    Ok(Some(Follows {
        claim,
        number: earlier.number.clone(),
        kind,
        first: earlier.first,
        place: earlier.place.saturating_add(1),
    }))
}

/// No other living claim is about the same member, peril and day, but those it follows.
pub(crate) fn not_claimed_elsewhere(facts: &Facts) -> Result<(), Blocked> {
    match &facts.seen.duplicate {
        Some(number) if number.is_empty() => Err(Blocked::DuplicateElsewhere {}),
        Some(number) => Err(Blocked::DuplicateEvent {
            number: number.clone(),
        }),
        None => Ok(()),
    }
}

pub(crate) fn draft(draft: &DraftReferral, facts: &Facts) -> Ruling {
    let village = facts.seen.village.clone().ok_or(Blocked::Validation {
        field: "householdId",
        reason: "UNKNOWN",
    })?;
    if draft.scheme != facts.scheme.id {
        return Err(Blocked::Validation {
            field: "schemeId",
            reason: "UNKNOWN",
        });
    }
    let follows = followed(draft, facts)?;
    check_case(&draft.case, follows.is_some(), facts)?;
    settles_advance(true, facts)?;
    Ok(Happening::ReferralDrafted(Box::new(Opening {
        id: draft.id,
        county: facts.scheme.county,
        number: format!(
            "{}-{}-{:05}",
            facts.scheme.county, facts.scheme.year.year, facts.seen.next_number
        ),
        scheme: draft.scheme,
        insurer: facts.scheme.insurer,
        household: draft.household,
        village,
        policy_year: facts.scheme.year.year,
        case: draft.case.clone(),
        follows,
    })))
}

pub(crate) fn amend(claim: &Claim, order: &Order, case: &Case, facts: &Facts) -> Ruling {
    match claim.state.status() {
        Status::Draft | Status::Returned => {
            if claim.follows.is_some() && !claim.case.same_event(case) {
                return Err(Blocked::Validation {
                    field: "followsClaimId",
                    reason: "ANOTHER_EVENT",
                });
            }
            check_case(case, claim.follows.is_some(), facts)?;
            if !claim.case.same_event(case) {
                settles_advance(true, facts)?;
            }
            Ok(Happening::ReferralAmended { case: case.clone() })
        }
        Status::Referred
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::Ineligible
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::PayFailed
        | Status::Paid
        | Status::PayReturned
        | Status::Closed
        | Status::Recovering
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::AppealDismissed
        | Status::RefusalClosed => Err(invalid(claim, order)),
    }
}

pub(crate) fn refer(claim: &Claim, order: &Order, facts: &Facts) -> Ruling {
    let State::Draft(_) = &claim.state else {
        return Err(invalid(claim, order));
    };
    let basis = claim.case.basis.as_ref();
    let basis = basis.ok_or(Blocked::MissingBasis {})?;
    if basis.document.trim().is_empty() {
        return Err(Blocked::MissingBasis {});
    }
    if basis.decided_on > facts.today() {
        return Err(Blocked::Validation {
            field: "basis.decidedOn",
            reason: "IN_THE_FUTURE",
        });
    }
    if facts.scheme.coverage.listed_first && !facts.seen.household_listed {
        return Err(Blocked::HouseholdNotListed {});
    }
    check_case(&claim.case, claim.follows.is_some(), facts)?;
    let year = &facts.scheme.year;
    year.holds(YearDate::Application, facts.today())?;
    documents_due(claim, DueStep::Referral, &[], facts)?;
    Ok(Happening::CaseReferred)
}

pub(crate) fn give_back(claim: &Claim, order: &Order, reasons: &[String]) -> Ruling {
    let State::Referred(_) = &claim.state else {
        return Err(invalid(claim, order));
    };
    if reasons.iter().all(|reason| reason.trim().is_empty()) {
        return Err(Blocked::Validation {
            field: "reasons",
            reason: "EMPTY",
        });
    }
    Ok(Happening::ReferralReturned {
        reasons: reasons.to_vec(),
    })
}

pub(crate) fn accept(claim: &Claim, order: &Order, facts: &Facts) -> Ruling {
    let State::Referred(_) = &claim.state else {
        return Err(invalid(claim, order));
    };
    let terms = facts
        .scheme
        .terms(claim.case.peril)
        .ok_or(Blocked::NotCovered { reason: "PERIL" })?;
    if claim.case.event_on < terms.covers_from || claim.case.event_on > terms.covers_to {
        return Err(Blocked::NotCovered { reason: "DAY" });
    }
    facts
        .scheme
        .year
        .holds(YearDate::Event, claim.case.event_on)?;
    if !facts.scheme.coverage.covers(&facts.seen.group) {
        return Err(Blocked::NotCovered { reason: "GROUP" });
    }
    Ok(Happening::ReferralAccepted)
}

pub(crate) fn withdraw(claim: &Claim, order: &Order, reason: &str) -> Ruling {
    match claim.state.status() {
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        // No payment is live here; without this way out, a payee who died alone would hold the
        // reserved money for ever.
        | Status::PayFailed
        | Status::PayReturned => {
            if reason.trim().is_empty() {
                return Err(Blocked::Validation {
                    field: "reason",
                    reason: "EMPTY",
                });
            }
            Ok(Happening::ClaimWithdrawn {
                reason: reason.to_owned(),
            })
        }
        Status::Ineligible
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::Paid
        | Status::Closed
        | Status::Recovering
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::AppealDismissed
        | Status::RefusalClosed => Err(invalid(claim, order)),
    }
}

/// Invariant 4: none of `others`, each with the part it played, is among the persons who act now.
pub(crate) fn separate(
    order: &Order,
    others: impl IntoIterator<Item = (&'static str, PersonId)>,
) -> Result<(), Blocked> {
    let conflict = others
        .into_iter()
        .find(|(_, other)| order.actor.persons().any(|person| person == *other));
    hold(Guard::SeparatePersons, conflict.is_none(), || {
        Blocked::DutyConflict {
            acted_as: conflict.map_or("", |(acted_as, _)| acted_as),
        }
    })
}
