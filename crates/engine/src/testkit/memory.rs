//! The reference store: plain maps behind one lock. What it does is what every store must do, said
//! as simply as possible; `testkit::contract` holds the SQL store to the same promises.
//!
//! What the ports leave open is settled here so:
//! * the event, insured member and payee of a judgement are those the ask names, else the claim's;
//! * the bills of a claim are those of its latest verification; a claim that no longer lives
//!   holds none;
//! * a notice is due for the timer when its term is over, it is proved, and no objection is open:
//!   one that cannot close must not keep the timer from those that can.

mod bank;
mod hooks;
mod households;
mod pools;

use crate::bank_file::BankFile;
use crate::bulk::{BatchId, BatchLine, Bulk, Download, Export, Progress};
use crate::caller::Scope;
use crate::disclosure::Disclosed;
use crate::household::{BankAccount, Diagnosis, Household, Member, Payee, PayeeCheck};
use crate::identity::duties_in;
use crate::ids;
use crate::limits;
use crate::outlook::Outlook;
use crate::payment_batch::PaymentBatch;
use crate::pool::{PoolBalances, PoolEntry, PoolTransfer};
use crate::ports::{
    Ask, ClaimFilter, ClaimReader, ClaimStore, Commit, EventKey, Fault, Found, Happened, Judge,
    LogRow, Outcome, Page, PaymentRow, Receipt, Recorded, Slice, Span, StatusCount, Target,
};
use crate::registry::{Org, Person, Region, Registry};
use crate::retelling::{Columns, Difference, Retelling, Shelf, Told};
use async_trait::async_trait;
use benefits::{CapScope, Fen, RunningTotals};
use chrono::{DateTime, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::pool::PoolOrder;
use lifecycle::scheme::twelve_months_before;
use lifecycle::{
    AccountId, BillKey, Claim, ClaimId, CommandKind, CountyCode, EarlierClaim, Event, EventKind,
    Happening, HouseholdId, InEvent, Liveness, MemberId, NoticeId, ObjectionId, ObjectionStatus,
    OpenAdvance, OrgId, PayeeFacts, PayeeId, PayeeSeal, PaymentId, Peril, PersonId, Posting,
    RegionCode, RunningShare, Scheme, SchemeId, Seen, State, Status,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// A store in memory: the reference for every other.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

/// A claim and what it is judged on, or the answer where there is nothing to judge.
type Ready = Result<(Ask, Option<Claim>, Found), Outcome>;

/// A command that was refused, as it stays on record (invariant 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// County.
    pub county: CountyCode,
    /// The account that asked.
    pub account: AccountId,
    /// The claim asked about.
    pub claim: ClaimId,
    /// The command.
    pub command: CommandKind,
    /// The code of the refusal.
    pub code: &'static str,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a hand in the database could do behind the pipeline's back. For tests that show that the
/// verification sees it.
#[derive(Debug, Clone)]
pub enum Tamper {
    /// Replaces words in the text of a log entry.
    EventText {
        /// The entry.
        county_seq: i64,
        /// What stands there.
        find: String,
        /// What shall stand there.
        replace: String,
    },
    /// Replaces words in the text of a log entry and gives it a fitting hash.
    EventTextAndHash {
        /// The entry.
        county_seq: i64,
        /// What stands there.
        find: String,
        /// What shall stand there.
        replace: String,
    },
    /// Replaces words in the text of the facts.
    SeenText {
        /// The entry.
        county_seq: i64,
        /// What stands there.
        find: String,
        /// What shall stand there.
        replace: String,
    },
    /// Removes a log entry.
    DropEntry {
        /// The entry.
        county_seq: i64,
    },
    /// Replaces the row of a claim.
    ClaimRow(Box<Claim>),
    /// Removes the row of a claim.
    DropClaimRow(ClaimId),
    /// Sets the balances of a pool.
    Balances(SchemeId, PoolBalances),
    /// Writes a transfer that no command made, and the balances with it.
    Transfer(SchemeId, Posting),
    /// Writes an order of a pool over.
    PoolOrder(Box<PoolOrder>),
    /// Sets the status of every payment of a claim.
    PaymentStatus(ClaimId, &'static str),
    /// Writes the payments of a claim a second time.
    RepeatPayments(ClaimId),
    /// Removes the notices of a claim.
    DropNotices(ClaimId),
    /// Lets the notices of a claim close at another instant.
    NoticeClosesAt(ClaimId, DateTime<Utc>),
    /// Removes the objections to a claim.
    DropObjections(ClaimId),
    /// Removes the bills of a claim.
    DropBills(ClaimId),
    /// Empties all running totals.
    ForgetTotals,
    /// Pays a payee to another account.
    Account(PayeeId, BankAccount),
}

/// One claim.
struct ClaimRow {
    claim: Claim,
    opened_at: DateTime<Utc>,
}

struct Entry {
    claim: ClaimId,
    version: u32,
    county_seq: i64,
    event: String,
    seen: String,
    previous_hash: String,
    hash: String,
}

struct Transfer {
    county: CountyCode,
    pool: SchemeId,
    row: PoolTransfer,
}

#[derive(Clone)]
struct PaymentEntry {
    id: PaymentId,
    claim: ClaimId,
    instruction_no: String,
    status: &'static str,
    amount: Fen,
}

struct NoticeEntry {
    id: NoticeId,
    claim: ClaimId,
    closes_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

/// Whose running total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Person(MemberId),
    Household(HouseholdId),
}

type TotalKey = (CountyCode, i32, Peril, Holder);

mod identity;

#[derive(Default)]
struct Tables {
    counties: BTreeSet<CountyCode>,
    regions: BTreeMap<(CountyCode, RegionCode), Region>,
    orgs: BTreeMap<(CountyCode, OrgId), Org>,
    people: BTreeMap<(CountyCode, PersonId), Person>,
    identities: identity::Identities,
    schemes: BTreeMap<(CountyCode, SchemeId), Arc<Scheme>>,
    households: BTreeMap<(CountyCode, HouseholdId), Household>,
    claims: BTreeMap<(CountyCode, ClaimId), ClaimRow>,
    logs: BTreeMap<CountyCode, Vec<Entry>>,
    receipts: BTreeMap<(CountyCode, AccountId, Uuid), (String, Receipt)>,
    numbers: BTreeMap<(CountyCode, i32), u32>,
    totals: BTreeMap<TotalKey, RunningShare>,
    bills: BTreeMap<(CountyCode, BillKey), ClaimId>,
    transfers: Vec<Transfer>,
    pool_orders: BTreeMap<(CountyCode, Uuid), PoolOrder>,
    pool_log: BTreeMap<CountyCode, Vec<PoolEntry>>,
    balances: BTreeMap<(CountyCode, SchemeId), PoolBalances>,
    payments: Vec<PaymentEntry>,
    notices: Vec<NoticeEntry>,
    objections: BTreeMap<ObjectionId, (ClaimId, ObjectionStatus)>,
    refusals: Vec<Refusal>,
    batch_lines: BTreeMap<(BatchId, u32), BatchLine>,
    exports: BTreeMap<(CountyCode, Uuid), Export>,
    downloads: Vec<(CountyCode, Download)>,
    diagnoses: BTreeMap<(CountyCode, ClaimId), Diagnosis>,
    disclosures: BTreeMap<CountyCode, Vec<Disclosed>>,
    payment_batches: BTreeMap<(CountyCode, Uuid), PaymentBatch>,
    bank_files: BTreeMap<(CountyCode, Uuid), BankFile>,
    hooks: hooks::Webhooks,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The commands that were refused so far, in order.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.tables().refusals.clone()
    }

    /// Changes what is stored behind the pipeline's back.
    pub fn tamper(&self, county: CountyCode, tamper: Tamper) {
        self.tables().tamper(county, tamper);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing is written before a judge has returned, so a judge that panics leaves it whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(context: &'static str) -> Fault {
    Fault::Store {
        context: context.into(),
        source: None,
    }
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|fault| Fault::store("writing the log", fault))
}

fn read<T: serde::de::DeserializeOwned>(
    column: &'static str,
    row: i64,
    text: &str,
) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|fault| Fault::Inconsistency {
        table: "claim_event",
        column,
        row: row.to_string(),
        reason: fault.to_string(),
    })
}

impl Entry {
    fn recorded(&self) -> Result<Recorded, Fault> {
        Ok(Recorded {
            claim: self.claim,
            version: self.version,
            county_seq: self.county_seq,
            event: read("event", self.county_seq, &self.event)?,
            seen: read("seen", self.county_seq, &self.seen)?,
            previous_hash: self.previous_hash.clone(),
            hash: self.hash.clone(),
        })
    }

    fn happened(&self) -> Result<Happened, Fault> {
        let event = self.recorded()?.event;
        Ok(Happened {
            claim: self.claim,
            version: self.version,
            county_seq: self.county_seq,
            kind: event.what.kind(),
            at: event.stamp.at,
        })
    }
}

/// Carries out a transfer, as a database with `CHECK (amount > 0)` and `CHECK (balance >= 0)`.
fn transfer(balances: &mut PoolBalances, posting: Posting) -> Result<(), Fault> {
    if posting.amount.get() <= 0 {
        return Err(Fault::Conflict("transfer: not positive"));
    }
    let from = balances.slot(posting.from);
    *from = from
        .checked_sub(posting.amount)
        .ok_or(Fault::Conflict("transfer: out of range"))?;
    if from.is_negative() && !posting.from.is_source() {
        return Err(Fault::Conflict("pool: balance below zero"));
    }
    let to = balances.slot(posting.to);
    *to = to
        .checked_add(posting.amount)
        .ok_or(Fault::Conflict("transfer: out of range"))?;
    Ok(())
}

impl Tables {
    fn claim(&self, county: CountyCode, id: ClaimId) -> Option<&Claim> {
        self.claims.get(&(county, id)).map(|row| &row.claim)
    }

    fn claims_of(&self, county: CountyCode) -> impl Iterator<Item = &ClaimRow> {
        self.claims
            .iter()
            .filter(move |((of, _), _)| *of == county)
            .map(|(_, row)| row)
    }

    /// The log of a county, as far as it is of claims in a scope.
    fn seen_by(&self, scope: &Scope) -> impl Iterator<Item = &Entry> {
        let log = self.logs.get(&scope.county).into_iter().flatten();
        log.filter(move |entry| {
            let claim = self.claim(scope.county, entry.claim);
            claim.is_some_and(|claim| scope.covers(claim))
        })
    }

    fn history(&self, county: CountyCode, id: ClaimId) -> Result<Vec<Recorded>, Fault> {
        let log = self.logs.get(&county).into_iter().flatten();
        log.filter(|entry| entry.claim == id)
            .map(Entry::recorded)
            .collect()
    }

    /// The claim right after one of its events.
    fn claim_at(&self, county: CountyCode, receipt: &Receipt) -> Result<Claim, Fault> {
        let history = self.history(county, receipt.claim)?;
        let events = history
            .iter()
            .filter(|entry| entry.version <= receipt.version)
            .map(|entry| &entry.event);
        Claim::fold(events).ok_or_else(|| Fault::Inconsistency {
            table: "receipt",
            column: "claim",
            row: receipt.claim.to_string(),
            reason: "its history does not begin".into(),
        })
    }

    /// The claim of an ask and what it is judged on, or the answer where there is nothing to judge.
    fn ready(&self, ask: &Ask) -> Result<Ready, Fault> {
        let (claim, scheme, household) = match ask.target {
            Target::New {
                id: _,
                scheme,
                household,
            } => {
                let seen = self
                    .households
                    .get(&(ask.county, household))
                    .is_some_and(|it| ask.scope.region.covers(&it.village));
                // An insurer's people begin claims under their own insurer's schemes only.
                let known = self.schemes.get(&(ask.county, scheme));
                let own =
                    known.is_none_or(|it| ask.scope.insurer.is_none_or(|of| of == it.insurer));
                if !seen || !own {
                    return Ok(Err(Outcome::NotFound));
                }
                (None, scheme, household)
            }
            Target::Existing {
                id,
                expected_version,
            } => {
                let claim = self.claim(ask.county, id).cloned();
                let Some(claim) = claim.filter(|claim| ask.scope.covers(claim)) else {
                    return Ok(Err(Outcome::NotFound));
                };
                if claim.version != expected_version {
                    return Ok(Err(Outcome::Stale {
                        current: claim.version,
                    }));
                }
                let (scheme, household) = (claim.scheme, claim.household);
                (Some(claim), scheme, household)
            }
        };
        let Some(scheme) = self.schemes.get(&(ask.county, scheme)).cloned() else {
            return Ok(Err(Outcome::NotFound));
        };
        let last = self.logs.get(&ask.county).and_then(|log| log.last());
        let last = last.map(Entry::recorded).transpose()?;
        let ask = Ask {
            now: ask.instant_after(last.map(|entry| entry.event.stamp.at))?,
            ..ask.clone()
        };
        let found = Found {
            seen: self.seen(&ask, claim.as_ref(), &scheme, household),
            scheme,
        };
        Ok(Ok((ask, claim, found)))
    }

    fn consider(&self, ask: &Ask, judge: Judge) -> Result<Outlook, Fault> {
        Ok(match self.ready(ask)? {
            Ok((_, claim, found)) => match judge(claim.as_ref(), found) {
                Err(blocked) => Outlook::Blocked(blocked),
                Ok(commit) => Outlook::Would {
                    claim: Box::new(commit.claim),
                    event: Box::new(commit.event),
                },
            },
            Err(Outcome::Stale { current }) => Outlook::Stale { current },
            Err(_) => Outlook::NotFound,
        })
    }

    fn transact(&mut self, ask: &Ask, judge: Judge) -> Result<Outcome, Fault> {
        let receipt = self.receipts.get(&(ask.county, ask.account, ask.key));
        if let Some((fingerprint, receipt)) = receipt {
            if *fingerprint != ask.fingerprint {
                return Ok(Outcome::KeyReused);
            }
            return Ok(Outcome::Done {
                receipt: receipt.clone(),
                claim: Box::new(self.claim_at(ask.county, receipt)?),
                replay: true,
            });
        }
        let (ask, claim, found) = match self.ready(ask)? {
            Ok(ready) => ready,
            Err(answer) => return Ok(answer),
        };
        let (ask, scheme) = (&ask, Arc::clone(&found.scheme));
        match judge(claim.as_ref(), found) {
            Err(blocked) => {
                self.refusals.push(Refusal {
                    county: ask.county,
                    account: ask.account,
                    claim: ask.target.id(),
                    command: ask.command,
                    code: blocked.code(),
                    at: ask.now,
                });
                Ok(Outcome::Blocked(blocked))
            }
            Ok(commit) => self.write(ask, &scheme, commit),
        }
    }

    fn seen(
        &self,
        ask: &Ask,
        claim: Option<&Claim>,
        scheme: &Scheme,
        household_id: HouseholdId,
    ) -> Seen {
        let county = ask.county;
        let household = self.households.get(&(county, household_id));
        let event = ask.event.or_else(|| claim.map(|it| EventKey::of(&it.case)));
        let payee = ask.payee.or_else(|| claim.map(|it| it.case.payee));
        let insured = event.and_then(|event| {
            let mut members = household.iter().flat_map(|it| &it.members);
            members.find(|member| member.id == event.insured)
        });
        let mut interested: Vec<PersonId> = ask
            .persons
            .iter()
            .copied()
            .filter(|person| {
                let person = self.people.get(&(county, *person));
                person.is_some_and(|it| it.interests.contains(&household_id))
            })
            .collect();
        interested.dedup();
        let named = ask
            .named
            .and_then(|person| self.people.get(&(county, person)));
        let others = || {
            self.claims_of(county)
                .map(|row| &row.claim)
                .filter(|other| other.id != ask.target.id() && other.status().is_living())
        };
        let followed = ask.follows.and_then(|earlier| {
            let mut claims = self.claims_of(county).map(|row| &row.claim);
            let followed = self.follower(county, earlier).is_some();
            let earlier = claims.find(|it| it.id == earlier && ask.scope.covers(it))?;
            Some(EarlierClaim::of(earlier, followed))
        });
        let first = claim.map(Claim::first_of_event);
        let first = first.or(followed.as_ref().map(|it| it.first));
        let first = first.unwrap_or_else(|| ask.target.id());
        let place = claim.map(Claim::place_in_event);
        let place = place
            .or(followed.as_ref().map(|it| it.place + 1))
            .unwrap_or(0);
        let alone = |advance: &Claim| {
            let mut others = self.claims_of(county).map(|row| &row.claim);
            !others.any(|it| {
                it.id != advance.id && it.held().get() > 0 && it.case.same_event(&advance.case)
            })
        };
        let open_advance = event.and_then(|event| {
            let open = others().filter(|it| {
                it.case.advance
                    && alone(it)
                    && (it.case.insured, it.case.peril) == (event.insured, event.peril)
                    && it.first_of_event() != first
            });
            let open = open.max_by_key(|it| it.held())?;
            let number = ask.scope.covers(open).then(|| open.number.clone());
            Some(OpenAdvance {
                number: number.unwrap_or_default(),
                holds_money: open.held().get() > 0,
            })
        });
        let of_event: Vec<&Claim> = others()
            .filter(|other| Some(EventKey::of(&other.case)) == event)
            .collect();
        let own = claim.map_or_else(RunningShare::default, Claim::counted);
        let used = |holder| {
            let peril = event.map(|event| event.peril)?;
            let total = self
                .totals
                .get(&(county, scheme.year.year, peril, holder))?;
            Some(total.since(own))
        };
        let person = event
            .and_then(|event| used(Holder::Person(event.insured)))
            .unwrap_or_default();
        let family = used(Holder::Household(household_id)).unwrap_or_default();
        let next_number = self.numbers.get(&(county, scheme.year.year));
        Seen {
            now: ask.now,
            household_listed: household.is_some_and(|it| it.listed_on.is_some()),
            group: household.map(|it| it.kind.clone()).unwrap_or_default(),
            village: household.map(|it| it.village.clone()),
            insured: insured.map(liveness).unwrap_or_default(),
            insured_of_household: insured.is_some(),
            head_name: household
                .map(|it| it.head_name().to_owned())
                .unwrap_or_default(),
            village_name: household
                .and_then(|it| self.regions.get(&(county, it.village.clone())))
                .map(|region| region.name.clone())
                .unwrap_or_default(),
            persons: household.map_or(0, |it| it.persons),
            payee: payee.and_then(|payee| self.payee_facts(county, household_id, payee)),
            payee_seal: payee.and_then(|payee| {
                let (home, payee) = self.payee(county, payee)?;
                Some(PayeeSeal {
                    payee: payee.id,
                    fingerprint: payee.fingerprint(home.id, ""),
                })
            }),
            interested,
            named_duties: (named.zip(household))
                .map(|(named, home)| {
                    let assignments = self.identities.assignments_of(county, named.id);
                    let today = legal_day(ask.now);
                    duties_in(
                        &named.region,
                        &named.duties,
                        assignments,
                        &home.village,
                        today,
                    )
                })
                .unwrap_or_default(),
            duplicate: (of_event.iter())
                .find(|other| other.first_of_event() != first)
                .map(|other| {
                    let number = ask.scope.covers(other).then(|| other.number.clone());
                    number.unwrap_or_default()
                }),
            open_advance,
            followed,
            bills_taken: ask
                .bills
                .iter()
                .filter(|bill| {
                    let holder = self.bills.get(&(county, (*bill).clone()));
                    holder.is_some_and(|holder| others().any(|other| other.id == *holder))
                })
                .cloned()
                .collect(),
            pool_available: self
                .balances
                .get(&(county, scheme.pool_id))
                .filter(|_| !self.is_settled(county, scheme.pool_id))
                .map_or(Fen::ZERO, |it| it.available),
            pool_settled: self.is_settled(county, scheme.pool_id),
            first_waiting: self
                .queue(county, scheme.pool_id)
                .min_by(|one, other| one.rank.cmp(&other.rank))
                .map(|it| it.claim),
            reference_of: ask
                .recovery_ref
                .as_ref()
                .and_then(|bank_ref| self.reference_of(county, bank_ref)),
            used: RunningTotals {
                person_year: person.benefit,
                household_year: family.benefit,
                person_year_loss: person.loss,
                household_year_loss: family.loss,
                event: InEvent::totals(
                    of_event.iter().map(|other| InEvent::of(other)),
                    place,
                    scheme.year.year,
                ),
            },
            approved_twelve_months: self.approved_twelve_months(ask, household_id),
            next_number: next_number.copied().unwrap_or(0) + 1,
        }
    }

    /// What other claims of a household were approved for in the twelve months up to an ask, and still are.
    fn approved_twelve_months(&self, ask: &Ask, household: HouseholdId) -> Fen {
        let since = twelve_months_before(legal_day(ask.now));
        let approvals = self
            .claims_of(ask.county)
            .map(|row| &row.claim)
            .filter(|it| it.household == household && it.id != ask.target.id())
            .filter_map(Claim::standing_approval);
        let recent = approvals.filter(|it| legal_day(it.completed().at) > since);
        Fen::new(recent.map(|it| it.approval.amount.get()).sum())
    }

    fn households_of(&self, county: CountyCode) -> impl Iterator<Item = &Household> {
        self.households
            .iter()
            .filter(move |((of, _), _)| *of == county)
            .map(|(_, household)| household)
    }

    fn payee(&self, county: CountyCode, id: PayeeId) -> Option<(&Household, &Payee)> {
        self.households_of(county).find_map(|home| {
            let payee = home.payees.iter().find(|payee| payee.id == id)?;
            Some((home, payee))
        })
    }

    fn payee_facts(
        &self,
        county: CountyCode,
        household: HouseholdId,
        id: PayeeId,
    ) -> Option<PayeeFacts> {
        let (home, payee) = self.payee(county, id)?;
        let member = home.members.iter().find(|it| it.id == payee.member);
        Some(PayeeFacts {
            of_household: home.id == household,
            member: payee.member,
            relation: payee.relation,
            name_checks: payee.checks.iter().map(PayeeCheck::seen).collect(),
            shared: self
                .households_of(county)
                .filter(|other| other.id != home.id)
                .flat_map(|other| &other.payees)
                .any(|other| other.account == payee.account),
            liveness: member.map(liveness).unwrap_or_default(),
        })
    }

    /// Writes one commit: first everything that can fail, on copies; then everything else.
    fn write(&mut self, ask: &Ask, scheme: &Scheme, commit: Commit) -> Result<Outcome, Fault> {
        let Commit {
            claim,
            event,
            postings,
            seen,
            bills,
        } = commit;
        let county = ask.county;
        self.second_lock(ask, &claim, &event, &bills)?;
        let mut balances = self
            .balances
            .get(&(county, scheme.pool_id))
            .copied()
            .unwrap_or_default();
        for posting in &postings {
            transfer(&mut balances, *posting)?;
        }
        let before = self.claims.get(&(county, claim.id));
        let opened_at = before.map_or(ask.now, |row| row.opened_at);
        let totals = self.totals_after(county, scheme, &claim)?;
        let log = self.logs.get(&county);
        let last = log.and_then(|log| log.last());
        let county_seq = last.map_or(0, |entry| entry.county_seq) + 1;
        let previous_hash = last.map(|entry| entry.hash.clone()).unwrap_or_default();
        let (event_text, seen_text) = (text(&event)?, text(&seen)?);
        let hash = Recorded::hash_of(
            &previous_hash,
            county_seq,
            claim.id,
            claim.version,
            &event_text,
            &seen_text,
        );
        let receipt = Receipt {
            claim: claim.id,
            version: claim.version,
            county_seq,
            event: event.what.kind(),
            recorded_at: ask.now,
        };

        if matches!(ask.target, Target::New { .. }) {
            self.numbers
                .insert((county, scheme.year.year), seen.next_number);
        }
        self.logs.entry(county).or_default().push(Entry {
            claim: claim.id,
            version: claim.version,
            county_seq,
            event: event_text,
            seen: seen_text,
            previous_hash,
            hash,
        });
        self.receipts.insert(
            (county, ask.account, ask.key),
            (ask.fingerprint.clone(), receipt.clone()),
        );
        self.balances.insert((county, scheme.pool_id), balances);
        self.transfers
            .extend(postings.into_iter().map(|posting| Transfer {
                county,
                pool: scheme.pool_id,
                row: PoolTransfer {
                    id: ids::fresh(),
                    posting,
                    at: event.stamp.at,
                    county_seq: Some(county_seq),
                    order: None,
                },
            }));
        self.totals.extend(totals);
        self.project(county, &claim, &event, bills);
        let row = ClaimRow {
            claim: claim.clone(),
            opened_at,
        };
        self.claims.insert((county, claim.id), row);
        Ok(Outcome::Done {
            receipt,
            claim: Box::new(claim),
            replay: false,
        })
    }

    /// What a database's unique indexes would refuse although the judge let it pass.
    fn second_lock(
        &self,
        ask: &Ask,
        claim: &Claim,
        event: &Event,
        bills: &[BillKey],
    ) -> Result<(), Fault> {
        let before = self.claim(ask.county, claim.id);
        if claim.version != before.map_or(0, |it| it.version) + 1 {
            return Err(Fault::Conflict("claim: version does not follow"));
        }
        let others = || {
            self.claims_of(ask.county)
                .map(|row| &row.claim)
                .filter(|other| other.id != claim.id)
        };
        if others().any(|other| other.number == claim.number) {
            return Err(Fault::Conflict("claim number"));
        }
        let twice = claim.follows.as_ref().is_some_and(|it| {
            let follower = self.follower(ask.county, it.claim);
            follower.is_some_and(|it| it.id != claim.id)
        });
        if twice {
            return Err(Fault::Conflict("claim followed once"));
        }
        let living = |other: &&Claim| other.status().is_living();
        if claim.status().is_living()
            && others()
                .filter(living)
                .filter(|other| other.case.same_event(&claim.case))
                .any(|other| other.first_of_event() != claim.first_of_event())
        {
            return Err(Fault::Conflict("claimed event"));
        }
        let taken = bills.iter().any(|bill| {
            let holder = self.bills.get(&(ask.county, bill.clone()));
            holder.is_some_and(|holder| others().filter(living).any(|it| it.id == *holder))
        });
        if taken {
            return Err(Fault::Conflict("bill"));
        }
        if let Happening::PayoutInstructed { payment, .. } = &event.what {
            let live = self.payments.iter().any(|it| {
                it.id == *payment || (it.claim == claim.id && is_live_payment(it.status))
            });
            if live {
                return Err(Fault::Conflict("live payment"));
            }
        }
        if let Happening::RecoveryRecorded { bank_ref, .. }
        | Happening::RecoveryCompleted { bank_ref } = &event.what
            && self.reference_of(ask.county, bank_ref).is_some()
        {
            return Err(Fault::Conflict("recovery"));
        }
        if let Happening::ObjectionRaised { objection, .. } = &event.what
            && self.objections.contains_key(objection)
        {
            return Err(Fault::Conflict("objection"));
        }
        if let Happening::PublicNoticeOpened { notice, .. } = &event.what
            && self.notices.iter().any(|it| it.id == *notice)
        {
            return Err(Fault::Conflict("notice"));
        }
        Ok(())
    }

    /// The claim that goes on with an earlier one.
    fn follower(&self, county: CountyCode, earlier: ClaimId) -> Option<&Claim> {
        let mut claims = self.claims_of(county).map(|row| &row.claim);
        claims.find(|it| it.follows.as_ref().is_some_and(|it| it.claim == earlier))
    }

    /// The claim for whose recovery the bank's reference was recorded.
    fn reference_of(&self, county: CountyCode, bank_ref: &str) -> Option<ClaimId> {
        let mut claims = self.claims_of(county).map(|row| &row.claim);
        let names = |claim: &&Claim| {
            let recovering = claim.state.recovering();
            recovering.is_some_and(|it| it.instalments.iter().any(|it| it.bank_ref == bank_ref))
        };
        claims.find(names).map(|it| it.id)
    }

    /// The running totals as the claim leaves them. A total that would pass its cap is refused.
    fn totals_after(
        &self,
        county: CountyCode,
        scheme: &Scheme,
        claim: &Claim,
    ) -> Result<BTreeMap<TotalKey, RunningShare>, Fault> {
        let (change, totals) = self.totals_moved(county, claim);
        let caps = claim
            .assessment()
            .zip(scheme.terms(claim.case.peril))
            .and_then(|(assessment, terms)| terms.schedule_of(&assessment.schedule_id))
            .map_or(&[][..], |schedule| schedule.caps.as_slice());
        for ((_, _, _, holder), total) in &totals {
            let passed = caps.iter().any(|cap| match (cap.scope, holder) {
                (CapScope::PersonYear, Holder::Person(_))
                | (CapScope::HouseholdYear, Holder::Household(_)) => total.benefit > cap.limit,
                (CapScope::Event, _) => claim.counted().benefit > cap.limit,
                (CapScope::PersonYear, Holder::Household(_))
                | (CapScope::HouseholdYear, Holder::Person(_)) => false,
            });
            if change.benefit.get() > 0 && passed {
                return Err(Fault::Conflict("running total: cap passed"));
            }
            if total.benefit.is_negative() || total.loss.is_negative() {
                return Err(Fault::Conflict("running total: below zero"));
            }
        }
        Ok(totals)
    }

    /// What a claim that moves changes in its running totals, and these after it.
    fn totals_moved(
        &self,
        county: CountyCode,
        claim: &Claim,
    ) -> (RunningShare, BTreeMap<TotalKey, RunningShare>) {
        let before = self.claim(county, claim.id).map(Claim::counted);
        let change = claim.counted().since(before.unwrap_or_default());
        let mut totals = BTreeMap::new();
        if change.is_nothing() {
            return (change, totals);
        }
        for holder in [
            Holder::Person(claim.case.insured),
            Holder::Household(claim.household),
        ] {
            let key = (county, claim.policy_year, claim.case.peril, holder);
            let total = self.totals.get(&key).copied().unwrap_or_default();
            totals.insert(key, total.plus(change));
        }
        (change, totals)
    }

    /// Everything that stands beside the log of a county, as rows.
    fn rows(&self, county: CountyCode) -> Result<Vec<(&'static str, String, Columns)>, Fault> {
        let mut rows = Vec::new();
        let mut row = |table, key: String, columns: Vec<(&str, String)>| {
            let columns = columns.into_iter().map(|(name, it)| (name.to_owned(), it));
            rows.push((table, key, columns.collect()));
        };
        for it in self.claims_of(county) {
            let columns = vec![
                ("number", it.claim.number.clone()),
                ("opened_at", it.opened_at.to_string()),
                ("body", text(&it.claim)?),
            ];
            row("claim", it.claim.id.to_string(), columns);
        }
        for it in &self.notices {
            let columns = vec![
                ("claim_id", it.claim.to_string()),
                ("closes_at", it.closes_at.to_string()),
                ("closed_at", format!("{:?}", it.closed_at)),
            ];
            row("notice", it.id.to_string(), columns);
        }
        for (id, (claim, status)) in &self.objections {
            let columns = vec![
                ("claim_id", claim.to_string()),
                ("status", status.to_string()),
            ];
            row("objection", id.to_string(), columns);
        }
        for it in &self.payments {
            let columns = vec![
                ("claim_id", it.claim.to_string()),
                ("status", it.status.to_owned()),
                ("amount_fen", it.amount.to_string()),
            ];
            row("payment", it.id.to_string(), columns);
        }
        for ((_, bill), claim) in self.bills.iter().filter(|((of, _), _)| *of == county) {
            let columns = vec![("claim_id", claim.to_string())];
            row("bill", bill.as_str().to_owned(), columns);
        }
        for ((of, year), number) in &self.numbers {
            if *of == county {
                let columns = vec![("last_number", number.to_string())];
                row("claim_counter", year.to_string(), columns);
            }
        }
        for ((of, year, peril, holder), total) in &self.totals {
            if *of == county {
                let columns = vec![
                    ("used_fen", total.benefit.to_string()),
                    ("loss_fen", total.loss.to_string()),
                ];
                row(
                    "running_total",
                    format!("{year} {peril} {holder:?}"),
                    columns,
                );
            }
        }
        Ok(rows)
    }

    /// What is kept beside the claim so that others can find it: bills, notices, objections,
    /// payments.
    fn project(&mut self, county: CountyCode, claim: &Claim, event: &Event, bills: Vec<BillKey>) {
        let id = claim.id;
        match &event.what {
            Happening::VerificationRecorded { .. } => {
                self.bills.retain(|_, holder| *holder != id);
                let held = bills.into_iter().map(|bill| ((county, bill), id));
                self.bills.extend(held);
            }
            Happening::PublicNoticeOpened {
                notice, closes_at, ..
            } => self.notices.push(NoticeEntry {
                id: *notice,
                claim: id,
                closes_at: *closes_at,
                closed_at: None,
            }),
            Happening::NoticeClosed => {
                let open = self.notices.iter_mut().rev().find(|it| it.claim == id);
                if let Some(notice) = open {
                    notice.closed_at = Some(event.stamp.at);
                }
            }
            Happening::ObjectionRaised { objection, .. } => {
                self.objections
                    .insert(*objection, (id, ObjectionStatus::Open));
            }
            Happening::ObjectionUpheld { objection, .. } => {
                self.objections
                    .insert(*objection, (id, ObjectionStatus::Upheld));
            }
            Happening::ObjectionDismissed { objection, .. } => {
                self.objections
                    .insert(*objection, (id, ObjectionStatus::Dismissed));
            }
            Happening::PayoutInstructed {
                payment,
                amount,
                instruction_no,
                ..
            } => self.payments.push(PaymentEntry {
                id: *payment,
                claim: id,
                instruction_no: instruction_no.clone(),
                status: "INSTRUCTED",
                amount: *amount,
            }),
            Happening::PayoutConfirmed { .. } => self.set_payment(id, "PAID"),
            Happening::PayoutFailed { .. } => self.set_payment(id, "FAILED"),
            Happening::PayoutReturned { .. } => self.set_payment(id, "RETURNED"),
            Happening::PayoutUnknown { .. } => self.set_payment(id, "UNKNOWN"),
            Happening::RecoveryCompleted { .. } => self.set_payment(id, "RECOVERED"),
            Happening::RecoveryWrittenOff => self.set_payment(id, "WRITTEN_OFF"),
            Happening::ReferralDrafted(_)
            | Happening::ReferralAmended { .. }
            | Happening::CaseReferred
            | Happening::ReferralReturned { .. }
            | Happening::ReferralAccepted
            | Happening::SurveyAssigned { .. }
            | Happening::FindingRecorded { .. }
            | Happening::DocumentAttached { .. }
            | Happening::DeclaredIneligible { .. }
            | Happening::NoticePreviewed { .. }
            | Happening::PublicationProved { .. }
            | Happening::CountyReviewed
            | Happening::FirstApprovalGiven { .. }
            | Happening::ClaimApproved { .. }
            | Happening::SecondApprovalGiven { .. }
            | Happening::ApprovalQueued { .. }
            | Happening::SecondApprovalQueued { .. }
            | Happening::WaitingReserved
            | Happening::ClaimRejected { .. }
            | Happening::ClaimSentBack { .. }
            | Happening::PayeeChanged { .. }
            | Happening::PayeeConfirmed { .. }
            | Happening::PayoutReinstated
            | Happening::ClaimWithdrawn { .. }
            | Happening::ClaimClosed { .. }
            | Happening::RecoveryStarted { .. }
            | Happening::RecoveryRecorded { .. }
            | Happening::WriteOffProposed { .. }
            | Happening::RefusalLetterIssued { .. }
            | Happening::AppealLodged { .. }
            | Happening::AppealUpheld { .. }
            | Happening::AppealDismissed { .. } => {}
        }
    }

    /// The claim's live payment becomes something else; there is at most one (invariant 2).
    fn set_payment(&mut self, claim: ClaimId, status: &'static str) {
        let payments = self.payments.iter_mut();
        for payment in payments.filter(|it| it.claim == claim && is_live_payment(it.status)) {
            payment.status = status;
        }
    }

    fn matching(&self, scope: &Scope, filter: &ClaimFilter) -> Vec<&Claim> {
        let mut claims: Vec<&Claim> = self
            .claims_of(scope.county)
            .filter(|row| scope.covers(&row.claim) && matches_filter(row, filter))
            .map(|row| &row.claim)
            .collect();
        claims.sort_by(|one, other| one.number.cmp(&other.number));
        claims
    }

    /// Whether the timer could close this claim's notice: term over, proved, nothing open.
    fn may_close(&self, claim: &Claim, now: DateTime<Utc>) -> bool {
        let State::NoticeOpen(open) = &claim.state else {
            return false;
        };
        let proofs = open
            .proofs
            .iter()
            .filter(|it| it.content_hash == open.notice.content_hash);
        let proofs_min = self
            .schemes
            .get(&(claim.county, claim.scheme))
            .map_or(1, |scheme| usize::from(scheme.notice.proofs_min));
        open.notice.closes_at <= now && claim.open_objections() == 0 && proofs.count() >= proofs_min
    }

    fn tamper(&mut self, county: CountyCode, tamper: Tamper) {
        let seq = |entry: &&mut Entry, county_seq: i64| entry.county_seq == county_seq;
        let log = self.logs.entry(county).or_default();
        match tamper {
            Tamper::EventText {
                county_seq,
                find,
                replace,
            } => {
                for entry in log.iter_mut().filter(|it| seq(it, county_seq)) {
                    entry.event = entry.event.replace(&find, &replace);
                }
            }
            Tamper::EventTextAndHash {
                county_seq,
                find,
                replace,
            } => {
                for entry in log.iter_mut().filter(|it| seq(it, county_seq)) {
                    entry.event = entry.event.replace(&find, &replace);
                    entry.hash = Recorded::hash_of(
                        &entry.previous_hash,
                        entry.county_seq,
                        entry.claim,
                        entry.version,
                        &entry.event,
                        &entry.seen,
                    );
                }
            }
            Tamper::SeenText {
                county_seq,
                find,
                replace,
            } => {
                for entry in log.iter_mut().filter(|it| seq(it, county_seq)) {
                    entry.seen = entry.seen.replace(&find, &replace);
                }
            }
            Tamper::DropEntry { county_seq } => log.retain(|it| it.county_seq != county_seq),
            Tamper::ClaimRow(claim) => {
                if let Some(row) = self.claims.get_mut(&(county, claim.id)) {
                    row.claim = *claim;
                }
            }
            Tamper::DropClaimRow(claim) => {
                self.claims.remove(&(county, claim));
            }
            Tamper::Balances(scheme, balances) => {
                self.balances.insert((county, scheme), balances);
            }
            Tamper::Transfer(scheme, posting) => {
                let balances = self.balances.entry((county, scheme)).or_default();
                let _ = transfer(balances, posting);
                self.transfers.push(Transfer {
                    county,
                    pool: scheme,
                    row: PoolTransfer {
                        id: ids::fresh(),
                        posting,
                        at: DateTime::UNIX_EPOCH,
                        county_seq: None,
                        order: None,
                    },
                });
            }
            Tamper::PoolOrder(order) => {
                self.pool_orders.insert((county, order.id), *order);
            }
            Tamper::PaymentStatus(claim, status) => {
                for payment in self.payments.iter_mut().filter(|it| it.claim == claim) {
                    payment.status = status;
                }
            }
            Tamper::RepeatPayments(claim) => {
                let payments = self.payments.clone();
                let again = payments.into_iter().filter(|it| it.claim == claim);
                self.payments.extend(again);
            }
            Tamper::DropNotices(claim) => self.notices.retain(|it| it.claim != claim),
            Tamper::NoticeClosesAt(claim, at) => {
                for notice in self.notices.iter_mut().filter(|it| it.claim == claim) {
                    notice.closes_at = at;
                }
            }
            Tamper::DropObjections(claim) => self.objections.retain(|_, (of, _)| *of != claim),
            Tamper::DropBills(claim) => self.bills.retain(|_, of| *of != claim),
            Tamper::ForgetTotals => self.totals.clear(),
            Tamper::Account(payee, account) => {
                let homes = self.households.values_mut();
                for it in homes.flat_map(|home| &mut home.payees) {
                    if it.id == payee {
                        it.account = account.clone();
                    }
                }
            }
        }
    }
}

/// The tables of one county in memory, told anew into empty ones.
struct MemoryRetelling<'a> {
    store: &'a MemoryStore,
    county: CountyCode,
    told: Tables,
    shelf: Shelf,
}

