//! What happens in a county, told to those who follow it: the log read after a place.
//!
//! A county's log is in commit order, so whoever has read up to a place has missed nothing before
//! it. One task for each county and process looks where the log ends, a few times a second and only
//! while somebody follows; each follower then reads its own part, within its own scope.

use crate::errors::{ApiError, ErrorCode};
use crate::visit::Visit;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::access::Office;
use engine::authority::{self, Place};
use engine::ports::Happened;
use engine::{Fault, Scope, sight};
use lifecycle::{AccountId, ClaimId, CountyCode};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Subscriptions of one account in one process; anchored in `api.md`.
pub const SUBSCRIPTIONS_MAX: u32 = 5;
/// Between two signs of life on a stream or a socket; anchored in `api.md`.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Between two looks at the end of a county's log.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two questions whether the session still holds: a resolved caller is remembered for 0.9
/// seconds, and a revoked one ends within a second.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// Entries read at once.
const READ_MAX: u32 = 100;

/// What a subscription shares with the transport: where it is to be taken up, and how far it came.
#[derive(Debug, Default)]
pub struct Thread {
    after: Option<String>,
    cursor: Mutex<Option<String>>,
}

impl Thread {
    /// Taken up after a cursor, where the transport knows one.
    pub fn new(after: Option<String>) -> Self {
        Self {
            after,
            cursor: Mutex::default(),
        }
    }

    /// The cursor of what was told last.
    pub fn cursor(&self) -> Option<String> {
        lock(&self.cursor).clone()
    }

    /// Where the transport takes it up.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cursor: the claim and its version after the event. It says nothing about how much happens
/// elsewhere in the county, and can be read by any process.
pub fn cursor(claim: ClaimId, version: u32) -> String {
    let mut bytes = vec![1];
    bytes.extend_from_slice(claim.0.as_bytes());
    bytes.extend_from_slice(&version.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(cursor: &str) -> Option<(ClaimId, u32)> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (claim, seq) = rest.split_at_checked(16)?;
    let seq = u32::from_be_bytes(seq.try_into().ok()?);
    (*version == 1).then_some(())?;
    Some((ClaimId(Uuid::from_slice(claim).ok()?), seq))
}

/// How many subscriptions each account holds.
#[derive(Debug, Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<AccountId, u32>>>);

/// One of them; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    account: AccountId,
}

impl Seats {
    /// A seat, if one is free.
    pub fn take(&self, account: AccountId) -> Option<Seat> {
        let mut taken = lock(&self.0);
        let count = taken.entry(account).or_default();
        if *count >= SUBSCRIPTIONS_MAX {
            return None;
        }
        *count += 1;
        Some(Seat {
            seats: self.clone(),
            account,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats.0);
        if let Some(count) = taken.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.account);
            }
        }
    }
}

/// Where a county's log ends, as far as is known.
#[derive(Debug)]
struct Ending {
    at: watch::Sender<i64>,
    bell: Notify,
}

/// The counties that are followed in this process.
pub struct Feed {
    office: Office,
    counties: Mutex<HashMap<CountyCode, Weak<Ending>>>,
}

impl Feed {
    /// Nobody follows anything yet.
    pub fn new(office: Office) -> Self {
        Self {
            office,
            counties: Mutex::default(),
        }
    }

    /// Something may have happened in a county: look at once.
    pub fn ring(&self, county: CountyCode) {
        if let Some(ending) = lock(&self.counties).get(&county).and_then(Weak::upgrade) {
            ending.bell.notify_one();
        }
    }

    fn ending(&self, county: CountyCode) -> Arc<Ending> {
        let mut counties = lock(&self.counties);
        if let Some(ending) = counties.get(&county).and_then(Weak::upgrade) {
            return ending;
        }
        let ending = Arc::new(Ending {
            at: watch::channel(0).0,
            bell: Notify::new(),
        });
        counties.insert(county, Arc::downgrade(&ending));
        let look = look(self.office.clone(), county, Arc::downgrade(&ending));
        tokio::spawn(sight::system(look));
        ending
    }

    /// Follows the claims of the visit's caller, after a cursor, or from now on; one claim if it is
    /// named.
    pub async fn follow(
        &self,
        visit: Arc<Visit>,
        thread: Arc<Thread>,
        after: Option<String>,
        claim: Option<ClaimId>,
    ) -> Result<Follower, ApiError> {
        let caller = visit.caller()?;
        let county = caller.scope.county;
        let store = self.office.desk.store();
        let read = match thread.after().map(str::to_owned).or(after) {
            None => store.log_end(county).await?,
            Some(start) if start.is_empty() => 0,
            Some(cursor) => {
                let unknown = || ApiError::invalid("the cursor is not one of claimEvents");
                let (claim, version) = read_cursor(&cursor).ok_or_else(unknown)?;
                let place = store.place_of(county, claim, version).await?;
                place.ok_or_else(unknown)?
            }
        };
        let ending = self.ending(county);
        Ok(Follower {
            end: ending.at.subscribe(),
            scope: caller.scope.clone(),
            _ending: ending,
            visit,
            thread,
            claim,
            read,
            told: read,
            waiting: VecDeque::new(),
            over: false,
        })
    }
}

