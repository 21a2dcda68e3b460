//! Rehearsal (试算): what would a draft scheme have made of a year's recorded claims? Nothing is
//! written.
//!
//! The county's log is read once, in commit order, and cut down to what a rehearsal needs: accepted
//! facts, and the moments at which money was reserved or came free. [`rehearse`] walks the same
//! moments under the draft, so that its running totals and its pool fill in the order in which they
//! really would have.
//!
//! What the record cannot tell is assumed and said: checks and reviews that were never held are
//! taken as passed, and an uplift (特殊提标) is granted again as far as the draft lets it.

use crate::ports::{EventKey, Fault, Recorded, Store};
use benefits::{
    Accumulation, Assessment, EventTotals, Fen, Loss, Rate, RunningTotals, Schedule, assess,
};
use chrono::{Months, NaiveDate};
use lifecycle::phase::approval::uplift_room;
use lifecycle::phase::verification::{Evidence, LossFacts, Votes, loss_of};
use lifecycle::scheme::{
    DueStep, PerilTerms, PolicyYear, PoolTerms, Shortage, Surplus, VoteBase, YearDate,
    twelve_months_before,
};
use lifecycle::{
    Blocked, Check, Claim, ClaimId, CommandKind, CountyCode, EventShare, Happening, HouseholdId,
    InEvent, MemberId, Peril, RegionCode, RunningShare, Scheme, SchemeId, Status, calendar,
};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Log entries read at once.
const CHUNK: u32 = 1_000;

/// What was accepted of a loss, and what was known of the household at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedLoss {
    /// The accepted facts.
    pub facts: LossFacts,
    /// The population group of the household.
    pub group: String,
    /// Persons of the household.
    pub persons: u16,
    /// The votes of the village evaluation, if one was held.
    pub votes: Option<Votes>,
    /// The checks that were passed.
    pub checks: Vec<Check>,
    /// The legal day of the referral.
    pub applied_on: NaiveDate,
}

/// One claim of the year, with what its history tells beyond its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedClaim {
    /// The claim as it stands.
    pub claim: Claim,
    /// Whether the household stood on the monitored list when it was referred.
    pub listed: bool,
    /// Its population group when it was accepted.
    pub group: String,
    /// The steps it has passed in any round, each of which has documents due.
    pub passed: BTreeSet<DueStep>,
    /// Every document on file, from any round: kind and content hash.
    pub on_file: BTreeSet<(String, String)>,
}

/// A moment that moves running totals or the pool, in the order of the county's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// Facts were accepted and a benefit computed.
    Verified {
        /// The claim.
        claim: ClaimId,
        /// What was accepted.
        loss: Box<AcceptedLoss>,
    },
    /// Money was reserved.
    Approved {
        /// The claim.
        claim: ClaimId,
        /// The uplift beyond the table, in fen; 0 for none.
        uplift: Fen,
        /// The legal day of the approval.
        on: NaiveDate,
        /// Proofs that the notice hung.
        proofs: usize,
    },
    /// Reserved or paid money came free: the case was reopened, withdrawn, or recovered.
    Released {
        /// The claim.
        claim: ClaimId,
    },
}

/// A policy year of a county as its log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedYear {
    /// The policy year.
    pub year: i32,
    /// All policy years that have claims.
    pub years: BTreeSet<i32>,
    /// Its claims.
    pub claims: BTreeMap<ClaimId, RecordedClaim>,
    /// What happened to them, in order.
    pub moments: Vec<Moment>,
    /// The schemes they were recorded under.
    pub schemes: BTreeMap<SchemeId, Arc<Scheme>>,
    /// The names of the county's places.
    pub places: BTreeMap<RegionCode, String>,
}

/// Reads a policy year of a county; `None` for the newest with claims. A county without claims has
/// none to tell: `Ok(None)`. A year without claims is empty, and says which years are not.
pub async fn recorded_year(
    store: &dyn Store,
    county: CountyCode,
    year: Option<i32>,
) -> Result<Option<RecordedYear>, Fault> {
    let mut gathering = Gathering {
        named: year,
        ..Gathering::default()
    };
    let mut last = 0;
    loop {
        let entries = store.log(county, last, CHUNK).await?;
        let Some(end) = entries.last() else { break };
        last = end.county_seq;
        for entry in &entries {
            gathering.see(entry);
        }
    }
    let Gathering {
        named,
        years,
        claims,
        moments,
    } = gathering;
    let Some(year) = named.or_else(|| years.last().copied()) else {
        return Ok(None);
    };
    if years.is_empty() {
        return Ok(None);
    }
    let mut schemes = BTreeMap::new();
    for recorded in claims.values() {
        let id = recorded.claim.scheme;
        if schemes.contains_key(&id) {
            continue;
        }
        let scheme = store.scheme(county, id).await?;
        let scheme = scheme.ok_or_else(|| Fault::Inconsistency {
            table: "claim",
            column: "scheme_id",
            row: recorded.claim.id.to_string(),
            reason: "there is no such scheme".into(),
        })?;
        schemes.insert(id, scheme);
    }
    let regions = store.regions(county).await?;
    Ok(Some(RecordedYear {
        year,
        years,
        claims,
        moments,
        schemes,
        places: regions.into_iter().map(|it| (it.code, it.name)).collect(),
    }))
}

