//! The relay (投递): tells endpoints what happened to their claims, at least once, in order per claim.
//!
//! Of each claim one event is on its way at a time, and the next one leaves when the receiver has taken the one before:
//! so whatever process sends, and however often, what comes first at the receiver comes in order. While an event
//! waits for another attempt, later ones of its claim wait behind it; other claims go on. A process takes an endpoint for
//! some seconds (a lease), so that two do not send the same; a crash between sending and recording leads to a duplicate
//! with the same `webhook-id`, never to a gap: the cursor moves only with the record of what it passed.

use super::schedule::{Answer, gives_up, next_attempt};
use super::signature::signatures;
use super::{Delivery, DeliveryStatus, DisabledReason, Endpoint, HookKey, Lease, Reminder, Round};
use crate::desk::Desk;
use crate::ids;
use crate::limits;
use crate::ports::{Fault, Happened};
use crate::sight;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use lifecycle::{ClaimId, CountyCode, EventKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration as Wait;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Between two looks at the log.
const LOOK_EVERY: Wait = Wait::from_millis(500);
/// Between two signs of life of a process that sends.
const RENEW_EVERY: Wait = Wait::from_secs(5);
/// How long rounds may go on after the server was asked to stop.
const DRAIN: Wait = Wait::from_secs(5);

/// What an endpoint is told: which event, and nothing of its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The county.
    pub county: CountyCode,
    /// The claim.
    pub claim: ClaimId,
    /// Its number.
    pub number: String,
    /// Place in the claim's history.
    pub version: u32,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// The reminder, if nothing happened.
    pub reminder: Option<Reminder>,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Where to.
    pub url: String,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: when it is sent.
    pub at: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The body, byte for byte as it was signed.
    pub body: String,
}

/// Whoever writes and carries messages: the HTTP side.
#[async_trait]
pub trait Courier: Send + Sync {
    /// The body.
    fn write(&self, told: &Told) -> String;
    /// Carries a message and says what was answered.
    async fn carry(&self, parcel: Parcel) -> Answer;
}

/// The relay of one process.
pub struct Relay {
    desk: Desk,
    courier: Arc<dyn Courier>,
    by: Uuid,
}

/// What the lanes of one round share.
struct Trip {
    endpoint: Endpoint,
    keys: Vec<HookKey>,
    numbers: HashMap<ClaimId, String>,
    seats: Semaphore,
    /// Nothing more is sent in this round.
    over: AtomicBool,
}

/// A delivery after a lane, and what was answered if it was tried.
type Gone = (Delivery, Option<Answer>);

impl Relay {
    /// The relay of this process.
    pub fn new(desk: Desk, courier: Arc<dyn Courier>) -> Self {
        let by = ids::fresh();
        Self { desk, courier, by }
    }

    /// Sends until it is told to stop: each endpoint in a task of its own, so that none waits for another.
    pub async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut busy: BTreeSet<(CountyCode, Uuid)> = BTreeSet::new();
        let mut work = JoinSet::new();
        while !*stopped.borrow() {
            match self.endpoints().await {
                Ok(endpoints) => {
                    for endpoint in endpoints {
                        let key = (endpoint.scope.county, endpoint.id);
                        if busy.insert(key) {
                            let (relay, stopped) = (Arc::clone(&self), stopped.clone());
                            let serve = async move {
                                relay.serve(&endpoint, &stopped).await;
                                key
                            };
                            work.spawn(sight::carried(serve));
                        }
                    }
                }
                Err(fault) => tracing::error!(%fault, "looking for webhook endpoints"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stopped.changed() => {}
            }
            while let Some(ended) = work.try_join_next() {
                match ended {
                    Ok(key) => drop(busy.remove(&key)),
                    // Which one is not told: all are looked at again, and leases keep them apart.
                    Err(fault) => {
                        tracing::error!(%fault, "a webhook task ended");
                        busy.clear();
                    }
                }
            }
        }
        let all = async { while work.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("some webhooks were under way: they are sent again");
        }
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        let mut all = Vec::new();
        for county in self.desk.store().counties().await? {
            all.extend(self.desk.store().endpoints(county, None).await?);
        }
        Ok(all)
    }

