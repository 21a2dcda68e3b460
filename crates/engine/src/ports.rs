//! The ports the store implements. The store owns the transaction; the engine lends it a
//! synchronous judge, so no I/O can hide in a judgement.

use crate::bank_file::BankFiles;
use crate::bulk::Bulk;
use crate::caller::Scope;
use crate::hooks::Hooks;
use crate::household::Households;
use crate::identity::Identity;
use crate::limits;
use crate::outlook::Outlook;
use crate::payment_batch::PaymentBatches;
use crate::pool::Pools;
use crate::registry::Registry;
use crate::retelling::Retelling;
use async_trait::async_trait;
use benefits::Fen;
use chrono::{DateTime, Duration, NaiveDate, SecondsFormat, Utc};
use lifecycle::phase::referral::Case;
use lifecycle::{
    AccountId, BillKey, Blocked, Claim, ClaimId, CommandKind, CountyCode, Event, EventKind,
    HouseholdId, MemberId, PayeeId, Peril, PersonId, Posting, RegionCode, Scheme, SchemeId, Seen,
    Status,
};
use std::sync::Arc;
use uuid::Uuid;

/// Something that should not happen: the database is away, a row is impossible. Its text never
/// leaves the server.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database refused or is away.
    #[error("the store failed: {context}")]
    Store {
        /// What was being done.
        context: String,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A row that cannot be.
    #[error("impossible row in {table}.{column} of {row}: {reason}")]
    Inconsistency {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Row.
        row: String,
        /// Why it cannot be.
        reason: String,
    },
    /// A unique or immutable thing exists with other contents.
    #[error("{0} already exists with other contents")]
    Conflict(&'static str),
    /// The database cannot be used as it stands; the text tells an operator why and what to do.
    #[error("{0}")]
    Unusable(String),
    /// The clock shows an instant before the last entry of the county's log.
    #[error(
        "the clock shows {now}, but the county's log already reaches {last}: set the clock right; \
         a demonstration in the past wants a folder of its own (--data) or a later --now"
    )]
    ClockSetBack {
        /// What the clock shows.
        now: DateTime<Utc>,
        /// The instant of the last entry.
        last: DateTime<Utc>,
    },
    /// Too many commands are waiting.
    #[error("too many commands are waiting")]
    Overloaded,
}

impl Fault {
    /// A store fault with its source.
    pub fn store(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Store {
            context: context.into(),
            source: Some(source.into()),
        }
    }
}

/// The event a claim is about: the same one may have only one living claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The member concerned.
    pub insured: MemberId,
    /// The peril.
    pub peril: Peril,
    /// The day.
    pub event_on: NaiveDate,
}

impl EventKey {
    /// The event of a case.
    pub const fn of(case: &Case) -> Self {
        Self {
            insured: case.insured,
            peril: case.peril,
            event_on: case.event_on,
        }
    }
}

/// What an ask is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A claim that does not exist yet.
    New {
        /// Its id.
        id: ClaimId,
        /// Its scheme.
        scheme: SchemeId,
        /// Its household.
        household: HouseholdId,
    },
    /// A claim and the version the caller saw.
    Existing {
        /// Its id.
        id: ClaimId,
        /// The version seen.
        expected_version: u32,
    },
}

impl Target {
    /// The claim's id.
    pub const fn id(&self) -> ClaimId {
        match self {
            Self::New { id, .. } | Self::Existing { id, .. } => *id,
        }
    }
}

/// A command on its way through the pipeline: everything the store must look up, nothing it must
/// understand.
#[derive(Debug, Clone)]
pub struct Ask {
    /// County.
    pub county: CountyCode,
    /// The account; idempotency keys belong to it.
    pub account: AccountId,
    /// Idempotency key.
    pub key: Uuid,
    /// Hash of target and command: the same key with another payload is refused.
    pub fingerprint: String,
    /// The command's kind, for the record of a refusal.
    pub command: CommandKind,
    /// The claim.
    pub target: Target,
    /// What the caller may see.
    pub scope: Scope,
    /// Persons whose interest in the household must be known: caller, delegator, person named.
    pub persons: Vec<PersonId>,
    /// The person named for a task, whose duties must be known.
    pub named: Option<PersonId>,
    /// The payee named, if the command names one.
    pub payee: Option<PayeeId>,
    /// The event a new or amended claim is about.
    pub event: Option<EventKey>,
    /// The earlier claim that a new one goes on with.
    pub follows: Option<ClaimId>,
    /// The bills to be compensated.
    pub bills: Vec<BillKey>,
    /// The bank's reference of a recovery.
    pub recovery_ref: Option<String>,
    /// The instant.
    pub now: DateTime<Utc>,
}