/// What the log has told so far.
#[derive(Debug, Default)]
struct Gathering {
    named: Option<i32>,
    years: BTreeSet<i32>,
    claims: BTreeMap<ClaimId, RecordedClaim>,
    moments: Vec<Moment>,
}

impl Gathering {
    fn see(&mut self, entry: &Recorded) {
        if let Some(claim) = Claim::begin(&entry.event) {
            self.begin(claim);
            return;
        }
        // A claim of another year.
        let Some(mut recorded) = self.claims.remove(&entry.claim) else {
            return;
        };
        let before = recorded.claim.counted();
        recorded.claim = recorded.claim.apply(&entry.event);
        recorded.note(entry);
        let moment = recorded.moment(entry, before);
        self.moments.extend(moment);
        self.claims.insert(entry.claim, recorded);
    }

    fn begin(&mut self, claim: Claim) {
        let newest = self.years.last().copied();
        self.years.insert(claim.policy_year);
        if let Some(named) = self.named {
            if named != claim.policy_year {
                return;
            }
        } else if newest.is_some_and(|newest| claim.policy_year < newest) {
            return;
        } else if newest.is_some_and(|newest| claim.policy_year > newest) {
            self.claims.clear();
            self.moments.clear();
        }
        let recorded = RecordedClaim {
            claim,
            listed: false,
            group: String::new(),
            passed: BTreeSet::new(),
            on_file: BTreeSet::new(),
        };
        self.claims.insert(recorded.claim.id, recorded);
    }
}

impl RecordedClaim {
    /// Keeps what an event tells beyond the claim's state.
    fn note(&mut self, entry: &Recorded) {
        let what = &entry.event.what;
        if matches!(what, Happening::CaseReferred) {
            self.listed = entry.seen.household_listed;
            self.passed.insert(DueStep::Referral);
        } else if matches!(what, Happening::ReferralAccepted) {
            self.group.clone_from(&entry.seen.group);
        } else if let Happening::VerificationRecorded { facts, .. } = what {
            self.file(&facts.evidence);
            self.passed.insert(DueStep::Verification);
        } else if let Happening::FindingRecorded { evidence, .. } = what {
            self.file(evidence);
        } else if let Happening::DocumentAttached { evidence }
        | Happening::PublicationProved { evidence, .. } = what
        {
            self.file(std::slice::from_ref(evidence));
        } else if matches!(what, Happening::PublicNoticeOpened { .. }) {
            self.passed.insert(DueStep::PublicNotice);
        } else if matches!(
            what,
            Happening::ClaimApproved { .. }
                | Happening::SecondApprovalGiven { .. }
                | Happening::ApprovalQueued { .. }
                | Happening::SecondApprovalQueued { .. }
        ) {
            self.passed.insert(DueStep::Approval);
        } else if matches!(what, Happening::PayoutInstructed { .. }) {
            self.passed.insert(DueStep::Payout);
        } else if matches!(what, Happening::ClaimClosed { .. }) {
            self.passed.insert(DueStep::Archive);
        }
    }

    fn file(&mut self, evidence: &[Evidence]) {
        let evidence = evidence.iter();
        self.on_file
            .extend(evidence.map(|it| (it.kind.clone(), it.sha256.clone())));
    }

    /// The moment that the event was, if it moves totals or pool.
    fn moment(&self, entry: &Recorded, before: RunningShare) -> Option<Moment> {
        let claim = self.claim.id;
        if let Happening::VerificationRecorded { facts, .. } = &entry.event.what {
            let verifying = self.claim.state.verifying()?;
            let findings = &verifying.findings;
            return Some(Moment::Verified {
                claim,
                loss: Box::new(AcceptedLoss {
                    facts: (**facts).clone(),
                    group: entry.seen.group.clone(),
                    persons: entry.seen.persons,
                    votes: findings.iter().find_map(|finding| finding.votes),
                    checks: findings.iter().map(|finding| finding.check).collect(),
                    applied_on: calendar::legal_day(verifying.accepted.referred.at),
                }),
            });
        }
        let after = self.claim.counted();
        match (before.is_nothing(), after.is_nothing()) {
            (true, false) => {
                let approved = self.claim.state.approved()?;
                let uplift = approved.approval.uplift.as_ref();
                Some(Moment::Approved {
                    claim,
                    uplift: uplift.map_or(Fen::ZERO, |uplift| uplift.amount),
                    on: calendar::legal_day(approved.completed().at),
                    proofs: approved.closed.open.proofs.len(),
                })
            }
            (false, true) => Some(Moment::Released { claim }),
            (true, true) | (false, false) => None,
        }
    }
}

