//! VERIFICATION (核查): the surveyor visits, the village evaluates, the benefit is computed.

use crate::claim::{Claim, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::phase::document::documents_due;
use crate::phase::referral::{Accepted, separate, settles_advance};
use crate::phase::refusal::{RefusalLine, reasoned};
use crate::scheme::{Check, DueStep, VoteBase, YearDate};
use crate::{ActedAs, BillKey, Blocked, Duty, PayeeId, PersonId, Stamp, calendar};
use benefits::{Assessment, Fen, Layer, Loss, Schedule, UnitCount, assess};
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
    /// Exclusions that were found, with what was said to them.
    #[serde(default)]
    pub flags: Vec<Flag>,
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
    /// Its date, where the policy year goes by bills.
    #[serde(default)]
    pub on: Option<NaiveDate>,
}

/// The income that was looked into (收入核算).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomeFacts {
    /// Income per head over the months counted, in fen, after all aid.
    pub per_head: Fen,
    /// First day of the months counted.
    pub from: NaiveDate,
    /// Last day of the months counted.
    pub to: NaiveDate,
}

/// An exclusion that was found (疑点), such as 购买商品房, and why it does not stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// The exclusion, as the scheme names it.
    pub exclusion: String,
    /// Why it does not exclude the household; `None` while it stands.
    pub rebuttal: Option<String>,
}