#[async_trait]
impl Retelling for MemoryRetelling<'_> {
    fn tell(&mut self, told: Told<'_>) -> Result<(), Fault> {
        let Told {
            entry,
            before,
            claim,
            scheme,
        } = told;
        let county = self.county;
        let tables = &mut self.told;
        if before.is_none() {
            let year = (county, scheme.year.year);
            tables.numbers.insert(year, entry.seen.next_number);
        }
        let (_, totals) = tables.totals_moved(county, claim);
        tables.totals.extend(totals);
        tables.project(county, claim, &entry.event, told.bills());
        let earlier = tables.claims.get(&(county, claim.id));
        let row = ClaimRow {
            claim: claim.clone(),
            opened_at: earlier.map_or(entry.event.stamp.at, |it| it.opened_at),
        };
        tables.claims.insert((county, claim.id), row);
        if let Some(seal) = &entry.seen.payee_seal {
            self.shelf.seal(seal);
        }
        Ok(())
    }

    async fn differences(mut self: Box<Self>) -> Result<Vec<Difference>, Fault> {
        for (table, key, columns) in self.told.rows(self.county)? {
            self.shelf.put(table, key, columns);
        }
        let tables = self.store.tables();
        for (table, key, columns) in tables.rows(self.county)? {
            self.shelf.meet(table, key, &columns);
        }
        for home in tables.households_of(self.county) {
            for payee in &home.payees {
                let fingerprint = payee.fingerprint(home.id, "");
                self.shelf.meet_payee(payee.id, Some(fingerprint));
            }
        }
        Ok(self.shelf.finish())
    }
}