/// Why a claim would not have gone through as it stands. Whatever [`Stuck::refuses`] ends it without
/// money; of the rest nobody can tell before it is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stuck {
    /// The household must stand on the monitored list first, and did not.
    NotListed,
    /// The draft does not cover the peril.
    Peril,
    /// The draft does not cover the household's group, or has no table for it.
    Group {
        /// The group.
        group: String,
    },
    /// The event lies outside the peril's period.
    Period {
        /// First day, moved to the rehearsed year.
        from: NaiveDate,
        /// Last day, moved to the rehearsed year.
        to: NaiveDate,
    },
    /// The date that fixes the policy year lies outside it.
    Year {
        /// Which date.
        date: YearDate,
        /// First day, moved to the rehearsed year.
        from: NaiveDate,
        /// Last day, moved to the rehearsed year.
        to: NaiveDate,
    },
    /// The votes as they were cast would not pass, or too few were present.
    Evaluation,
    /// The income per head lies above the line.
    OverIncome {
        /// The line, in fen per head and year.
        line: Fen,
    },
    /// The draft computes nothing.
    Zero,
    /// Documents are not on file for a step that the claim has passed.
    Documents {
        /// Kind, how many are lacking, and who hands them in.
        kinds: Vec<String>,
    },
    /// Too few proofs that the notice hung.
    Proofs {
        /// On file.
        have: usize,
        /// Wanted.
        need: usize,
    },
    /// The record lacks facts that the draft asks for, or they do not fit it.
    Facts {
        /// Which.
        what: String,
    },
    /// The draft's table is not known in full.
    Unknown {
        /// What is missing.
        missing: String,
    },
    /// Nobody may approve so much.
    Authority {
        /// What the draft computes, in fen.
        amount: Fen,
        /// The most that may be approved, in fen.
        limit: Fen,
    },
    /// Nobody may let a household's approvals of twelve months come to so much.
    TwelveMonths {
        /// What they would come to, in fen.
        sum: Fen,
        /// The most they may come to, in fen.
        limit: Fen,
    },
    /// The year's premium is used up: whoever answers for a shortage must first pay in.
    PoolEmpty {
        /// What the pool lacks for this claim, in fen.
        lacking: Fen,
    },
}

impl Stuck {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotListed => "NOT_LISTED",
            Self::Peril => "PERIL_NOT_COVERED",
            Self::Group { .. } => "GROUP_NOT_COVERED",
            Self::Period { .. } => "OUTSIDE_PERIOD",
            Self::Year { .. } => "OUTSIDE_POLICY_YEAR",
            Self::Evaluation => "EVALUATION_FAILS",
            Self::OverIncome { .. } => "OVER_INCOME_LINE",
            Self::Zero => "NO_BENEFIT",
            Self::Documents { .. } => "DOCUMENTS_MISSING",
            Self::Proofs { .. } => "PROOFS_MISSING",
            Self::Facts { .. } => "FACTS_MISSING",
            Self::Unknown { .. } => "FIGURES_UNKNOWN",
            Self::Authority { .. } => "BEYOND_AUTHORITY",
            Self::TwelveMonths { .. } => "BEYOND_TWELVE_MONTH_AUTHORITY",
            Self::PoolEmpty { .. } => "POOL_EMPTY",
        }
    }

    /// Whether the claim would end without money; otherwise it would wait.
    pub const fn refuses(&self) -> bool {
        match self {
            Self::Peril
            | Self::Group { .. }
            | Self::Period { .. }
            | Self::Year { .. }
            | Self::Evaluation
            | Self::OverIncome { .. }
            | Self::Zero => true,
            Self::NotListed
            | Self::Documents { .. }
            | Self::Proofs { .. }
            | Self::Facts { .. }
            | Self::Unknown { .. }
            | Self::Authority { .. }
            | Self::TwelveMonths { .. }
            | Self::PoolEmpty { .. } => false,
        }
    }
}

/// One claim in both worlds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLine {
    /// Its number.
    pub number: String,
    /// The household's village.
    pub village: RegionCode,
    /// The household.
    pub household: HouseholdId,
    /// The peril.
    pub peril: Peril,
    /// Its status in the record.
    pub status: Status,
    /// Whether money is reserved or paid in the record; otherwise a benefit was only computed.
    pub approved: bool,
    /// What was approved, else computed, in fen.
    pub old: Fen,
    /// What the draft would have paid or computed, in fen; 0 where it refuses, `None` where nobody
    /// can tell.
    pub new: Option<Fen>,
    /// Why it would have got stuck, if it would.
    pub stuck: Option<Stuck>,
}

impl CaseLine {
    /// New less old, in fen; `None` where nobody can tell.
    pub fn difference(&self) -> Option<Fen> {
        self.new.map(|new| minus(new, self.old))
    }
}

/// Claims and their sums, in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many.
    pub claims: u64,
    /// In the record.
    pub old: Fen,
    /// Under the draft.
    pub new: Fen,
}

impl Sums {
    /// New less old, in fen.
    pub const fn difference(&self) -> Fen {
        minus(self.new, self.old)
    }

    fn add(&mut self, old: Fen, new: Fen) {
        self.claims += 1;
        self.old = plus(self.old, old);
        self.new = plus(self.new, new);
    }
}

/// The account of a year (年度核算), in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct YearAccount {
    /// Headcount times premium.
    pub premium: Fen,
    /// Paid or reserved.
    pub paid: Fen,
    /// The insurer's fee on it.
    pub fee: Fen,
    /// Premium less both; below zero for a shortage.
    pub balance: Fen,
}

impl YearAccount {
    fn of(terms: &PoolTerms, paid: Fen) -> Self {
        let premium = terms.premium_total();
        let fee = share(paid, terms.fee);
        Self {
            premium,
            paid,
            fee,
            balance: minus(minus(premium, paid), fee),
        }
    }