impl Ask {
    /// The instant at which it is judged, after the last entry of the county's log: the instants of
    /// a log never decrease. A small lag, as between two machines, is made up; a larger one refused.
    pub fn instant_after(&self, last: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, Fault> {
        let now = self.now;
        match last {
            Some(last) if last - now > Duration::seconds(limits::CLOCK_BACK_SECONDS_MAX) => {
                Err(Fault::ClockSetBack { now, last })
            }
            Some(last) => Ok(now.max(last)),
            None => Ok(now),
        }
    }
}

/// What the store found, under the lock.
#[derive(Debug, Clone)]
pub struct Found {
    /// The pinned scheme.
    pub scheme: Arc<Scheme>,
    /// The facts.
    pub seen: Seen,
}

/// The synchronous judge: `None` for a claim that does not exist yet.
pub type Judge = Box<dyn FnOnce(Option<&Claim>, Found) -> Result<Commit, Blocked> + Send>;

/// Everything one command writes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The claim after the event.
    pub claim: Claim,
    /// The event.
    pub event: Event,
    /// Transfers in the pool.
    pub postings: Vec<Posting>,
    /// The facts it was judged on.
    pub seen: Seen,
    /// Bills now compensated by this claim.
    pub bills: Vec<BillKey>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The claim.
    pub claim: ClaimId,
    /// Its version after the event; also the event's place in the claim's history.
    pub version: u32,
    /// The event's place in the county's log; commit order.
    pub county_seq: i64,
    /// The event.
    pub event: EventKind,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// The answer to an ask. A refusal is an answer; a [`Fault`] is an error.
#[derive(Debug)]
pub enum Outcome {
    /// Done, now or by an earlier call with the same key.
    Done {
        /// What was written.
        receipt: Receipt,
        /// The claim as it was right after.
        claim: Box<Claim>,
        /// Whether this is the answer of an earlier call.
        replay: bool,
    },
    /// Refused.
    Blocked(Blocked),
    /// The claim has moved on.
    Stale {
        /// Its version.
        current: u32,
    },
    /// There is no such claim in the caller's scope.
    NotFound,
    /// The key was used for another payload.
    KeyReused,
}

/// The one way to change a claim.
#[async_trait]
pub trait ClaimStore: Send + Sync {
    /// Serves one command: receipt, lock, facts, judge, one commit.
    async fn transact(&self, ask: Ask, judge: Judge) -> Result<Outcome, Fault>;
    /// What each of these commands, of one county, would come to now, each as if it were alone: facts,
    /// judge, nothing else. Reads in a fixed number of statements, however many there are.
    async fn consider(&self, asks: Vec<(Ask, Judge)>) -> Result<Vec<Outlook>, Fault>;
}

/// Which claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimFilter {
    /// Any of these statuses; empty for all.
    pub statuses: Vec<Status>,
    /// Any of these perils; empty for all.
    pub perils: Vec<Peril>,
    /// In this region.
    pub region: Option<RegionCode>,
    /// Of this scheme.
    pub scheme: Option<SchemeId>,
    /// Of this household.
    pub household: Option<HouseholdId>,
    /// Event on or after this day.
    pub event_from: Option<NaiveDate>,
    /// Event on or before this day.
    pub event_to: Option<NaiveDate>,
    /// Begun on or after this instant.
    pub opened_from: Option<DateTime<Utc>>,
    /// Begun before this instant.
    pub opened_before: Option<DateTime<Utc>>,
    /// Something is due on or after this day.
    pub due_from: Option<NaiveDate>,
    /// Something is due on or before this day.
    pub due_to: Option<NaiveDate>,
}