    async fn serve(&self, endpoint: &Endpoint, stopped: &watch::Receiver<bool>) {
        let (county, id) = (endpoint.scope.county, endpoint.id);
        let mut has_more = match self.is_wanted(endpoint).await {
            Ok(wanted) => wanted,
            Err(fault) => {
                tracing::error!(%fault, endpoint = %id, "looking what a webhook endpoint lacks");
                false
            }
        };
        if !has_more {
            return;
        }
        while has_more && !*stopped.borrow() {
            has_more = match self.round(county, id).await {
                Ok(has_more) => has_more,
                Err(fault) => {
                    tracing::error!(%fault, endpoint = %id, "sending webhooks");
                    false
                }
            };
        }
        if let Err(fault) = self.desk.store().end_lease(county, id, self.by).await {
            tracing::warn!(%fault, endpoint = %id, "giving back a webhook endpoint");
        }
    }

    /// Whether there is anything to do for an endpoint: asked without taking it.
    async fn is_wanted(&self, endpoint: &Endpoint) -> Result<bool, Fault> {
        let now = self.desk.clock().now();
        if endpoint.disabled.is_some() || endpoint.paused_until.is_some_and(|until| now < until) {
            return Ok(false);
        }
        let (store, county) = (self.desk.store(), endpoint.scope.county);
        Ok(store.log_end(county).await? > endpoint.cursor
            || !store
                .due_deliveries(county, endpoint.id, now, 1)
                .await?
                .is_empty())
    }

    /// One round: takes the endpoint, sends what is due and what is new, records it. Whether there may be more.
    pub async fn round(&self, county: CountyCode, id: Uuid) -> Result<bool, Fault> {
        let store = self.desk.store();
        let lease = self.lease();
        let Some(endpoint) = store.lease(county, id, &lease).await? else {
            return Ok(false);
        };
        if !self.is_wanted(&endpoint).await? {
            return Ok(false);
        }
        let work = self.send(endpoint);
        tokio::pin!(work);
        let mut renew =
            tokio::time::interval_at(tokio::time::Instant::now() + RENEW_EVERY, RENEW_EVERY);
        let (endpoint, round) = loop {
            tokio::select! {
                done = &mut work => break done?,
                _ = renew.tick() => {
                    // Whoever lost the endpoint stops sending; what was taken meanwhile comes again from the other one.
                    if store.lease(county, id, &self.lease()).await?.is_none() {
                        return Ok(false);
                    }
                }
            }
        };
        let tried = round.arrived.is_some();
        let moved = round.cursor > endpoint.cursor;
        if !store
            .record_round(county, id, &self.lease(), &round)
            .await?
        {
            return Ok(false);
        }
        for dead in round
            .deliveries
            .iter()
            .filter(|it| it.status == DeliveryStatus::Dead)
        {
            tracing::error!(endpoint = %id, message = %dead.message_id(), answer = dead.answer, "a webhook is a dead letter");
        }
        if let Some(reason) = round.disabled {
            tracing::error!(endpoint = %id, org = %endpoint.org, reason = reason.code(), "a webhook endpoint was switched off");
            return Ok(false);
        }
        Ok(round.paused_until.is_none() && (tried || moved))
    }

    fn lease(&self) -> Lease {
        let now = self.desk.clock().now();
        let until = now + Duration::seconds(limits::HOOK_LEASE_SECONDS);
        let by = self.by;
        Lease { by, now, until }
    }