    fn add(&mut self, other: Self) {
        self.premium = plus(self.premium, other.premium);
        self.paid = plus(self.paid, other.paid);
        self.fee = plus(self.fee, other.fee);
        self.balance = plus(self.balance, other.balance);
    }
}

/// What the draft does to the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolEffect {
    /// By the terms of the schemes on record, one after the other.
    pub old: YearAccount,
    /// By the draft's terms.
    pub new: YearAccount,
    /// What the draft does with a surplus.
    pub surplus: Surplus,
    /// Who makes up a shortage under the draft.
    pub shortage: Shortage,
    /// The number of the first claim at whose approval the premium would not have sufficed. The fee
    /// is settled at the year's end and has no part in it.
    pub first_short: Option<String>,
}

/// Households and the sum of their differences, in fen; negative for those worse off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    /// How many.
    pub households: u64,
    /// New less old, over all of them.
    pub difference: Fen,
}

/// The households of a village.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VillageLine {
    /// Its name; empty if the county does not know it.
    pub name: String,
    /// Better off.
    pub better: Side,
    /// Worse off.
    pub worse: Side,
    /// Neither.
    pub same: u64,
    /// Those with a claim of which nobody can tell.
    pub open: u64,
    /// What they were approved or computed in the record, in fen.
    pub open_old: Fen,
}

/// What a draft would have made of a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// The policy year.
    pub year: i32,
    /// By how many years the draft's periods were moved to meet it.
    pub moved_years: i32,
    /// Code and version of the schemes on record.
    pub recorded_under: Vec<(String, u32)>,
    /// Every claim with accepted facts that did not end without money, in the order of
    /// verification.
    pub cases: Vec<CaseLine>,
    /// Claims that ended without money: withdrawn, ineligible, rejected, recovered. Facts that
    /// nobody accepted cannot be assessed, so whether the draft would have paid them is not known.
    pub ended: u64,
    /// Claims whose facts are not yet accepted.
    pub under_way: u64,
    /// Money reserved or paid.
    pub approved: Sums,
    /// Computed, not yet approved.
    pub computed: Sums,
    /// Of which nobody can tell; `new` is 0.
    pub open: Sums,
    /// The pool.
    pub pool: PoolEffect,
    /// Households by village.
    pub villages: BTreeMap<RegionCode, VillageLine>,
    /// Checks the draft wants, and in how many claims they were never held.
    pub never_held: BTreeMap<Check, u64>,
}

impl Rehearsal {
    /// The households of all villages together.
    pub fn households(&self) -> VillageLine {
        let mut all = VillageLine::default();
        for line in self.villages.values() {
            all.better.join(line.better);
            all.worse.join(line.worse);
            all.same += line.same;
            all.open += line.open;
            all.open_old = plus(all.open_old, line.open_old);
        }
        all
    }

    /// The claims that would get stuck, by the code of the reason.
    pub fn stuck(&self) -> BTreeMap<&'static str, Vec<&CaseLine>> {
        let mut stuck: BTreeMap<&'static str, Vec<&CaseLine>> = BTreeMap::new();
        for case in &self.cases {
            if let Some(reason) = &case.stuck {
                stuck.entry(reason.code()).or_default().push(case);
            }
        }
        stuck
    }
}

/// Runs a draft over a year as it was recorded. Pure: the same record and draft give the same.
pub fn rehearse(draft: &Scheme, recorded: &RecordedYear) -> Rehearsal {
    let moved_years = recorded.year - draft.year.year;
    let draft = moved(draft, moved_years);
    let mut walk = Walk {
        draft: &draft,
        recorded,
        persons: BTreeMap::new(),
        households: BTreeMap::new(),
        standing: BTreeMap::new(),
        events: BTreeMap::new(),
        approvals: BTreeMap::new(),
        verified: 0,
        available: draft.pool.premium_total(),
        first_short: None,
    };
    for moment in &recorded.moments {
        walk.see(moment);
    }
    walk.end(moved_years)
}

/// The scheme with all its periods moved by whole years: its rules are rehearsed, not its dates.
fn moved(draft: &Scheme, years: i32) -> Scheme {
    let months = Months::new(years.unsigned_abs().saturating_mul(12));
    let moved = |day: NaiveDate| {
        let there = if years < 0 {
            day.checked_sub_months(months)
        } else {
            day.checked_add_months(months)
        };
        there.unwrap_or(day)
    };
    Scheme {
        year: PolicyYear {
            year: draft.year.year + years,
            from: moved(draft.year.from),
            to: moved(draft.year.to),
            fixed_by: draft.year.fixed_by,
        },
        perils: draft
            .perils
            .iter()
            .map(|terms| PerilTerms {
                covers_from: moved(terms.covers_from),
                covers_to: moved(terms.covers_to),
                ..terms.clone()
            })
            .collect(),
        ..draft.clone()
    }
}

/// A benefit under the draft, with what it takes to compute it again.
#[derive(Debug)]
struct Computed<'a> {
    schedule: &'a Schedule,
    loss: Loss,
    assessment: Assessment,
    /// The benefit, and once it is approved the uplift with it.
    amount: Fen,
}