/// Looks where the log ends until nobody follows the county any more.
async fn look(office: Office, county: CountyCode, ending: Weak<Ending>) {
    while let Some(ending) = ending.upgrade() {
        match office.desk.store().log_end(county).await {
            Ok(end) => {
                ending.at.send_if_modified(|at| {
                    let moved = end > *at;
                    *at = end.max(*at);
                    moved
                });
            }
            Err(fault) => tracing::warn!(%fault, "looking at the end of a county's log"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = ending.bell.notified() => {}
        }
    }
}

/// One who follows a county's log.
pub struct Follower {
    visit: Arc<Visit>,
    thread: Arc<Thread>,
    claim: Option<ClaimId>,
    /// The scope that `waiting` was read in.
    scope: Scope,
    end: watch::Receiver<i64>,
    _ending: Arc<Ending>,
    /// Up to where the log was read, and up to where it was told.
    read: i64,
    told: i64,
    waiting: VecDeque<Happened>,
    over: bool,
}

impl Follower {
    /// What happened next; `None` after an error, which is the last word.
    pub async fn next(&mut self) -> Option<Result<Happened, ApiError>> {
        if self.over {
            return None;
        }
        let next = self.look().await;
        self.over = next.is_err();
        if let Ok(happened) = &next {
            let cursor = cursor(happened.claim, happened.version);
            *lock(&self.thread.cursor) = Some(cursor);
        }
        Some(next)
    }

    async fn look(&mut self) -> Result<Happened, ApiError> {
        loop {
            // Before every event, and ten times a second: does the session hold, and for what?
            let scope = self.authorised().await?;
            if scope != self.scope {
                (self.scope, self.read) = (scope, self.told);
                self.waiting.clear();
            }
            if let Some(happened) = self.waiting.pop_front() {
                self.told = happened.county_seq;
                return Ok(happened);
            }
            let end = *self.end.borrow_and_update();
            if end > self.read {
                self.fetch(end).await?;
                continue;
            }
            // The one who looks lives as long as we do, so there is always a change to wait for.
            let _ = tokio::time::timeout(ASK_EVERY, self.end.changed()).await;
        }
    }

    async fn authorised(&self) -> Result<Scope, ApiError> {
        let over = || ApiError::new(ErrorCode::Unauthenticated, "the session has ended");
        let token = self.visit.token().ok_or_else(over)?;
        let caller = self.visit.office.access.going_on(token).await?;
        let caller = caller.ok_or_else(over)?;
        let row = authority::row(Place::Subscription, "claimEvents");
        authority::permit(Some(&caller), row)
            .map_err(|_| ApiError::new(ErrorCode::Forbidden, "your duties do not allow this"))?;
        Ok(caller.scope)
    }

    async fn fetch(&mut self, end: i64) -> Result<(), Fault> {
        let store = self.visit.office.desk.store();
        let found = store
            .events_after(&self.scope, self.read, self.claim, READ_MAX)
            .await?;
        let last = found.last().map_or(self.read, |it| it.county_seq);
        // A page that is not full reached at least the end that was known before it was read.
        let is_full = u32::try_from(found.len()).is_ok_and(|rows| rows >= READ_MAX);
        self.read = if is_full { last } else { last.max(end) };
        if found.is_empty() {
            self.told = self.read;
        }
        self.waiting = found.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_where_and_nothing_else() {
        let claim = ClaimId(engine::ids::fresh());
        assert_eq!(read_cursor(&cursor(claim, 7)), Some((claim, 7)));
        for wrong in [
            "",
            "x",
            "AA",
            &cursor(claim, 7)[1..],
            &format!("{}AA", cursor(claim, 7)),
        ] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn seats_are_given_back() {
        let seats = Seats::default();
        let account = AccountId(engine::ids::fresh());
        let taken: Vec<_> = (0..SUBSCRIPTIONS_MAX)
            .map(|_| seats.take(account).expect("free"))
            .collect();
        assert!(seats.take(account).is_none());
        assert!(seats.take(AccountId(engine::ids::fresh())).is_some());
        drop(taken);
        assert!(seats.take(account).is_some());
    }
}