/// Which households.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HouseholdFilter {
    /// In this region.
    pub region: Option<RegionCode>,
    /// Of this type (户类型).
    pub kind: Option<String>,
    /// Whether it stands on the list of monitored households.
    pub listed: Option<bool>,
}

/// A stretch of a claim's history: the versions after one, up to and with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The claim.
    pub claim: ClaimId,
    /// Versions after this one; 0 for all.
    pub after: u32,
    /// Up to and with this version.
    pub upto: u32,
}

/// Which page: keyset by a key of the row (a claim's number, a household's id), never an offset
/// (failure 15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows, 1 to [`crate::limits::PAGE_MAX`].
    pub size: u32,
    /// Keys after this one.
    pub after: Option<String>,
    /// Keys before this one.
    pub before: Option<String>,
    /// Take the page from the end.
    pub from_end: bool,
}

impl Page {
    /// The key of a row in a list by time.
    pub fn key_in_time(at: DateTime<Utc>, id: Uuid) -> String {
        let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
        format!("{at}/{id}")
    }

    /// The time and id of such a key.
    pub fn place_in_time(key: &str) -> Option<(DateTime<Utc>, Uuid)> {
        let (at, id) = key.split_once('/')?;
        Some((at.parse().ok()?, id.parse().ok()?))
    }

    /// The rows of a list by time that this page holds; and whether there is more.
    pub fn cut_in_time<T>(
        &self,
        mut rows: Vec<T>,
        place: impl Fn(&T) -> (DateTime<Utc>, Uuid),
    ) -> Slice<T> {
        let key = |key: &Option<String>| key.as_deref().and_then(Self::place_in_time);
        let (after, before) = (key(&self.after), key(&self.before));
        rows.retain(|row| after.is_none_or(|it| place(row) > it));
        rows.retain(|row| before.is_none_or(|it| place(row) < it));
        rows.sort_by_key(&place);
        let size = self.size.clamp(1, limits::PAGE_MAX);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        if self.from_end {
            rows.drain(..rows.len().saturating_sub(size));
        } else {
            rows.truncate(size);
        }
        Slice { rows, more }
    }

    /// The first rows.
    pub const fn first(size: u32) -> Self {
        Self {
            size,
            after: None,
            before: None,
            from_end: false,
        }
    }
}

/// A page of rows, in ascending order of their key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there are more beyond the end that was asked for.
    pub more: bool,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The claim.
    pub claim: ClaimId,
    /// Place in the claim's history, from 1.
    pub version: u32,
    /// Place in the county's log, from 1.
    pub county_seq: i64,
    /// The event.
    pub event: Event,
    /// The facts it was judged on.
    pub seen: Seen,
    /// Hash of the entry before, in the county's log.
    pub previous_hash: String,
    /// Hash of this entry.
    pub hash: String,
}

impl Recorded {
    /// The hash an entry must have: over the hash before, its place, and its contents. `event` and
    /// `seen` are the stored texts.
    pub fn hash_of(
        previous_hash: &str,
        county_seq: i64,
        claim: ClaimId,
        version: u32,
        event: &str,
        seen: &str,
    ) -> String {
        crate::ids::sha256(format!(
            "{previous_hash}\n{county_seq}\n{claim}\n{version}\n{event}\n{seen}"
        ))
    }
}

/// How many claims stand in a status, and with how much money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCount {
    /// Status.
    pub status: Status,
    /// Claims.
    pub claims: u64,
    /// The sum of the amounts that rule at this stage.
    pub amount: Fen,
}

/// What a log entry's row says in columns of its own, and the texts that the chain is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Place in the county's log.
    pub county_seq: i64,
    /// The code of the event's kind.
    pub kind: String,
    /// The person who acted.
    pub actor: PersonId,
    /// The instant.
    pub at: DateTime<Utc>,
    /// The event's text.
    pub event: String,
    /// The text of the facts it was judged on.
    pub seen: String,
}

/// An entry of a county's log, as those who follow it are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// The claim.
    pub claim: ClaimId,
    /// Place in the claim's history, from 1.
    pub version: u32,
    /// Place in the county's log; commit order.
    pub county_seq: i64,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: DateTime<Utc>,
}