/// How a claim stands under the draft.
#[derive(Debug)]
struct Standing<'a> {
    /// Its place in the order of verification.
    place: usize,
    computed: Result<Computed<'a>, Stuck>,
    /// What it counts for in totals and pool.
    reserved: RunningShare,
    /// What the pool lacked when it was approved.
    lacking: Fen,
    /// Checks the draft wants that were not held.
    never_held: Vec<Check>,
}

/// A walk through the year under the draft.
struct Walk<'a> {
    draft: &'a Scheme,
    recorded: &'a RecordedYear,
    persons: BTreeMap<MemberId, RunningShare>,
    households: BTreeMap<HouseholdId, RunningShare>,
    standing: BTreeMap<ClaimId, Standing<'a>>,
    /// What the approved claims of an event count for.
    events: BTreeMap<EventKey, BTreeMap<ClaimId, InEvent>>,
    /// The approvals of a household: day and amount.
    approvals: BTreeMap<HouseholdId, BTreeMap<ClaimId, (NaiveDate, Fen)>>,
    verified: usize,
    /// What the premium leaves; below zero once it is used up.
    available: Fen,
    /// The first claim that it did not suffice for.
    first_short: Option<String>,
}

impl<'a> Walk<'a> {
    fn see(&mut self, moment: &Moment) {
        let id = match moment {
            Moment::Verified { claim, .. }
            | Moment::Approved { claim, .. }
            | Moment::Released { claim } => claim,
        };
        let Some(recorded) = self.recorded.claims.get(id) else {
            return;
        };
        match moment {
            Moment::Verified { loss, .. } => self.verify(recorded, loss),
            Moment::Approved {
                uplift, on, proofs, ..
            } => self.approve(recorded, *uplift, *on, *proofs),
            Moment::Released { .. } => self.release(recorded),
        }
    }

    fn used(&self, claim: &Claim) -> RunningTotals {
        let person = self.persons.get(&claim.case.insured);
        let person = person.copied().unwrap_or_default();
        let household = self.households.get(&claim.household);
        let household = household.copied().unwrap_or_default();
        RunningTotals {
            person_year: person.benefit,
            household_year: household.benefit,
            person_year_loss: person.loss,
            household_year_loss: household.loss,
            event: self.event(claim),
        }
    }

    /// What other claims of its event count for.
    fn event(&self, claim: &Claim) -> EventTotals {
        let others = self
            .events
            .get(&EventKey::of(&claim.case))
            .into_iter()
            .flatten();
        let others = others.filter(|(id, _)| **id != claim.id);
        InEvent::totals(
            others.map(|(_, it)| *it),
            claim.place_in_event(),
            claim.policy_year,
        )
    }

    fn verify(&mut self, recorded: &RecordedClaim, loss: &AcceptedLoss) {
        let place = self.verified;
        self.verified += 1;
        let standing = Standing {
            place,
            computed: self.compute(recorded, loss),
            reserved: RunningShare::default(),
            lacking: Fen::ZERO,
            never_held: self
                .draft
                .checks
                .iter()
                .copied()
                .filter(|check| !loss.checks.contains(check))
                .collect(),
        };
        self.standing.insert(recorded.claim.id, standing);
    }