fn liveness(member: &Member) -> Liveness {
    Liveness {
        died_on: member.died_on,
        checked_on: member.checked_on,
    }
}

fn is_live_payment(status: &str) -> bool {
    matches!(status, "INSTRUCTED" | "UNKNOWN" | "PAID")
}

fn matches_filter(row: &ClaimRow, filter: &ClaimFilter) -> bool {
    let ClaimFilter {
        statuses,
        perils,
        region,
        scheme,
        household,
        event_from,
        event_to,
        opened_from,
        opened_before,
        due_from,
        due_to,
    } = filter;
    let claim = &row.claim;
    (statuses.is_empty() || statuses.contains(&claim.status()))
        && (perils.is_empty() || perils.contains(&claim.case.peril))
        && region.as_ref().is_none_or(|it| it.covers(&claim.village))
        && scheme.is_none_or(|it| it == claim.scheme)
        && household.is_none_or(|it| it == claim.household)
        && event_from.is_none_or(|it| claim.case.event_on >= it)
        && event_to.is_none_or(|it| claim.case.event_on <= it)
        && opened_from.is_none_or(|it| row.opened_at >= it)
        && opened_before.is_none_or(|it| row.opened_at < it)
        && due_from.is_none_or(|it| claim.due_on().is_some_and(|day| day >= it))
        && due_to.is_none_or(|it| claim.due_on().is_some_and(|day| day <= it))
}

