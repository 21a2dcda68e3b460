//! What a judgement needs to know, read under the lock and recorded with the event.

use crate::phase::referral::Case;
use crate::{
    BillKey, Calendar, Claim, ClaimId, Duty, HouseholdId, MemberId, NameCheck, OrgId, PayeeId,
    PayeeRelation, PersonId, RegionCode, Scheme, Status,
};
use benefits::{Fen, RunningTotals};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is known of a person's life and when it was last checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liveness {
    /// Day of death, if known.
    pub died_on: Option<NaiveDate>,
    /// Day of the last check against the register; `None` if never.
    pub checked_on: Option<NaiveDate>,
}

/// What is known of the payee a command is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayeeFacts {
    /// The payee belongs to the claim's household.
    pub of_household: bool,
    /// The member who is paid.
    pub member: MemberId,
    /// In what relation to the insured.
    pub relation: PayeeRelation,
    /// How the account's name was checked, the latest last.
    pub name_checks: Vec<NameCheck>,
    /// Another household is paid to the same account.
    pub shared: bool,
    /// Life of the payee.
    pub liveness: Liveness,
}

/// What the log keeps of a payee, whose name and account it must not hold: the verification sees by
/// it that another account stands where this one was approved and paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayeeSeal {
    /// The payee.
    pub payee: PayeeId,
    /// SHA-256 over household, member, holder, bank and account.
    pub fingerprint: String,
}

/// An advance (先行救助) that waits to be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAdvance {
    /// Its number; empty where it is out of the caller's sight.
    pub number: String,
    /// Whether its money is reserved or paid.
    pub holds_money: bool,
}

/// The earlier claim (前案) that a draft names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierClaim {
    /// Its number.
    pub number: String,
    /// Its household.
    pub household: HouseholdId,
    /// Its insurer.
    pub insurer: OrgId,
    /// What it claimed.
    pub case: Case,
    /// How it stands.
    pub status: Status,
    /// The first claim of the event.
    pub first: ClaimId,
    /// Its place in the event's line, from 0.
    pub place: u16,
    /// Whether another claim goes on with it already.
    pub followed: bool,
}

impl EarlierClaim {
    /// A claim as one that another goes on with; `followed`: whether one does already.
    pub fn of(claim: &Claim, followed: bool) -> Self {
        Self {
            number: claim.number.clone(),
            household: claim.household,
            insurer: claim.insurer,
            case: claim.case.clone(),
            status: claim.status(),
            first: claim.first_of_event(),
            place: claim.place_in_event(),
            followed,
        }
    }
}

/// The facts that are recorded with the event, so that an old decision can be read years later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The instant of judgement, from the server's clock.
    pub now: DateTime<Utc>,
    /// Whether the household is on the list of monitored households, with a village decision.
    pub household_listed: bool,
    /// The population group (户类型) the household belongs to, as the household list names it.
    #[serde(default)]
    pub group: String,
    /// The household's village; `None` if there is no such household.
    pub village: Option<RegionCode>,
    /// Life of the insured member.
    pub insured: Liveness,
    /// Whether the insured member belongs to the household.
    pub insured_of_household: bool,
    /// The head of household's name as it may be posted.
    pub head_name: String,
    /// The village's name.
    pub village_name: String,
    /// Number of household members.
    pub persons: u16,
    /// The payee the command names, else the claim's; `None` if there is no such payee.
    pub payee: Option<PayeeFacts>,
    /// The seal of that payee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee_seal: Option<PayeeSeal>,
    /// Those of the persons concerned (caller, delegator, person named) who belong to the
    /// household or declared an interest in it.
    pub interested: Vec<PersonId>,
    /// The duties that the person a command names holds today in the household's village.
    pub named_duties: Vec<Duty>,
    /// The number of a living claim for the same member, peril and event day that neither goes on with this one nor this one
    /// with it; empty where that claim is out of the caller's sight.
    pub duplicate: Option<String>,
    /// A living advance for the same member and peril, of another line than this claim's, that no claim of its line has settled: none
    /// besides it holds money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_advance: Option<OpenAdvance>,
    /// The earlier claim that the command names, if the caller sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<EarlierClaim>,
    /// Those of the command's bills that are already compensated.
    pub bills_taken: Vec<BillKey>,
    /// What the pool can still reserve.
    pub pool_available: Fen,
    /// Whether the pool is settled: nothing is reserved from it, and no money comes any more.
    pub pool_settled: bool,
    /// The claim that waits first for the pool's money; `None` if none waits.
    pub first_waiting: Option<ClaimId>,
    /// The claim for whose recovery the bank's reference that the command names was recorded before.
    pub reference_of: Option<ClaimId>,
    /// Running totals of the policy year and of the event, this claim's own reservation not counted.
    pub used: RunningTotals,
    /// What was approved for the household in the twelve months up to today and still stands, over
    /// all perils, schemes and insurers of the county, this claim not counted.
    pub approved_twelve_months: Fen,
    /// The next claim number of the county and year, from 1.
    pub next_number: u32,
}

/// Everything a judgement may look at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The scheme version pinned to the claim.
    pub scheme: Arc<Scheme>,
    /// The calendar.
    pub calendar: Arc<Calendar>,
    /// The facts that are recorded.
    pub seen: Seen,
}

impl Facts {
    /// The legal day of the judgement.
    pub fn today(&self) -> NaiveDate {
        crate::calendar::legal_day(self.seen.now)
    }
}