    /// What the steps up to the verification would have said.
    fn compute(
        &self,
        recorded: &RecordedClaim,
        loss: &AcceptedLoss,
    ) -> Result<Computed<'a>, Stuck> {
        let case = &recorded.claim.case;
        let coverage = &self.draft.coverage;
        let terms = self.draft.terms(case.peril).ok_or(Stuck::Peril)?;
        within_year(&self.draft.year, YearDate::Application, loss.applied_on)?;
        let (from, to) = (terms.covers_from, terms.covers_to);
        if case.event_on < from || case.event_on > to {
            return Err(Stuck::Period { from, to });
        }
        within_year(&self.draft.year, YearDate::Event, case.event_on)?;
        let group = |group: &str| Stuck::Group {
            group: group.to_owned(),
        };
        if !coverage.covers(&recorded.group) {
            return Err(group(&recorded.group));
        }
        let schedule = terms
            .schedule(&loss.group, case.advance)
            .ok_or_else(|| group(&loss.group))?;
        self.evaluation_passes(loss)?;
        self.bills_in_year(loss)?;
        self.income_below_line(loss)?;
        if coverage.listed_first && !recorded.listed {
            return Err(Stuck::NotListed);
        }
        if let Some(missing) = schedule.unknown() {
            return Err(Stuck::Unknown {
                missing: missing.to_owned(),
            });
        }
        let other = loss.facts.other_compensation.unwrap_or(Fen::ZERO);
        let taken = loss_of(schedule, &loss.facts, other, loss.persons).map_err(|it| unfit(&it))?;
        let computed = computed(schedule, taken, &self.used(&recorded.claim))?;
        // Last, so that a household is not sent for papers that would bring it nothing.
        let kinds = documents_missing(terms, recorded);
        if kinds.is_empty() {
            Ok(computed)
        } else {
            Err(Stuck::Documents { kinds })
        }
    }

    fn evaluation_passes(&self, loss: &AcceptedLoss) -> Result<(), Stuck> {
        let terms = &self.draft.evaluation;
        let wanted = self.draft.checks.contains(&Check::VillageEvaluation);
        let Some(votes) = loss.votes.filter(|_| wanted) else {
            return Ok(());
        };
        let base = match terms.of {
            VoteBase::Present => votes.present,
            VoteBase::Cast => votes.agree.saturating_add(votes.against),
        };
        if votes.present < terms.present_min || !terms.passes(votes.agree, base) {
            return Err(Stuck::Evaluation);
        }
        Ok(())
    }

    fn bills_in_year(&self, loss: &AcceptedLoss) -> Result<(), Stuck> {
        let year = &self.draft.year;
        if year.fixed_by != YearDate::Bill {
            return Ok(());
        }
        loss.facts.bills.iter().try_for_each(|bill| {
            let on = bill.on.ok_or_else(|| missing("bills.on"))?;
            within_year(year, YearDate::Bill, on)
        })
    }

    fn income_below_line(&self, loss: &AcceptedLoss) -> Result<(), Stuck> {
        let terms = self.draft.coverage.income.as_ref();
        let Some(terms) = terms.filter(|terms| terms.applies_to(&loss.group)) else {
            return Ok(());
        };
        let income = loss.facts.income.ok_or_else(|| missing("income"))?;
        let window = terms.window(loss.applied_on);
        if window.is_some_and(|window| window != (income.from, income.to)) {
            return Err(missing("income.from, income.to"));
        }
        let line = terms.line();
        if income.per_head > line {
            return Err(Stuck::OverIncome { line });
        }
        Ok(())
    }

    fn approve(&mut self, recorded: &RecordedClaim, uplift: Fen, on: NaiveDate, proofs: usize) {
        let claim = &recorded.claim;
        let Some(mut standing) = self.standing.remove(&claim.id) else {
            return;
        };
        let used = self.used(claim);
        let before = self.twelve_months(claim, on);
        standing.computed = standing
            .computed
            .and_then(|computed| self.approved(computed, &used, before, uplift, on, proofs));
        if let Ok(computed) = &standing.computed {
            standing.reserved = RunningShare {
                benefit: computed.amount,
                loss: computed.assessment.eligible,
            };
            let assessment = &computed.assessment;
            let (held, benefit) = (computed.amount, assessment.benefit);
            let in_event = InEvent {
                place: claim.place_in_event(),
                policy_year: claim.policy_year,
                share: EventShare::of(claim.case.advance, held, benefit, assessment),
            };
            let events = self.events.entry(EventKey::of(&claim.case)).or_default();
            events.insert(claim.id, in_event);
            let approvals = self.approvals.entry(claim.household).or_default();
            approvals.insert(claim.id, (on, computed.amount));
            let amount = computed.amount;
            standing.lacking = amount.saturating_sub_to_zero(self.available.max(Fen::ZERO));
            if standing.lacking > Fen::ZERO && self.first_short.is_none() {
                self.first_short = Some(claim.number.clone());
            }
            self.count(claim, standing.reserved);
        }
        self.standing.insert(claim.id, standing);
    }

    /// What other claims of the year were approved for the household in the twelve months up to a day.
    fn twelve_months(&self, claim: &Claim, on: NaiveDate) -> Fen {
        let since = twelve_months_before(on);
        let approvals = self.approvals.get(&claim.household).into_iter().flatten();
        let recent = approvals.filter(|(id, (day, _))| **id != claim.id && *day > since);
        recent.fold(Fen::ZERO, |sum, (_, (_, amount))| plus(sum, *amount))
    }

    /// What the approval would have said.
    fn approved(
        &self,
        mut standing: Computed<'a>,
        used: &RunningTotals,
        before: Fen,
        uplift: Fen,
        on: NaiveDate,
        proofs: usize,
    ) -> Result<Computed<'a>, Stuck> {
        within_year(&self.draft.year, YearDate::Approval, on)?;
        let need = usize::from(self.draft.notice.proofs_min.max(1));
        if proofs < need {
            return Err(Stuck::Proofs { have: proofs, need });
        }
        // Whatever was approved in between may have used up what this one was computed on: then the
        // desk refuses the approval, and it is verified again.
        if !still_stands(&standing, used) {
            standing = computed(standing.schedule, standing.loss, used)?;
        }
        let benefit = standing.assessment.benefit;
        let uplift = uplift
            .min(self.draft.uplift_max)
            .min(uplift_room(&standing.assessment))
            .min(
                remaining(standing.schedule, used)
                    .map_or(uplift, |rest| rest.saturating_sub_to_zero(benefit)),
            );
        standing.amount = plus(benefit, uplift);
        within_authority(self.draft, standing.amount, before, uplift > Fen::ZERO)?;
        Ok(standing)
    }

    fn release(&mut self, recorded: &RecordedClaim) {
        if let Some(standing) = self.standing.remove(&recorded.claim.id) {
            let nothing = RunningShare::default();
            self.count(&recorded.claim, nothing.since(standing.reserved));
            if let Some(events) = self.events.get_mut(&EventKey::of(&recorded.claim.case)) {
                events.remove(&recorded.claim.id);
            }
            if let Some(approvals) = self.approvals.get_mut(&recorded.claim.household) {
                approvals.remove(&recorded.claim.id);
            }
        }
    }

    fn count(&mut self, claim: &Claim, share: RunningShare) {
        let person = self.persons.entry(claim.case.insured).or_default();
        *person = person.plus(share);
        let household = self.households.entry(claim.household).or_default();
        *household = household.plus(share);
        self.available = minus(self.available, share.benefit);
    }

    fn end(mut self, moved_years: i32) -> Rehearsal {
        let (mut ended, mut under_way) = (0, 0);
        let mut placed: Vec<(usize, CaseLine)> = Vec::new();
        let mut never_held: BTreeMap<Check, u64> = BTreeMap::new();
        let mut paid_under: BTreeMap<SchemeId, Fen> = BTreeMap::new();
        for recorded in self.recorded.claims.values() {
            let claim = &recorded.claim;
            let paid = paid_under.entry(claim.scheme).or_default();
            *paid = plus(*paid, claim.counted().benefit);
            if claim.status().ends_without_money() {
                ended += 1;
                continue;
            }
            let standing = self.standing.remove(&claim.id);
            let Some(standing) = standing.filter(|_| claim.state.verified().is_some()) else {
                under_way += 1;
                continue;
            };
            for check in &standing.never_held {
                *never_held.entry(*check).or_default() += 1;
            }
            placed.push((standing.place, case_line(claim, standing, self.draft)));
        }
        placed.sort_by_key(|(place, _)| *place);
        let cases: Vec<CaseLine> = placed.into_iter().map(|(_, case)| case).collect();
        let [mut approved, mut computed, mut open] = [Sums::default(); 3];
        for case in &cases {
            match (case.new, case.approved) {
                (Some(new), true) => approved.add(case.old, new),
                (Some(new), false) => computed.add(case.old, new),
                (None, true | false) => open.add(case.old, Fen::ZERO),
            }
        }
        let mut old = YearAccount::default();
        for (id, scheme) in &self.recorded.schemes {
            let paid = paid_under.get(id).copied().unwrap_or_default();
            let mut account = YearAccount::of(&scheme.pool, paid);
            // Versions of a year share one pool: its premium is the newest one's, once.
            let newer = |other: &&Arc<Scheme>| {
                other.pool_id == scheme.pool_id && other.version > scheme.version
            };
            if self.recorded.schemes.values().any(|other| newer(&other)) {
                account.balance = minus(account.balance, account.premium);
                account.premium = Fen::ZERO;
            }
            old.add(account);
        }
        let terms = &self.draft.pool;
        let recorded_under = self.recorded.schemes.values();
        Rehearsal {
            year: self.recorded.year,
            moved_years,
            recorded_under: recorded_under
                .map(|scheme| (scheme.code.clone(), scheme.version))
                .collect(),
            ended,
            under_way,
            approved,
            computed,
            open,
            pool: PoolEffect {
                old,
                new: YearAccount::of(terms, approved.new),
                surplus: terms.surplus,
                shortage: terms.shortage,
                first_short: self.first_short,
            },
            villages: villages(&cases, &self.recorded.places),
            never_held,
            cases,
        }
    }
}