/// A payment row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    /// The claim.
    pub claim: ClaimId,
    /// INSTRUCTED, UNKNOWN, PAID, FAILED, RETURNED or RECOVERED.
    pub status: String,
    /// Fen.
    pub amount: Fen,
}

/// Reading. Every read is within a scope, except those of the auditor's verification.
#[async_trait]
pub trait ClaimReader: Send + Sync {
    /// One claim.
    async fn claim(&self, scope: &Scope, id: ClaimId) -> Result<Option<Claim>, Fault>;
    /// One claim by its number.
    async fn claim_by_number(&self, scope: &Scope, number: &str) -> Result<Option<Claim>, Fault>;
    /// A page of claims.
    async fn claims(
        &self,
        scope: &Scope,
        filter: &ClaimFilter,
        page: &Page,
    ) -> Result<Slice<Claim>, Fault>;
    /// The history of a claim, in order; empty if it is not in the scope.
    async fn history(&self, scope: &Scope, id: ClaimId) -> Result<Vec<Recorded>, Fault>;
    /// Stretches of the histories of several claims in one read, by claim and version; what is not in
    /// the scope is left out. Only events of these kinds; none for all.
    async fn events(
        &self,
        scope: &Scope,
        spans: &[Span],
        kinds: &[EventKind],
    ) -> Result<Vec<Recorded>, Fault>;
    /// Claims and money by status.
    async fn status_counts(
        &self,
        scope: &Scope,
        filter: &ClaimFilter,
    ) -> Result<Vec<StatusCount>, Fault>;
    /// Claims whose notice may close at `now`, of all counties: for the timer.
    async fn due_notices(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Claim>, Fault>;
    /// A county's log after a place, in order: for verification and relays.
    async fn log(&self, county: CountyCode, after: i64, limit: u32)
    -> Result<Vec<Recorded>, Fault>;
    /// Entries of a county's log after a place, of the claims in the scope (of one of them if it is
    /// named), in order.
    async fn events_after(
        &self,
        scope: &Scope,
        after: i64,
        claim: Option<ClaimId>,
        limit: u32,
    ) -> Result<Vec<Happened>, Fault>;
    /// The last entry of a county's log that is of a claim in the scope.
    async fn last_event(&self, scope: &Scope) -> Result<Option<Happened>, Fault>;
    /// The place where a county's log ends; 0 if nothing stands in it.
    async fn log_end(&self, county: CountyCode) -> Result<i64, Fault>;
    /// The place of a claim's event in the county's log.
    async fn place_of(
        &self,
        county: CountyCode,
        claim: ClaimId,
        version: u32,
    ) -> Result<Option<i64>, Fault>;
    /// Whether the server can answer: the database does, and every key is held that a county needs.
    async fn ready(&self) -> Result<(), Fault>;
    /// The end of an orderly stop: what was written stands where a copy of the database finds it.
    async fn settle(&self) -> Result<(), Fault>;
    /// Every claim of a county after an id, in order of id.
    async fn claims_after(
        &self,
        county: CountyCode,
        after: Option<ClaimId>,
        limit: u32,
    ) -> Result<Vec<Claim>, Fault>;
    /// Every payment of a county.
    async fn payments(&self, county: CountyCode) -> Result<Vec<PaymentRow>, Fault>;
    /// The sum of all transfers into and out of each account of a pool, recomputed from the
    /// transfers: for verification.
    async fn summed_transfers(
        &self,
        county: CountyCode,
        scheme: SchemeId,
    ) -> Result<crate::pool::PoolBalances, Fault>;
    /// Each log entry as stored, to check the chain and the columns beside it.
    async fn log_rows(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LogRow>, Fault>;
    /// The tables beside a county's log, to be told anew from it: for verification.
    fn retelling(&self, county: CountyCode) -> Box<dyn Retelling + '_>;
}

/// Everything the product needs from a store.
pub trait Store:
    ClaimStore
    + ClaimReader
    + Registry
    + Pools
    + Households
    + Identity
    + Bulk
    + PaymentBatches
    + BankFiles
    + Hooks
{
}
impl<T> Store for T where
    T: ClaimStore
        + ClaimReader
        + Registry
        + Pools
        + Households
        + Identity
        + Bulk
        + PaymentBatches
        + BankFiles
        + Hooks
{
}