/// A page of rows that stand in ascending order of a key.
fn sliced<T: Clone>(rows: Vec<&T>, page: &Page, key: impl Fn(&T) -> String) -> Slice<T> {
    let size = rows_of(page.size.clamp(1, limits::PAGE_MAX));
    let within: Vec<&T> = rows
        .into_iter()
        .filter(|row| page.after.as_ref().is_none_or(|it| key(row) > *it))
        .filter(|row| page.before.as_ref().is_none_or(|it| key(row) < *it))
        .collect();
    let taken = if page.from_end {
        &within[within.len().saturating_sub(size)..]
    } else {
        &within[..within.len().min(size)]
    };
    Slice {
        rows: taken.iter().copied().cloned().collect(),
        more: within.len() > taken.len(),
    }
}

fn rows_of(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[async_trait]
impl ClaimStore for MemoryStore {
    async fn transact(&self, ask: Ask, judge: Judge) -> Result<Outcome, Fault> {
        self.tables().transact(&ask, judge)
    }

    async fn consider(&self, asks: Vec<(Ask, Judge)>) -> Result<Vec<Outlook>, Fault> {
        let tables = self.tables();
        asks.into_iter()
            .map(|(ask, judge)| tables.consider(&ask, judge))
            .collect()
    }
}

#[async_trait]
impl Bulk for MemoryStore {
    async fn put_batch_lines(&self, batch: &BatchId, lines: &[BatchLine]) -> Result<(), Fault> {
        let mut tables = self.tables();
        for line in lines {
            let stands = tables.batch_lines.entry((*batch, line.line_no));
            let stands = stands.or_insert_with(|| line.clone());
            if stands.claim.is_none() {
                *stands = line.clone();
            }
        }
        Ok(())
    }

    async fn done_lines(&self, batch: &BatchId, line_nos: &[u32]) -> Result<Vec<u32>, Fault> {
        let tables = self.tables();
        let done = |line_no: &&u32| {
            let line = tables.batch_lines.get(&(*batch, **line_no));
            line.is_some_and(|line| line.claim.is_some())
        };
        Ok(line_nos.iter().filter(done).copied().collect())
    }

    async fn batch_progress(&self, batch: &BatchId) -> Result<Option<Progress>, Fault> {
        let tables = self.tables();
        let (mut received, mut done, mut last_line) = (0, 0, 0);
        for line in tables.batch_lines.range((*batch, 0)..=(*batch, u32::MAX)) {
            received += 1;
            done += u64::from(line.1.claim.is_some());
            last_line = line.1.line_no;
        }
        Ok((received > 0).then_some(Progress {
            received,
            done,
            refused: received - done,
            last_line,
        }))
    }

    async fn put_export(&self, export: &Export) -> Result<(), Fault> {
        let mut tables = self.tables();
        let known = tables.exports.entry((export.county, export.id));
        let known = known.or_insert_with(|| export.clone());
        let same = Export {
            created_at: known.created_at,
            expires_at: known.expires_at,
            ..export.clone()
        };
        if *known == same {
            Ok(())
        } else {
            Err(Fault::Conflict("bulk_export"))
        }
    }

    async fn export(
        &self,
        county: CountyCode,
        account: AccountId,
        id: Uuid,
    ) -> Result<Option<Export>, Fault> {
        let tables = self.tables();
        let export = tables.exports.get(&(county, id));
        Ok(export.filter(|it| it.account == account).cloned())
    }

    async fn note_download(
        &self,
        county: CountyCode,
        _account: AccountId,
        download: &Download,
    ) -> Result<(), Fault> {
        let mut tables = self.tables();
        let mut known = tables.downloads.iter_mut();
        match known.find(|(of, it)| *of == county && it.id == download.id) {
            Some((_, known)) => known.rows = download.rows,
            None => tables.downloads.push((county, download.clone())),
        }
        Ok(())
    }

    async fn downloads(&self, county: CountyCode, export: Uuid) -> Result<Vec<Download>, Fault> {
        let tables = self.tables();
        let own = |(of, it): &&(CountyCode, Download)| *of == county && it.export == export;
        let found = tables.downloads.iter().filter(own);
        Ok(found.map(|(_, it)| it.clone()).collect())
    }
}

#[async_trait]
impl ClaimReader for MemoryStore {
    async fn claim(&self, scope: &Scope, id: ClaimId) -> Result<Option<Claim>, Fault> {
        let tables = self.tables();
        let claim = tables.claim(scope.county, id);
        Ok(claim.filter(|claim| scope.covers(claim)).cloned())
    }

    async fn claim_by_number(&self, scope: &Scope, number: &str) -> Result<Option<Claim>, Fault> {
        let tables = self.tables();
        let mut claims = tables.claims_of(scope.county).map(|row| &row.claim);
        Ok(claims
            .find(|claim| claim.number == number && scope.covers(claim))
            .cloned())
    }

    async fn claims(
        &self,
        scope: &Scope,
        filter: &ClaimFilter,
        page: &Page,
    ) -> Result<Slice<Claim>, Fault> {
        let tables = self.tables();
        Ok(sliced(tables.matching(scope, filter), page, |claim| {
            claim.number.clone()
        }))
    }

    async fn events(
        &self,
        scope: &Scope,
        spans: &[Span],
        kinds: &[EventKind],
    ) -> Result<Vec<Recorded>, Fault> {
        let tables = self.tables();
        let mut found = Vec::new();
        for span in spans {
            let claim = tables.claim(scope.county, span.claim);
            if claim.is_some_and(|claim| scope.covers(claim)) {
                let history = tables.history(scope.county, span.claim)?;
                found.extend(history.into_iter().filter(|entry| {
                    (entry.version > span.after && entry.version <= span.upto)
                        && (kinds.is_empty() || kinds.contains(&entry.event.what.kind()))
                }));
            }
        }
        found.sort_by_key(|entry| (entry.claim, entry.version));
        Ok(found)
    }

    async fn history(&self, scope: &Scope, id: ClaimId) -> Result<Vec<Recorded>, Fault> {
        let tables = self.tables();
        let claim = tables.claim(scope.county, id);
        if claim.is_some_and(|claim| scope.covers(claim)) {
            tables.history(scope.county, id)
        } else {
            Ok(Vec::new())
        }
    }

    async fn status_counts(
        &self,
        scope: &Scope,
        filter: &ClaimFilter,
    ) -> Result<Vec<StatusCount>, Fault> {
        let tables = self.tables();
        let mut counts: BTreeMap<Status, (u64, Fen)> = BTreeMap::new();
        for claim in tables.matching(scope, filter) {
            let (claims, amount) = counts.entry(claim.status()).or_default();
            *claims += 1;
            *amount = amount
                .checked_add(claim.amount())
                .ok_or_else(|| refused("the sum of the amounts is out of range"))?;
        }
        Ok(counts
            .into_iter()
            .map(|(status, (claims, amount))| StatusCount {
                status,
                claims,
                amount,
            })
            .collect())
    }

    async fn due_notices(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Claim>, Fault> {
        let tables = self.tables();
        let mut due: Vec<&Claim> = tables
            .claims
            .values()
            .map(|row| &row.claim)
            .filter(|claim| tables.may_close(claim, now))
            .collect();
        due.sort_by_key(|claim| {
            let closes_at = claim.state.notice().map(|open| open.notice.closes_at);
            (closes_at, claim.county, claim.id)
        });
        Ok(due.into_iter().take(rows_of(limit)).cloned().collect())
    }

    async fn log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Recorded>, Fault> {
        let tables = self.tables();
        let log = tables.logs.get(&county).into_iter().flatten();
        log.filter(|entry| entry.county_seq > after)
            .take(rows_of(limit))
            .map(Entry::recorded)
            .collect()
    }

    async fn events_after(
        &self,
        scope: &Scope,
        after: i64,
        claim: Option<ClaimId>,
        limit: u32,
    ) -> Result<Vec<Happened>, Fault> {
        let tables = self.tables();
        let seen = tables.seen_by(scope);
        seen.filter(|entry| entry.county_seq > after)
            .filter(|entry| claim.is_none_or(|claim| entry.claim == claim))
            .take(rows_of(limit))
            .map(Entry::happened)
            .collect()
    }

    async fn last_event(&self, scope: &Scope) -> Result<Option<Happened>, Fault> {
        let tables = self.tables();
        let last = tables.seen_by(scope).last();
        last.map(Entry::happened).transpose()
    }

    async fn log_end(&self, county: CountyCode) -> Result<i64, Fault> {
        let tables = self.tables();
        let last = tables.logs.get(&county).and_then(|log| log.last());
        Ok(last.map_or(0, |entry| entry.county_seq))
    }

    async fn place_of(
        &self,
        county: CountyCode,
        claim: ClaimId,
        version: u32,
    ) -> Result<Option<i64>, Fault> {
        let tables = self.tables();
        let mut log = tables.logs.get(&county).into_iter().flatten();
        let entry = log.find(|entry| entry.claim == claim && entry.version == version);
        Ok(entry.map(|entry| entry.county_seq))
    }

    async fn settle(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn ready(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn claims_after(
        &self,
        county: CountyCode,
        after: Option<ClaimId>,
        limit: u32,
    ) -> Result<Vec<Claim>, Fault> {
        let tables = self.tables();
        Ok(tables
            .claims_of(county)
            .map(|row| &row.claim)
            .filter(|claim| after.is_none_or(|after| claim.id > after))
            .take(rows_of(limit))
            .cloned()
            .collect())
    }

    async fn payments(&self, county: CountyCode) -> Result<Vec<PaymentRow>, Fault> {
        let tables = self.tables();
        Ok(tables
            .payments
            .iter()
            .filter(|it| tables.claims.contains_key(&(county, it.claim)))
            .map(|payment| PaymentRow {
                claim: payment.claim,
                status: payment.status.to_owned(),
                amount: payment.amount,
            })
            .collect())
    }

    async fn summed_transfers(
        &self,
        county: CountyCode,
        scheme: SchemeId,
    ) -> Result<PoolBalances, Fault> {
        let tables = self.tables();
        let mut sums = PoolBalances::default();
        let transfers = tables.transfers.iter();
        for it in transfers.filter(|it| (it.county, it.pool) == (county, scheme)) {
            let Posting { from, to, amount } = it.row.posting;
            let out_of_range = || refused("the sum of the transfers is out of range");
            let debit = sums.slot(from);
            *debit = debit.checked_sub(amount).ok_or_else(out_of_range)?;
            let credit = sums.slot(to);
            *credit = credit.checked_add(amount).ok_or_else(out_of_range)?;
        }
        Ok(sums)
    }

    async fn log_rows(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LogRow>, Fault> {
        let tables = self.tables();
        let log = tables.logs.get(&county).into_iter().flatten();
        log.filter(|entry| entry.county_seq > after)
            .take(rows_of(limit))
            .map(|entry| {
                // There are no columns of their own beside the texts.
                let Event { stamp, what, .. } = entry.recorded()?.event;
                Ok(LogRow {
                    county_seq: entry.county_seq,
                    kind: what.kind().code().to_owned(),
                    actor: stamp.by,
                    at: stamp.at,
                    event: entry.event.clone(),
                    seen: entry.seen.clone(),
                })
            })
            .collect()
    }

    fn retelling(&self, county: CountyCode) -> Box<dyn Retelling + '_> {
        Box::new(MemoryRetelling {
            store: self,
            county,
            told: Tables::default(),
            shelf: Shelf::default(),
        })
    }
}

#[async_trait]
impl Registry for MemoryStore {
    async fn put_region(&self, county: CountyCode, region: &Region) -> Result<(), Fault> {
        let mut tables = self.tables();
        tables.counties.insert(county);
        tables
            .regions
            .insert((county, region.code.clone()), region.clone());
        Ok(())
    }

    async fn regions(&self, county: CountyCode) -> Result<Vec<Region>, Fault> {
        Ok(of_county(&self.tables().regions, county))
    }

    async fn counties(&self) -> Result<Vec<CountyCode>, Fault> {
        Ok(self.tables().counties.iter().copied().collect())
    }

    async fn put_org(&self, county: CountyCode, org: &Org) -> Result<(), Fault> {
        let mut tables = self.tables();
        tables.counties.insert(county);
        tables.orgs.insert((county, org.id), org.clone());
        Ok(())
    }

    async fn orgs(&self, county: CountyCode) -> Result<Vec<Org>, Fault> {
        Ok(of_county(&self.tables().orgs, county))
    }

    async fn put_person(&self, county: CountyCode, person: &Person) -> Result<(), Fault> {
        let mut tables = self.tables();
        if !tables.orgs.contains_key(&(county, person.org)) {
            return Err(refused("a person of an unknown organisation"));
        }
        tables.people.insert((county, person.id), person.clone());
        Ok(())
    }

    async fn people(&self, county: CountyCode) -> Result<Vec<Person>, Fault> {
        Ok(of_county(&self.tables().people, county))
    }

    async fn put_scheme(&self, scheme: &Scheme) -> Result<(), Fault> {
        let mut tables = self.tables();
        let key = (scheme.county, scheme.id);
        let same_year = |other: &&Arc<Scheme>| {
            (other.county, &other.code, other.insurer, other.year.year)
                == (
                    scheme.county,
                    &scheme.code,
                    scheme.insurer,
                    scheme.year.year,
                )
        };
        let first = tables.schemes.values().find(same_year);
        if first.is_some_and(|first| !scheme.queues_with(first)) {
            return Err(Fault::Conflict("pool.queue_order"));
        }
        let scheme = &Scheme {
            pool_id: first.map_or(scheme.id, |first| first.pool_id),
            ..scheme.clone()
        };
        if let Some(published) = tables.schemes.get(&key) {
            return if **published == *scheme {
                Ok(())
            } else {
                Err(Fault::Conflict("scheme"))
            };
        }
        tables.counties.insert(scheme.county);
        tables.schemes.insert(key, Arc::new(scheme.clone()));
        if scheme.pool_id == scheme.id {
            tables.balances.insert(key, PoolBalances::default());
        }
        Ok(())
    }

    async fn scheme(&self, county: CountyCode, id: SchemeId) -> Result<Option<Arc<Scheme>>, Fault> {
        Ok(self.tables().schemes.get(&(county, id)).cloned())
    }

    async fn schemes(&self, county: CountyCode) -> Result<Vec<Arc<Scheme>>, Fault> {
        Ok(of_county(&self.tables().schemes, county))
    }
}

/// A household that is written again: its own fields anew; members not yet known added, known
/// ones corrected, none removed; what is known of their lives kept unless told anew; payees not
/// yet known added, known ones left alone.
fn merge(known: Household, household: &Household) -> Household {
    let mut merged = Household {
        members: known.members,
        payees: known.payees,
        phone: household.phone.clone().or(known.phone),
        ..household.clone()
    };
    for member in &household.members {
        let earlier = merged.members.iter_mut().find(|it| it.id == member.id);
        match earlier {
            None => merged.members.push(member.clone()),
            Some(earlier) => {
                *earlier = Member {
                    died_on: member.died_on.or(earlier.died_on),
                    checked_on: member.checked_on.max(earlier.checked_on),
                    ..member.clone()
                }
            }
        }
    }
    for payee in &household.payees {
        if !merged.payees.iter().any(|it| it.id == payee.id) {
            merged.payees.push(payee.clone());
        }
    }
    merged
}

fn of_county<K: Ord, V: Clone>(map: &BTreeMap<(CountyCode, K), V>, county: CountyCode) -> Vec<V> {
    map.iter()
        .filter(|((of, _), _)| *of == county)
        .map(|(_, value)| value.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Store;
    use crate::testkit::world::county;
    use crate::testkit::{Role, TestDesk};

    /// Invariant 12: who tried what, and why it was refused, stays on record.
    #[tokio::test]
    async fn refusals_stay_on_record() {
        let store = Arc::new(MemoryStore::new());
        let desk = TestDesk::open(Arc::clone(&store) as Arc<dyn Store>).await;
        let claim = desk.refer(desk.world.household("石门寨")).await;
        let approve = desk.on(&claim).approve();
        approve.expect_blocked("INVALID_STATE").await;
        let accept = desk.on(&claim).accept().by(Role::Auditor);
        accept.expect_blocked("DUTY_MISSING").await;
        let refusal = |account, command, code| Refusal {
            county: county(),
            account,
            claim: claim.id,
            command,
            code,
            at: desk.now(),
        };
        assert_eq!(
            store.refusals(),
            [
                refusal(
                    Role::Approver.account_id(),
                    CommandKind::ApproveClaim,
                    "INVALID_STATE"
                ),
                refusal(
                    Role::Auditor.account_id(),
                    CommandKind::AcceptReferral,
                    "DUTY_MISSING"
                ),
            ]
        );
    }
}