fn case_line(claim: &Claim, standing: Standing<'_>, draft: &Scheme) -> CaseLine {
    let approved = claim.approved_amount().is_some();
    let amount = standing.computed.and_then(|computed| {
        // Whoever is approved was measured then, with the uplift. Before, nobody knows which twelve months will count.
        if !approved {
            within_authority(draft, computed.amount, Fen::ZERO, false)?;
        }
        Ok(computed.amount)
    });
    let lacking = standing.lacking;
    let (new, stuck) = match amount {
        Ok(amount) if lacking > Fen::ZERO => (Some(amount), Some(Stuck::PoolEmpty { lacking })),
        Ok(amount) => (Some(amount), None),
        Err(stuck) if stuck.refuses() => (Some(Fen::ZERO), Some(stuck)),
        Err(stuck) => (None, Some(stuck)),
    };
    CaseLine {
        number: claim.number.clone(),
        village: claim.village.clone(),
        household: claim.household,
        peril: claim.case.peril,
        status: claim.status(),
        approved,
        old: claim.amount(),
        new,
        stuck,
    }
}

fn villages(
    cases: &[CaseLine],
    places: &BTreeMap<RegionCode, String>,
) -> BTreeMap<RegionCode, VillageLine> {
    #[derive(Default)]
    struct Household {
        old: Fen,
        new: Fen,
        open: bool,
    }
    let mut households: BTreeMap<(&RegionCode, HouseholdId), Household> = BTreeMap::new();
    for case in cases {
        let household = households
            .entry((&case.village, case.household))
            .or_default();
        household.old = plus(household.old, case.old);
        household.new = plus(household.new, case.new.unwrap_or_default());
        household.open |= case.new.is_none();
    }
    let mut lines: BTreeMap<RegionCode, VillageLine> = BTreeMap::new();
    for ((village, _), household) in households {
        let line = lines.entry(village.clone()).or_insert_with(|| VillageLine {
            name: places.get(village).cloned().unwrap_or_default(),
            ..VillageLine::default()
        });
        if household.open {
            line.open += 1;
            line.open_old = plus(line.open_old, household.old);
            continue;
        }
        let difference = minus(household.new, household.old);
        match household.new.cmp(&household.old) {
            Ordering::Greater => line.better.add(difference),
            Ordering::Less => line.worse.add(difference),
            Ordering::Equal => line.same += 1,
        }
    }
    lines
}