/// The facts a surveyor accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossFacts {
    /// The bills; their sum is the loss.
    pub bills: Vec<Bill>,
    /// What other layers reimbursed, in order.
    pub layers: Vec<Layer>,
    /// What anybody else compensated; `None` means nobody asked.
    pub other_compensation: Option<Fen>,
    /// The outcome a fixed sum depends on (本科, 专科).
    pub outcome: Option<String>,
    /// What the settlement slip says the household bore itself; must equal bills less layers.
    #[serde(default)]
    pub stated_eligible: Option<Fen>,
    /// Grants (助学金) against school fees, in fen.
    #[serde(default)]
    pub grants: Fen,
    /// Loans (助学贷款) against school fees, in fen.
    #[serde(default)]
    pub loans: Fen,
    /// Persons hit, for sums per head; `None` for all persons of the household.
    #[serde(default)]
    pub heads: Option<u16>,
    /// Units lost (猪, 羊), for values per unit.
    #[serde(default)]
    pub units: Vec<UnitCount>,
    /// The income looked into; needed where the scheme has an income line.
    #[serde(default)]
    pub income: Option<IncomeFacts>,
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
    /// An appeal against the refusal was upheld.
    Appeal,
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

    /// The same case, after an appeal: a payee that nobody has confirmed is not confirmed by it.
    #[must_use]
    pub fn after_appeal(self) -> Self {
        let why = match &self.reopened {
            Some(change @ Reopened::PayeeChanged { .. }) => change.clone(),
            Some(Reopened::Objection | Reopened::Questions(_) | Reopened::Appeal) | None => {
                Reopened::Appeal
            }
        };
        self.again(why)
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
    /// The round of checks it ended; `None` where nobody was to survey yet.
    pub verifying: Option<Verifying>,
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
        | State::AwaitingFunds(_)
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
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
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
        flags,
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
            let terms = &facts.scheme.evaluation;
            if votes.present < terms.present_min {
                return Err(Blocked::QuorumMissing {
                    present_min: terms.present_min,
                });
            }
            let base = match terms.of {
                VoteBase::Present => votes.present,
                VoteBase::Cast => votes.agree.saturating_add(votes.against),
            };
            if passed != terms.passes(votes.agree, base) {
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
    flags_rebutted(flags, passed, facts)?;
    Ok(Happening::FindingRecorded {
        check,
        on,
        passed,
        votes,
        evidence: evidence.to_vec(),
        flags: flags.to_vec(),
    })
}

/// A household passes a check only if whatever excludes it was rebutted, with a reason.
fn flags_rebutted(flags: &[Flag], passed: bool, facts: &Facts) -> Result<(), Blocked> {
    let known = &facts.scheme.coverage.exclusions;
    if flags.iter().any(|flag| !known.contains(&flag.exclusion)) {
        return Err(Blocked::Validation {
            field: "flags",
            reason: "UNKNOWN",
        });
    }
    let standing: Vec<String> = flags
        .iter()
        .filter(|flag| {
            let rebuttal = flag.rebuttal.as_deref().unwrap_or_default();
            rebuttal.trim().is_empty()
        })
        .map(|flag| flag.exclusion.clone())
        .collect();
    if passed && !standing.is_empty() {
        return Err(Blocked::FlagStands { flags: standing });
    }
    Ok(())
}

/// The contents of a finding as ordered.
#[derive(Clone, Copy)]
pub(crate) struct FindingEntry<'a> {
    pub check: Check,
    pub on: NaiveDate,
    pub passed: bool,
    pub votes: Option<Votes>,
    pub evidence: &'a [Evidence],
    pub flags: &'a [Flag],
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
    documents_due(claim, DueStep::Verification, &entry.evidence, facts)?;
    let schedule = terms
        .schedule(&facts.seen.group, claim.case.advance)
        .ok_or(Blocked::NotCovered { reason: "GROUP" })?;
    settles_advance(false, facts)?;
    bills_in_year(&entry.bills, facts)?;
    income_below_line(verifying, entry, facts)?;
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
    let loss = loss_of(schedule, entry, other, facts.seen.persons)?;
    let assessment =
        assess(schedule, &loss, &facts.seen.used).map_err(|fault| Blocked::AssessmentFailed {
            reason: fault.to_string(),
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

/// Where bills fix the policy year, each has a date, and the date lies within.
fn bills_in_year(bills: &[Bill], facts: &Facts) -> Result<(), Blocked> {
    if facts.scheme.year.fixed_by != YearDate::Bill {
        return Ok(());
    }
    bills.iter().try_for_each(|bill| {
        let on = bill.on.ok_or(Blocked::Validation {
            field: "bills.on",
            reason: "MISSING",
        })?;
        facts.scheme.year.holds(YearDate::Bill, on)
    })
}

/// Where the scheme has an income line for the household's group, its income over the right months
/// was looked into and does not exceed the line.
fn income_below_line(
    verifying: &Verifying,
    entry: &LossFacts,
    facts: &Facts,
) -> Result<(), Blocked> {
    let terms = facts.scheme.coverage.income.as_ref();
    let Some(terms) = terms.filter(|terms| terms.applies_to(&facts.seen.group)) else {
        return Ok(());
    };
    let income = entry.income.ok_or(Blocked::Validation {
        field: "income",
        reason: "MISSING",
    })?;
    let applied_on = calendar::legal_day(verifying.accepted.referred.at);
    if let Some((from, to)) = terms.window(applied_on)
        && (income.from, income.to) != (from, to)
    {
        return Err(Blocked::IncomeWindow { from, to });
    }
    let line = terms.line();
    if income.per_head > line {
        return Err(Blocked::OverIncomeLine { line });
    }
    Ok(())
}

/// The loss of accepted facts under a schedule: the sum of the bills, the layers in order, and what
/// others paid. A household of `persons` is hit as a whole unless said otherwise.
pub fn loss_of(
    schedule: &Schedule,
    entry: &LossFacts,
    other: Fen,
    persons: u16,
) -> Result<Loss, Blocked> {
    if schedule.asks_for_bills() && entry.bills.is_empty() {
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
    Ok(Loss {
        submitted,
        layers: entry.layers.clone(),
        other,
        stated_eligible: entry.stated_eligible,
        grants: entry.grants,
        loans: entry.loans,
        outcome: entry.outcome.clone(),
        heads: Some(entry.heads.unwrap_or(persons)),
        units: entry.units.clone(),
        income_per_head: entry.income.map(|income| income.per_head),
    })
}

pub(crate) fn declare_ineligible(
    claim: &Claim,
    order: &Order,
    lines: &[RefusalLine],
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
        | State::AwaitingFunds(_)
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
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    }
    separate(order, claim.who_acted_as(ActedAs::Surveyor))?;
    reasoned(lines, &facts.scheme)?;
    Ok(Happening::DeclaredIneligible {
        lines: lines.to_vec(),
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