    async fn send(&self, endpoint: Endpoint) -> Result<(Endpoint, Round), Fault> {
        let (store, county, id) = (self.desk.store(), endpoint.scope.county, endpoint.id);
        let now = self.desk.clock().now();
        let limit = limits::HOOK_EVENTS_AT_ONCE;
        let due = store.due_deliveries(county, id, now, limit).await?;
        let mut round = Round::default();
        let mut lanes: BTreeMap<ClaimId, Vec<Delivery>> = BTreeMap::new();
        for delivery in due {
            lanes
                .entry(delivery.event.claim)
                .or_default()
                .push(delivery);
        }
        let has_room = store.waiting(county, id).await? < limits::HOOK_WAITING_MAX;
        let fresh = if has_room {
            let end = store.log_end(county).await?;
            let found = store
                .events_after(&endpoint.scope, endpoint.cursor, None, limit)
                .await?;
            // A page that is not full reached at least the end that was known before it was read.
            let is_full = u32::try_from(found.len()).is_ok_and(|rows| rows >= limit);
            let last = found.last().map_or(endpoint.cursor, |it| it.county_seq);
            round.cursor = if is_full { last } else { last.max(end) };
            found
        } else {
            Vec::new()
        };
        let wanted =
            |event: &Happened| endpoint.kinds.is_empty() || endpoint.kinds.contains(&event.kind);
        let fresh: Vec<Delivery> = fresh
            .into_iter()
            .filter(wanted)
            .map(|event| Delivery::waiting(id, event, now))
            .collect();
        let claims: BTreeSet<ClaimId> = fresh.iter().map(|it| it.event.claim).collect();
        let claims: Vec<ClaimId> = claims.into_iter().collect();
        let held: BTreeSet<ClaimId> = store
            .held_up(county, id, &claims)
            .await?
            .into_iter()
            .collect();
        for delivery in fresh {
            let claim = delivery.event.claim;
            if held.contains(&claim) {
                round.deliveries.push(delivery);
            } else {
                lanes.entry(claim).or_default().push(delivery);
            }
        }
        let mut numbers = HashMap::new();
        for claim in lanes.keys() {
            let found = store.claim(&endpoint.scope, *claim).await?;
            numbers.extend(found.map(|it| (*claim, it.number)));
        }
        let trip = Arc::new(Trip {
            keys: store.hook_keys(county, id).await?,
            endpoint,
            numbers,
            seats: Semaphore::new(limits::HOOK_SENDS_AT_ONCE),
            over: AtomicBool::new(false),
        });
        let mut work = JoinSet::new();
        for lane in lanes.into_values() {
            let (trip, courier, desk) = (
                Arc::clone(&trip),
                Arc::clone(&self.courier),
                self.desk.clone(),
            );
            work.spawn(sight::carried(travel(desk, courier, trip, lane)));
        }
        let mut gone: Vec<Gone> = Vec::new();
        while let Some(lane) = work.join_next().await {
            gone.extend(lane.map_err(|fault| Fault::store("a webhook task ended", fault))??);
        }
        let endpoint = trip.endpoint.clone();
        let now = self.desk.clock().now();
        judge(&endpoint, now, &gone, &mut round);
        round
            .deliveries
            .extend(gone.into_iter().map(|(delivery, _)| delivery));
        Ok((endpoint, round))
    }
}

/// What the answers of a round mean for its endpoint.
fn judge(endpoint: &Endpoint, now: DateTime<Utc>, gone: &[Gone], round: &mut Round) {
    let answers = || gone.iter().filter_map(|(_, answer)| answer.as_ref());
    let arrived = answers().any(Answer::is_taken);
    round.arrived = answers().next().map(|_| arrived);
    round.paused_until = answers()
        .filter_map(Answer::retry_after)
        .max()
        .map(|seconds| now + Duration::seconds(seconds));
    if answers().any(Answer::is_gone) {
        round.disabled = Some(DisabledReason::Gone);
    } else if round.arrived == Some(false) {
        round.disabled = gives_up(endpoint.failing_since.unwrap_or(now), now);
    }
}

/// Takes the events of one claim to the endpoint, one after the other, until one is not taken.
async fn travel(
    desk: Desk,
    courier: Arc<dyn Courier>,
    trip: Arc<Trip>,
    lane: Vec<Delivery>,
) -> Result<Vec<Gone>, Fault> {
    let Ok(_seat) = trip.seats.acquire().await else {
        return Ok(Vec::new());
    };
    let mut gone = Vec::with_capacity(lane.len());
    let mut held_up = false;
    for mut delivery in lane {
        if held_up || trip.over.load(Ordering::Acquire) {
            gone.push((delivery, None));
            continue;
        }
        let event = delivery.event;
        let told = Told {
            county: trip.endpoint.scope.county,
            claim: event.claim,
            number: trip.numbers.get(&event.claim).cloned().unwrap_or_default(),
            version: event.version,
            kind: event.kind,
            at: event.at,
            reminder: delivery.reminder,
        };
        let (body, id) = (courier.write(&told), delivery.message_id());
        let sent_at = desk.outside().now();
        let parcel = Parcel {
            url: trip.endpoint.url.clone(),
            signature: signatures(&trip.keys, &id, sent_at, body.as_bytes())?,
            at: sent_at.timestamp(),
            body,
            id: id.clone(),
        };
        let answer = courier.carry(parcel).await;
        let now = desk.clock().now();
        delivery.attempts += 1;
        delivery.tried_at = Some(now);
        delivery.answer = Some(answer.words());
        if answer.is_taken() {
            delivery.status = DeliveryStatus::Sent;
        } else {
            held_up = true;
            match next_attempt(&id, delivery.attempts, now, &answer) {
                // A receiver that is gone is asked again when an administrator says so.
                _ if answer.is_gone() => delivery.attempts -= 1,
                Some(next) => delivery.next_at = next,
                None => delivery.status = DeliveryStatus::Dead,
            }
            if answer.is_gone() || answer.retry_after().is_some() {
                trip.over.store(true, Ordering::Release);
            }
        }
        gone.push((delivery, Some(answer)));
    }
    Ok(gone)
}