impl Side {
    fn add(&mut self, difference: Fen) {
        self.households += 1;
        self.difference = plus(self.difference, difference);
    }

    fn join(&mut self, other: Self) {
        self.households += other.households;
        self.difference = plus(self.difference, other.difference);
    }
}

fn computed<'a>(
    schedule: &'a Schedule,
    loss: Loss,
    used: &RunningTotals,
) -> Result<Computed<'a>, Stuck> {
    let assessment = assess(schedule, &loss, used).map_err(|fault| missing(&fault.to_string()))?;
    let amount = assessment.benefit;
    if amount <= Fen::ZERO {
        return Err(Stuck::Zero);
    }
    Ok(Computed {
        schedule,
        loss,
        assessment,
        amount,
    })
}

/// Whether a benefit computed earlier may be approved on the totals of now, as the desk asks it.
fn still_stands(computed: &Computed<'_>, used: &RunningTotals) -> bool {
    let then = &computed.assessment.used;
    let same_losses = match computed.assessment.accumulation {
        Accumulation::Event => true,
        Accumulation::PersonYear => then.person_year_loss == used.person_year_loss,
        Accumulation::HouseholdYear => then.household_year_loss == used.household_year_loss,
    };
    same_losses
        && then.event == used.event
        && remaining(computed.schedule, used)
            .is_none_or(|remaining| computed.assessment.benefit <= remaining)
}

/// What the caps leave; `None` without caps.
fn remaining(schedule: &Schedule, used: &RunningTotals) -> Option<Fen> {
    let caps = schedule.caps.iter();
    caps.map(|cap| cap.limit.saturating_sub_to_zero(used.of(cap.scope)))
        .min()
}

/// Whether somebody, if need be with a second approver, may approve the amount. An uplift always
/// needs the second. `before`: what was approved for the household in twelve months.
fn within_authority(draft: &Scheme, amount: Fen, before: Fen, uplifted: bool) -> Result<(), Stuck> {
    let most = |command| {
        let rows = draft.authority_of(draft.duties_of(command));
        rows.unwrap_or((Fen::ZERO, Some(Fen::ZERO)))
    };
    let most_of_year = |command| draft.twelve_months_authority_of(draft.duties_of(command));
    let (alone, first) = most(CommandKind::ApproveClaim);
    let (_, second) = most(CommandKind::SecondApproveClaim);
    let (year_alone, year_first) = most_of_year(CommandKind::ApproveClaim);
    let (_, year_second) = most_of_year(CommandKind::SecondApproveClaim);
    let sum = plus(before, amount);
    let needs_second = uplifted || amount > alone || year_alone.is_some_and(|limit| sum > limit);
    let least = |one: Option<Fen>, second: Option<Fen>| {
        let limits = [one, second.filter(|_| needs_second)];
        limits.into_iter().flatten().min()
    };
    if let Some(limit) = least(first, second).filter(|limit| amount > *limit) {
        return Err(Stuck::Authority { amount, limit });
    }
    if let Some(limit) = least(year_first, year_second).filter(|limit| sum > *limit) {
        return Err(Stuck::TwelveMonths { sum, limit });
    }
    Ok(())
}

fn within_year(year: &PolicyYear, date: YearDate, day: NaiveDate) -> Result<(), Stuck> {
    let (from, to) = (year.from, year.to);
    if year.fixed_by == date && (day < from || day > to) {
        return Err(Stuck::Year { date, from, to });
    }
    Ok(())
}

/// Documents the draft has due at a step that the claim has passed, and that nobody handed in.
fn documents_missing(terms: &PerilTerms, recorded: &RecordedClaim) -> Vec<String> {
    let due = terms.documents_of(recorded.claim.case.advance);
    due.filter(|rule| recorded.passed.contains(&rule.due))
        .filter_map(|rule| {
            let on_file = recorded.on_file.iter();
            let have = on_file.filter(|(kind, _)| *kind == rule.kind).count();
            let lacking = usize::from(rule.count_min).saturating_sub(have);
            (lacking > 0).then(|| format!("{}×{lacking}({})", rule.kind, rule.supplier.zh()))
        })
        .collect()
}

fn missing(what: &str) -> Stuck {
    Stuck::Facts {
        what: what.to_owned(),
    }
}

/// A refusal to make a loss of the facts, by its field and reason.
fn unfit(blocked: &Blocked) -> Stuck {
    let params = blocked.params();
    let words: Vec<String> = params.iter().map(|(_, value)| value.to_string()).collect();
    missing(&words.join(" "))
}

/// A share of an amount, rounded half up to the fen.
fn share(amount: Fen, rate: Rate) -> Fen {
    let exact = i128::from(amount.get()) * i128::from(rate.basis_points());
    Fen::new(i64::try_from((exact + 5_000) / 10_000).unwrap_or(i64::MAX))
}

const fn plus(one: Fen, other: Fen) -> Fen {
    Fen::new(one.get().saturating_add(other.get()))
}

const fn minus(one: Fen, other: Fen) -> Fen {
    Fen::new(one.get().saturating_sub(other.get()))
}
