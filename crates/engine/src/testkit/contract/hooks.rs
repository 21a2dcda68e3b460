//! The promises about webhooks: out in order and at least once, in by any order and number.

use crate::access::Refusal;
use crate::deadline::{self, DueState};
use crate::hooks::endpoint::ShownKey;
use crate::hooks::inbox::{Incoming, Taken, Untaken, payee_fingerprint};
use crate::hooks::relay::{Courier, Parcel, Relay, Told};
use crate::hooks::schedule::{Answer, DELAYS_SECONDS};
use crate::hooks::signature::{fresh_secret, signatures};
use crate::hooks::{
    Again, Delivery, DeliveryStatus, DisabledReason, Endpoint, EndpointChange, HookKey, HookSecret,
    KeyKind, Lease, Message, MessageState, Quarantine, Reminder,
};
use crate::ids;
use crate::limits::{
    HOOK_FORGED_PER_DAY_MAX, HOOK_LEASE_SECONDS, HOOK_WAIT_HOURS_MAX, REMIND_WORKDAYS,
};
use crate::ports::{Page, Store};
use crate::testkit::world::{Role, TestDesk, World, county, yuan};
use async_trait::async_trait;
use chrono::{Days, Duration};
use lifecycle::calendar::{self, legal_day};
use lifecycle::phase::payout::Instruction;
use lifecycle::scheme::Deadline;
use lifecycle::{Claim, ClaimId, Counting, EventKind, State, Status, Term};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use uuid::Uuid;

const TAKEN: Answer = Answer::Status {
    code: 204,
    retry_after: None,
};
const FAILED: Answer = Answer::Status {
    code: 500,
    retry_after: None,
};

type Rule = Box<dyn Fn(&Told, u32) -> Answer + Send + Sync>;

/// A receiver in memory: answers by a rule, and remembers what it took, in order of arrival.
struct Receiver {
    rule: Mutex<Rule>,
    told: Mutex<BTreeMap<String, Told>>,
    tries: Mutex<BTreeMap<String, u32>>,
    /// Everything that arrived, with what was answered.
    came: Mutex<Vec<(String, Answer)>>,
    /// Where it hangs, and says that it does.
    hang: Option<Notify>,
}

fn of<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    fn new(rule: impl Fn(&Told, u32) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            rule: Mutex::new(Box::new(rule)),
            told: Mutex::default(),
            tries: Mutex::default(),
            came: Mutex::default(),
            hang: None,
        })
    }

    fn follow(&self, rule: impl Fn(&Told, u32) -> Answer + Send + Sync + 'static) {
        *of(&self.rule) = Box::new(rule);
    }

    /// The messages it took, each once, in order of first arrival.
    fn took(&self) -> Vec<Told> {
        let (told, mut seen) = (of(&self.told), BTreeSet::new());
        let came = of(&self.came);
        let taken = came.iter().filter(|(_, answer)| answer.is_taken());
        let fresh = taken.filter(|(body, _)| seen.insert(body.clone()));
        fresh.map(|(body, _)| told[body].clone()).collect()
    }

    fn arrivals(&self) -> usize {
        of(&self.came).len()
    }

    /// Whether the events of each claim came in order, counting each once.
    fn expect_order(&self) {
        let mut last: BTreeMap<ClaimId, u32> = BTreeMap::new();
        for told in self.took() {
            let before = last.insert(told.claim, told.version).unwrap_or(0);
            assert!(before < told.version, "{told:?} after {before}");
        }
    }
}

#[async_trait]
impl Courier for Receiver {
    fn write(&self, told: &Told) -> String {
        let reminder = told.reminder.map_or("", |it| it.state.code());
        let body = format!("{}/{}{reminder}", told.claim, told.version);
        of(&self.told).insert(body.clone(), told.clone());
        body
    }

    async fn carry(&self, parcel: Parcel) -> Answer {
        let told = of(&self.told)[&parcel.body].clone();
        let tries = {
            let mut tries = of(&self.tries);
            let tries = tries.entry(parcel.id.clone()).or_default();
            *tries += 1;
            *tries
        };
        let answer = of(&self.rule)(&told, tries);
        of(&self.came).push((parcel.body, answer.clone()));
        if let Some(hang) = &self.hang {
            hang.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        answer
    }
}

async fn endpoint(desk: &TestDesk, role: Role, kinds: &[EventKind]) -> Endpoint {
    let caller = role.caller();
    let made = desk.desk.create_endpoint(
        &caller,
        ids::fresh(),
        "https://receiver.example/in",
        kinds.to_vec(),
        KeyKind::Hmac,
    );
    made.await.expect("the store works").expect("it is made").0
}

async fn now(desk: &TestDesk, id: Uuid) -> Endpoint {
    let all = desk
        .store()
        .endpoints(county(), None)
        .await
        .expect("reading");
    all.into_iter().find(|it| it.id == id).expect("it is there")
}

/// Rounds until nothing is left to do now.
async fn rounds(relay: &Relay, endpoint: &Endpoint) {
    while relay
        .round(county(), endpoint.id)
        .await
        .expect("the store works")
    {}
}

async fn all(desk: &TestDesk, endpoint: &Endpoint) -> Vec<Delivery> {
    let page = Page::first(100);
    let found = desk
        .store()
        .deliveries(county(), endpoint.id, None, &page)
        .await;
    let mut rows = found.expect("reading").rows;
    // The list is by instant; here the clock stands.
    rows.sort_by_key(|it| it.event.county_seq);
    rows
}

/// Every event of the log whose claim the endpoint may know of was taken by the receiver.
async fn expect_all(desk: &TestDesk, receiver: &Receiver, after: i64) {
    let log = desk.log().await;
    let log = log.iter().filter(|it| it.county_seq > after);
    let expected: BTreeSet<(ClaimId, u32)> = log.map(|it| (it.claim, it.version)).collect();
    let took: BTreeSet<(ClaimId, u32)> = receiver
        .took()
        .iter()
        .map(|it| (it.claim, it.version))
        .collect();
    assert_eq!(took, expected);
}

/// Two processes at a receiver that fails now and then: everything arrives, in order per claim; what waits holds up its
/// own claim and no other; as long as nothing is killed, nothing comes twice.
pub(super) async fn webhooks_arrive_in_order(store: Arc<dyn Store>) {
    let desk = TestDesk::open(Arc::clone(&store)).await;
    let early = desk.refer(&desk.world.households[0]).await;
    let endpoint = endpoint(&desk, Role::Handler, &[]).await;
    let after = endpoint.cursor;
    let stuck = early.id;
    // The first claim's events fail three times each, every fifth of the others once.
    let receiver = Receiver::new(move |told, tries| {
        let fails = if told.claim == stuck && told.version < 5 {
            tries <= 3
        } else {
            told.version % 5 == 0 && tries == 1
        };
        if fails { FAILED } else { TAKEN }
    });
    let relays = [(); 2].map(|()| Relay::new(desk.desk.clone(), receiver.clone()));
    let early = desk.on(&early).accept().assign().await;
    let other = desk
        .refer(&desk.world.households[1])
        .accept()
        .assign()
        .await;
    for relay in &relays {
        rounds(relay, &endpoint).await;
        store
            .end_lease(county(), endpoint.id, Uuid::nil())
            .await
            .expect("writing");
    }
    // Others went on while the first one waits.
    let took = receiver.took();
    assert!(took.iter().all(|it| it.claim != stuck), "{took:?}");
    assert!(
        took.iter().filter(|it| it.claim == other.id).count() >= 3,
        "{took:?}"
    );
    let waiting = all(&desk, &endpoint).await;
    let waiting = waiting
        .iter()
        .filter(|it| it.status == DeliveryStatus::Waiting && it.event.claim == stuck);
    let attempts: Vec<u32> = waiting.map(|it| it.attempts).collect();
    assert_eq!(attempts, [1, 0], "the second waits behind the first");
    // What happens now to the first claim waits behind both, although the receiver would take it.
    let early = desk.on(&early).visit().await;
    let arrivals = receiver.arrivals();
    rounds(&relays[0], &endpoint).await;
    assert_eq!(receiver.arrivals(), arrivals, "nothing passes what waits");
    // More happens meanwhile, and time passes; the two take turns at once.
    let mut more = vec![desk.on(&early).evaluate(), desk.on(&other).visit()];
    for _ in 0..12 {
        if let Some(story) = more.pop() {
            story.await;
        }
        desk.clock.advance(Duration::hours(3));
        let (one, two) = (&relays[0], &relays[1]);
        let both = tokio::join!(
            one.round(county(), endpoint.id),
            two.round(county(), endpoint.id)
        );
        assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
    }
    for relay in &relays {
        desk.clock.advance(Duration::minutes(1));
        rounds(relay, &endpoint).await;
    }
    expect_all(&desk, &receiver, after).await;
    receiver.expect_order();
    let taken = of(&receiver.came)
        .iter()
        .filter(|(_, it)| it.is_taken())
        .count();
    assert_eq!(taken, receiver.took().len(), "nothing came twice");
    assert!(
        all(&desk, &endpoint)
            .await
            .iter()
            .all(|it| it.status == DeliveryStatus::Sent)
    );
}

/// A process dies between sending and recording: another takes over once the lease has ended, and sends again, under
/// the same ids, in order.
pub(super) async fn webhooks_survive_a_crash(store: Arc<dyn Store>) {
    let desk = TestDesk::open(Arc::clone(&store)).await;
    let endpoint = endpoint(&desk, Role::Handler, &[]).await;
    let claim = desk.refer(&desk.world.households[0]).await;
    let hanging = Arc::new(Receiver {
        hang: Some(Notify::new()),
        ..Arc::into_inner(Receiver::new(|_, _| TAKEN)).expect("its only owner")
    });
    let dying = Relay::new(desk.desk.clone(), hanging.clone());
    tokio::select! {
        _ = dying.round(county(), endpoint.id) => panic!("it hangs"),
        () = hanging.hang.as_ref().expect("it hangs").notified() => {}
    }
    assert_eq!(
        now(&desk, endpoint.id).await.cursor,
        endpoint.cursor,
        "nothing is recorded"
    );
    let receiver = Receiver::new(|_, _| TAKEN);
    let relay = Relay::new(desk.desk.clone(), receiver.clone());
    rounds(&relay, &endpoint).await;
    assert_eq!(receiver.arrivals(), 0, "the lease holds");
    desk.clock.advance(Duration::seconds(HOOK_LEASE_SECONDS));
    rounds(&relay, &endpoint).await;
    expect_all(&desk, &receiver, endpoint.cursor).await;
    receiver.expect_order();
    let (first, again) = (
        of(&hanging.came)[0].0.clone(),
        of(&receiver.came)[0].0.clone(),
    );
    assert_eq!(first, again);
    assert_eq!(
        of(&hanging.tries).keys().next(),
        of(&receiver.tries)
            .keys()
            .find(|id| { **id == all_ids(&endpoint, claim.id)[0] }),
        "under the same id"
    );
    // Whoever lost the endpoint records nothing.
    let late = Lease {
        by: Uuid::nil(),
        now: desk.now(),
        until: desk.now(),
    };
    let round = crate::hooks::Round {
        cursor: 999_999,
        ..crate::hooks::Round::default()
    };
    let recorded = store
        .record_round(county(), endpoint.id, &late, &round)
        .await;
    assert!(!recorded.expect("writing"));
    assert!(now(&desk, endpoint.id).await.cursor < 999_999);
}

fn all_ids(endpoint: &Endpoint, claim: ClaimId) -> Vec<String> {
    let id = |version| {
        let name = format!("{}/{claim}/{version}", endpoint.id);
        format!("msg_{}", ids::named("webhook", &name).simple())
    };
    (1..=2).map(id).collect()
}

/// Ten attempts, then a dead letter, behind which the claim goes on; sent again on demand; switched off after five
/// days of nothing else or when the receiver is gone, and then nothing is lost; left alone for as long as it asks.
pub(super) async fn webhooks_are_given_up(store: Arc<dyn Store>) {
    let desk = TestDesk::open(Arc::clone(&store)).await;
    let caller = Role::Handler.caller();
    let endpoint = endpoint(&desk, Role::Handler, &[]).await;
    // Another claim arrives now and then, so that the endpoint as a whole is alive.
    let claim = desk.refer(&desk.world.households[0]).await;
    let poison = claim.id;
    let receiver = Receiver::new(move |told, _| {
        if told.claim == poison && told.version == 1 {
            FAILED
        } else {
            TAKEN
        }
    });
    let relay = Relay::new(desk.desk.clone(), receiver.clone());
    rounds(&relay, &endpoint).await;
    let began = desk.now();
    for (attempts, delay) in DELAYS_SECONDS.iter().enumerate().skip(1) {
        let head = all(&desk, &endpoint).await.remove(0);
        assert_eq!(
            (usize::try_from(head.attempts), head.status),
            (Ok(attempts), DeliveryStatus::Waiting)
        );
        let early = receiver.arrivals();
        desk.clock.set(head.next_at - Duration::milliseconds(1));
        rounds(&relay, &endpoint).await;
        assert_eq!(receiver.arrivals(), early, "not a moment early");
        assert!((head.next_at - desk.now()).num_milliseconds() <= *delay * 1_100);
        desk.clock.set(head.next_at);
        rounds(&relay, &endpoint).await;
    }
    let lasted = desk.now() - began;
    assert!(
        (Duration::minutes(75 * 60 + 35)..Duration::hours(84)).contains(&lasted),
        "{lasted}"
    );
    let dead = all(&desk, &endpoint).await;
    let dead: Vec<_> = dead
        .iter()
        .map(|it| (it.event.version, it.status, it.attempts))
        .collect();
    assert_eq!(
        dead,
        [(1, DeliveryStatus::Dead, 10), (2, DeliveryStatus::Sent, 1)]
    );
    assert_eq!(
        now(&desk, endpoint.id).await.failing_since,
        None,
        "the second arrived"
    );
    // Mended and sent again: the dead letter alone, then a whole time, in order.
    receiver.follow(|_, _| TAKEN);
    let letter = all(&desk, &endpoint).await.remove(0);
    let one = desk
        .desk
        .redeliver(&caller, endpoint.id, &Again::One(letter.id()))
        .await;
    assert_eq!(one.expect("writing"), Ok(1));
    let before = receiver.arrivals();
    rounds(&relay, &endpoint).await;
    assert_eq!(receiver.arrivals(), before + 1);
    let range = Again::Between(began, began + Duration::seconds(1));
    let again = desk.desk.redeliver(&caller, endpoint.id, &range).await;
    assert_eq!(again.expect("writing"), Ok(2));
    let again = desk.desk.redeliver(&caller, endpoint.id, &range).await;
    assert_eq!(
        again.expect("writing"),
        Ok(0),
        "those that wait are not counted"
    );
    rounds(&relay, &endpoint).await;
    let replayed: Vec<String> = of(&receiver.came)[before + 1..]
        .iter()
        .map(|it| it.0.clone())
        .collect();
    assert_eq!(
        replayed,
        [1, 2].map(|version| format!("{poison}/{version}"))
    );
    let empty = Again::Between(began, began);
    let refused = desk.desk.redeliver(&caller, endpoint.id, &empty).await;
    assert!(matches!(
        refused,
        Ok(Err(Refusal::Invalid { field: "until", .. }))
    ));
    let foreign = desk
        .desk
        .redeliver(&Role::RivalHandler.caller(), endpoint.id, &range)
        .await;
    assert_eq!(foreign.expect("reading"), Err(Refusal::NotFound));

    // It wants to be left alone: the whole endpoint is.
    receiver.follow(|_, _| Answer::Status {
        code: 429,
        retry_after: Some(600),
    });
    let claim = desk.on(&claim).accept().await;
    desk.refer(&desk.world.households[1]).await;
    let before = receiver.arrivals();
    rounds(&relay, &endpoint).await;
    desk.clock.advance(Duration::seconds(599));
    rounds(&relay, &endpoint).await;
    assert!(
        receiver.arrivals() <= before + 2,
        "what left at once, and no more"
    );
    receiver.follow(|_, _| TAKEN);
    desk.clock.advance(Duration::seconds(1));
    rounds(&relay, &endpoint).await;
    expect_all(&desk, &receiver, endpoint.cursor).await;

    // It is gone: switched off at once; nothing is lost when it comes back.
    receiver.follow(|_, _| Answer::Status {
        code: 410,
        retry_after: None,
    });
    let claim = desk.on(&claim).assign().await;
    rounds(&relay, &endpoint).await;
    let off = now(&desk, endpoint.id).await.disabled;
    assert_eq!(off.map(|it| it.reason), Some(DisabledReason::Gone));
    desk.on(&claim).visit().await;
    let before = receiver.arrivals();
    desk.clock.advance(Duration::days(1));
    rounds(&relay, &endpoint).await;
    assert_eq!(receiver.arrivals(), before, "nothing is sent");
    receiver.follow(|_, _| TAKEN);
    let on = EndpointChange {
        enabled: Some(true),
        ..EndpointChange::default()
    };
    let changed = desk.desk.change_endpoint(&caller, endpoint.id, &on).await;
    assert_eq!(changed.expect("writing").map(|it| it.disabled), Ok(None));
    rounds(&relay, &endpoint).await;
    expect_all(&desk, &receiver, endpoint.cursor).await;

    // Five days of failure.
    receiver.follow(|_, _| Answer::None("NOT_REACHED"));
    desk.refer(&desk.world.households[2]).await;
    let failing = desk.now();
    rounds(&relay, &endpoint).await;
    assert_eq!(now(&desk, endpoint.id).await.failing_since, Some(failing));
    for _ in 0..40 {
        desk.clock.advance(Duration::hours(3));
        rounds(&relay, &endpoint).await;
        let off = now(&desk, endpoint.id).await.disabled;
        let days = desk.now() - failing;
        if days < Duration::days(5) {
            assert_eq!(off, None, "{days}");
        }
    }
    desk.refer(&desk.world.households[3]).await;
    rounds(&relay, &endpoint).await;
    let off = now(&desk, endpoint.id).await.disabled;
    assert_eq!(off.map(|it| it.reason), Some(DisabledReason::Failing));
    let answers: BTreeSet<Option<String>> = all(&desk, &endpoint)
        .await
        .into_iter()
        .map(|it| it.answer)
        .collect();
    assert!(
        answers.contains(&Some("NOT_REACHED".to_owned())),
        "{answers:?}"
    );
}

/// An organisation is told of the claims in its own scope, of the events it wants, and sees its own endpoints only.
pub(super) async fn webhooks_keep_to_their_scope(store: Arc<dyn Store>) {
    let desk = TestDesk::open(Arc::clone(&store)).await;
    let own = endpoint(&desk, Role::Handler, &[EventKind::CaseReferred]).await;
    let rival = endpoint(&desk, Role::RivalHandler, &[]).await;
    let township = endpoint(&desk, Role::Zhucaoying, &[]).await;
    let one = desk.refer(desk.world.household("石门寨")).await;
    let two = desk.refer(desk.world.household("驻操营")).await;
    let other = desk
        .draft(&desk.world.households[1])
        .under(&desk.world.rival)
        .await;
    let mut told = BTreeMap::new();
    for it in [&own, &rival, &township] {
        let receiver = Receiver::new(|_, _| TAKEN);
        rounds(&Relay::new(desk.desk.clone(), receiver.clone()), it).await;
        let took = receiver.took();
        assert!(
            took.iter()
                .all(|it| it.number == desk_number(&[&one, &two, &other], it.claim))
        );
        let claims: BTreeSet<ClaimId> = took.iter().map(|it| it.claim).collect();
        told.insert(it.id, (claims, took.len()));
        let end = store.log_end(county()).await.expect("reading");
        assert_eq!(
            now(&desk, it.id).await.cursor,
            end,
            "what is not wanted is passed over"
        );
    }
    assert_eq!(told[&own.id], (BTreeSet::from([one.id, two.id]), 2));
    assert_eq!(told[&rival.id].0, BTreeSet::from([other.id]));
    assert_eq!(told[&township.id].0, BTreeSet::from([two.id]));
    let seen = desk
        .desk
        .endpoints(&Role::Finance.caller())
        .await
        .expect("reading");
    assert_eq!(
        seen,
        [now(&desk, own.id).await],
        "those of the own organisation"
    );
    let caller = Role::RivalHandler.caller();
    for id in [own.id, township.id, ids::fresh()] {
        let change = EndpointChange::default();
        let changed = desk.desk.change_endpoint(&caller, id, &change).await;
        assert_eq!(changed.expect("reading"), Err(Refusal::NotFound));
        let rotated = desk
            .desk
            .rotate_secret(&caller, ids::fresh(), id, KeyKind::Hmac, 1)
            .await;
        assert_eq!(rotated.expect("reading"), Err(Refusal::NotFound));
        let page = Page::first(10);
        let listed = desk.desk.deliveries(&caller, id, None, &page).await;
        assert_eq!(listed.expect("reading"), Err(Refusal::NotFound));
    }
    let first = all(&desk, &own).await.remove(0);
    assert_eq!(
        desk.desk
            .delivery(&caller, first.id())
            .await
            .expect("reading"),
        None
    );

    // Lists: each row once, forward and back.
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = Page {
            size: 1,
            after,
            before: None,
            from_end: false,
        };
        let found = store
            .deliveries(county(), township.id, None, &page)
            .await
            .expect("reading");
        seen.extend(found.rows.clone());
        after = found.rows.last().map(Delivery::key);
        if !found.more {
            break;
        }
    }
    let listed: BTreeSet<String> = seen.iter().map(Delivery::key).collect();
    let whole: BTreeSet<String> = all(&desk, &township)
        .await
        .iter()
        .map(Delivery::key)
        .collect();
    assert_eq!((seen.len(), listed), (whole.len(), whole));
    let page = Page {
        size: 1,
        after: None,
        before: None,
        from_end: true,
    };
    let last = store
        .deliveries(county(), township.id, Some(DeliveryStatus::Sent), &page)
        .await
        .expect("reading");
    assert_eq!(last.rows.first(), seen.last());
    let none = store
        .deliveries(county(), township.id, Some(DeliveryStatus::Dead), &page)
        .await
        .expect("reading");
    assert!(none.rows.is_empty() && !none.more);
}

fn desk_number(claims: &[&Claim], id: ClaimId) -> String {
    let found = claims.iter().find(|it| it.id == id);
    found.map(|it| it.number.clone()).unwrap_or_default()
}

/// A key makes one endpoint with one secret; a rotation lets both keys sign for the overlap, whatever is asked again.
pub(super) async fn webhook_keys_overlap(store: Arc<dyn Store>) {
    let desk = TestDesk::open(Arc::clone(&store)).await;
    let (caller, key) = (Role::Handler.caller(), ids::fresh());
    let make = |url: &'static str| {
        desk.desk
            .create_endpoint(&caller, key, url, Vec::new(), KeyKind::Ed25519)
    };
    let (endpoint, first) = make("https://one.example/")
        .await
        .expect("writing")
        .expect("made");
    let again = make("https://one.example/")
        .await
        .expect("writing")
        .expect("made");
    assert_eq!(
        again,
        (endpoint.clone(), first.clone()),
        "the same endpoint, the same key"
    );
    assert!(
        make("https://two.example/").await.is_err(),
        "another endpoint under its key"
    );
    assert!(
        first
            .shown
            .is_some_and(|it| it.reveal().starts_with("whpk_"))
    );
    desk.clock.advance(Duration::days(1));
    let rotation = ids::fresh();
    let rotate = || {
        desk.desk
            .rotate_secret(&caller, rotation, endpoint.id, KeyKind::Hmac, 24)
    };
    let second: ShownKey = rotate().await.expect("writing").expect("made");
    assert!(
        second
            .shown
            .as_ref()
            .is_some_and(|it| it.reveal().starts_with("whsec_"))
    );
    assert_eq!(rotate().await.expect("writing"), Ok(second.clone()));
    let signing = async || {
        let keys = store
            .hook_keys(county(), endpoint.id)
            .await
            .expect("reading");
        let header = signatures(&keys, "m", desk.now(), b"x").expect("signed");
        header
            .split(' ')
            .map(|it| it.split(',').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(signing().await, ["v1a", "v1"]);
    desk.clock.advance(Duration::hours(24));
    assert_eq!(signing().await, ["v1"]);
    let odd = desk
        .desk
        .rotate_secret(&caller, ids::fresh(), endpoint.id, KeyKind::Hmac, 169)
        .await;
    assert!(matches!(
        odd,
        Ok(Err(Refusal::Invalid {
            field: "overlapHours",
            ..
        }))
    ));
    let shown = desk.desk.endpoint_keys(&endpoint).await.expect("reading");
    assert!(
        shown.iter().all(|it| it.shown.is_none()),
        "a shared secret is shown once"
    );
}

/// A connector with a key of its own, and a payment that was instructed.
struct Bank {
    desk: TestDesk,
    key: HookKey,
    claim: Claim,
}

fn instruction(claim: &Claim) -> Instruction {
    match &claim.state {
        State::Instructed(it) => it.instruction.clone(),
        other => panic!("{other:?}"),
    }
}

impl Bank {
    async fn open(store: Arc<dyn Store>) -> Self {
        let desk = TestDesk::open(store).await;
        let caller = Role::Handler.caller();
        let made = desk.desk.register_connector_key(
            &caller,
            ids::fresh(),
            Role::Connector.login(),
            None,
            0,
        );
        let key = made.await.expect("writing").expect("made").key;
        let household = desk.world.household("石门寨");
        let notice_ran = desk
            .refer(household)
            .through_verification(yuan(41_200))
            .through_notice();
        let claim = notice_ran.approve().instruct().await;
        Self { desk, key, claim }
    }

    fn message(&self, kind: &str, bank_ref: &str) -> String {
        let Instruction {
            instruction_no,
            amount,
            payee,
            ..
        } = instruction(&self.claim);
        json!({
            "type": kind, "timestamp": "2020-06-20T09:01:40Z",
            "data": {
                "instructionNo": instruction_no, "amountFen": amount.get().to_string(),
                "payeeFingerprint": payee_fingerprint(payee), "bankRef": bank_ref, "reason": "户名不符",
            },
        })
        .to_string()
    }

    fn sign(&self, id: &str, body: &str) -> String {
        signatures(
            std::slice::from_ref(&self.key),
            id,
            self.desk.now(),
            body.as_bytes(),
        )
        .expect("signed")
    }

    async fn send(&self, id: &str, body: &str) -> Result<Taken, Untaken> {
        let signature = self.sign(id, body);
        self.send_with(id, body, &signature, 0).await
    }

    async fn send_with(
        &self,
        id: &str,
        body: &str,
        signature: &str,
        late: i64,
    ) -> Result<Taken, Untaken> {
        let timestamp = (self.desk.now().timestamp() - late).to_string();
        let incoming = Incoming {
            id,
            timestamp: &timestamp,
            signature,
            body: body.as_bytes(),
        };
        let taken = self
            .desk
            .desk
            .receive_from(Role::Connector.login(), incoming)
            .await;
        taken.expect("the store works")
    }

    /// Tries what waits, again and again for some minutes.
    async fn settle(&self) {
        for _ in 0..12 {
            self.desk
                .desk
                .apply_messages(county())
                .await
                .expect("the store works");
            self.desk.clock.advance(Duration::seconds(30));
        }
    }

    async fn messages(&self) -> Vec<Message> {
        let caller = Role::Finance.caller();
        let found = self
            .desk
            .desk
            .messages(&caller, None, &Page::first(100))
            .await;
        found.expect("reading").rows
    }

    async fn stands(&self) -> (Status, BTreeMap<String, (MessageState, Option<Quarantine>)>) {
        let messages = self.messages().await;
        let kept = messages
            .into_iter()
            .map(|it| (it.message_id, (it.state, it.code)));
        (
            self.desk.claim(self.claim.id).await.status(),
            kept.collect(),
        )
    }
}

const APPLIED: (MessageState, Option<Quarantine>) = (MessageState::Applied, None);

const fn held(code: Quarantine) -> (MessageState, Option<Quarantine>) {
    (MessageState::Quarantined, Some(code))
}

/// A confirmation, the same under another id, and a return: in every order, each one, two or three times, with or
/// without time in between, the claim and each message end alike, and money moved once each way.
pub(super) async fn messages_in_any_order(store: Arc<dyn Store>) {
    let bank = Bank::open(store).await;
    let sent = [
        ("m1", "payout.succeeded", "R1"),
        ("m2", "payout.succeeded", "R1"),
        ("m3", "payout.returned", "R2"),
    ];
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let mut bank = bank;
    for (round, order) in orders.into_iter().enumerate() {
        for place in order {
            let (id, kind, bank_ref) = sent[place];
            let (id, body) = (
                format!("{id}-{round}"),
                bank.message(kind, &format!("{bank_ref}-{round}")),
            );
            for time in 0..=(round + place) % 3 {
                let taken = bank.send(&id, &body).await.expect("it is taken");
                assert_eq!(taken.again, time > 0);
                if round % 2 == 0 {
                    bank.desk
                        .desk
                        .apply_messages(county())
                        .await
                        .expect("the store works");
                }
            }
        }
        bank.settle().await;
        let (status, kept) = bank.stands().await;
        assert_eq!(status, Status::PayReturned, "{order:?}");
        for (id, ..) in sent {
            assert_eq!(kept[&format!("{id}-{round}")], APPLIED, "{id} in {order:?}");
        }
        let claim = bank.desk.claim(bank.claim.id).await;
        let history = bank.desk.history(claim.id).await;
        let moved = |kind| {
            history
                .iter()
                .filter(|it| it.event.what.kind() == kind)
                .count()
        };
        assert_eq!(
            (
                moved(EventKind::PayoutConfirmed),
                moved(EventKind::PayoutReturned)
            ),
            (round + 1, round + 1)
        );
        bank.desk.expect_sound().await;
        // Again, with the next instruction of the same claim.
        bank.claim = bank.desk.on(&claim).reinstate().instruct().await;
    }
}

/// Whatever is forged, altered, stale, private, unknown, different or contradicting moves nothing, and stands where
/// somebody looks at it.
pub(super) async fn messages_are_quarantined(store: Arc<dyn Store>) {
    let bank = Bank::open(Arc::clone(&store)).await;
    let good = bank.message("payout.succeeded", "R1");
    let before = bank.desk.log().await.len();
    // Forged: another key, an altered body, another id, no signature at all.
    let other = HookKey {
        secret: fresh_secret().expect("randomness"),
        ..bank.key.clone()
    };
    let wrong = signatures(&[other], "f1", bank.desk.now(), good.as_bytes()).expect("signed");
    assert_eq!(
        bank.send_with("f1", &good, &wrong, 0).await,
        Err(Untaken::Forged)
    );
    let right = bank.sign("f2", &good);
    let altered = good.replace("R1", "R9");
    assert_eq!(
        bank.send_with("f2", &altered, &right, 0).await,
        Err(Untaken::Forged)
    );
    assert_eq!(
        bank.send_with("f3", &good, &right, 0).await,
        Err(Untaken::Forged)
    );
    assert_eq!(
        bank.send_with("f4", &good, "", 0).await,
        Err(Untaken::Forged)
    );
    assert_eq!(
        bank.send_with("f2", &good, &right, 1).await,
        Err(Untaken::Forged),
        "another time"
    );
    // Stale: genuine, and too old, or of the future.
    for late in [301, -301] {
        let at = bank.desk.now() - Duration::seconds(late);
        let signature =
            signatures(std::slice::from_ref(&bank.key), "s1", at, good.as_bytes()).expect("signed");
        assert_eq!(
            bank.send_with("s1", &good, &signature, late).await,
            Err(Untaken::Stale)
        );
    }
    for id in ["", "a b", "号", &"x".repeat(201)] {
        let signature = bank.sign(id, &good);
        assert_eq!(
            bank.send_with(id, &good, &signature, 0).await,
            Err(Untaken::Malformed),
            "{id}"
        );
    }
    let nobody = Incoming {
        id: "n",
        timestamp: "1",
        signature: "",
        body: b"{}",
    };
    for login in ["nobody", Role::Finance.login()] {
        let taken = bank.desk.desk.receive_from(login, nobody).await;
        assert_eq!(taken.expect("reading"), Err(Untaken::Forged), "{login}");
    }
    // Genuine, and nothing to act upon.
    let edited = |field: &str, value: serde_json::Value| {
        let mut body: serde_json::Value = serde_json::from_str(&good).expect("JSON");
        body["data"][field] = value;
        body.to_string()
    };
    let no = instruction(&bank.claim).instruction_no;
    for (id, body, code) in [
        ("q1", "nonsense".to_owned(), Quarantine::Unreadable),
        (
            "q2",
            good.replace("payout.succeeded", "payout.begun"),
            Quarantine::Unreadable,
        ),
        (
            "q3",
            edited("amountFen", json!(null)),
            Quarantine::Unreadable,
        ),
        ("q4", edited("amountFen", json!("1")), Quarantine::Mismatch),
        (
            "q5",
            edited("payeeFingerprint", json!("00")),
            Quarantine::Mismatch,
        ),
        (
            "q6",
            edited("bankRef", json!("130302199001010016")),
            Quarantine::PrivateInText,
        ),
        (
            "q7",
            edited("note", json!("转 6228480000001234567")),
            Quarantine::PrivateInText,
        ),
        ("q8", edited("bankRef", json!("")), Quarantine::Unreadable),
    ] {
        bank.send(id, &body).await.expect("it is taken");
        bank.settle().await;
        let (status, kept) = bank.stands().await;
        assert_eq!((status, kept[id]), (Status::Instructed, held(code)), "{id}");
    }
    let listed = bank.messages().await;
    let body = |id: &str| {
        listed
            .iter()
            .find(|it| it.message_id == id)
            .map(|it| it.body.clone())
    };
    assert_eq!(
        body("q7").as_deref(),
        Some(""),
        "what is private is not kept"
    );
    assert_eq!(body("f1").as_deref(), Some(""), "nor what is forged");
    let forged = listed
        .iter()
        .filter(|it| it.code == Some(Quarantine::Forged))
        .count();
    assert_eq!(forged, 5);
    // Not yet known: it waits, then it is quarantined. A return without a confirmation likewise.
    bank.send(
        "u1",
        &edited("instructionNo", json!(no.replace("-1", "-7"))),
    )
    .await
    .expect("taken");
    bank.send("u2", &edited("instructionNo", json!("x")))
        .await
        .expect("taken");
    bank.send("u3", &bank.message("payout.returned", "R5"))
        .await
        .expect("taken");
    bank.settle().await;
    let (_, kept) = bank.stands().await;
    for id in ["u1", "u2", "u3"] {
        assert_eq!(kept[id].0, MessageState::Waiting, "{id}");
    }
    bank.desk
        .clock
        .advance(Duration::hours(HOOK_WAIT_HOURS_MAX));
    bank.settle().await;
    let (status, kept) = bank.stands().await;
    assert_eq!(status, Status::Instructed);
    assert_eq!(kept["u1"], held(Quarantine::UnknownInstruction));
    assert_eq!(kept["u2"], held(Quarantine::UnknownInstruction));
    assert_eq!(kept["u3"], held(Quarantine::OutOfOrder));
    assert_eq!(
        bank.desk.log().await.len(),
        before,
        "nothing happened so far"
    );
    // Contradictions: another body under a known id; another reference; a failure after the money arrived.
    bank.send("c1", &good).await.expect("taken");
    bank.settle().await;
    bank.send("c1", &edited("bankRef", json!("R8")))
        .await
        .expect("taken");
    bank.send("c2", &edited("bankRef", json!("R8")))
        .await
        .expect("taken");
    bank.send("c3", &bank.message("payout.failed", "R1"))
        .await
        .expect("taken");
    bank.settle().await;
    let (status, kept) = bank.stands().await;
    assert_eq!(status, Status::Paid);
    assert_eq!(kept["c2"], held(Quarantine::Contradiction));
    assert_eq!(kept["c3"], held(Quarantine::Contradiction));
    let both: BTreeSet<_> = bank
        .messages()
        .await
        .into_iter()
        .filter(|it| it.message_id == "c1")
        .map(|it| (it.state, it.code))
        .collect();
    assert_eq!(both, BTreeSet::from([APPLIED, held(Quarantine::IdReused)]));
    // Somebody looks: not the one who ordered the payment; once; with a reason that stands there.
    let message = bank
        .messages()
        .await
        .into_iter()
        .find(|it| it.message_id == "c2")
        .expect("kept");
    let close = async |role: Role| {
        let closed = bank
            .desk
            .desk
            .close_message(&role.caller(), message.id, "已与银行核对")
            .await;
        closed.expect("the store works").map(|it| it.state)
    };
    assert_eq!(close(Role::Finance).await, Err(Refusal::Own));
    assert_eq!(
        close(Role::Supervisor).await,
        Err(Refusal::NotFound),
        "another organisation"
    );
    assert_eq!(close(Role::SecondFinance).await, Ok(MessageState::Closed));
    assert!(matches!(
        close(Role::SecondFinance).await,
        Err(Refusal::Invalid { .. })
    ));
    // Evidence is bounded.
    for number in 0..HOOK_FORGED_PER_DAY_MAX + 20 {
        let id = format!("x{number}");
        assert_eq!(
            bank.send_with(&id, &good, "v1,AAAA", 0).await,
            Err(Untaken::Forged)
        );
    }
    let since = bank.desk.now() - Duration::days(1);
    let kept = store
        .forged_since(county(), Role::Connector.account_id(), since)
        .await;
    assert_eq!(kept.expect("reading"), HOOK_FORGED_PER_DAY_MAX);
    bank.desk.expect_sound().await;
}

/// A message that came before its instruction is applied once that is there; a key that was followed by another holds for
/// the overlap only.
pub(super) async fn messages_wait_and_keys_end(store: Arc<dyn Store>) {
    let mut bank = Bank::open(store).await;
    let first = instruction(&bank.claim).instruction_no;
    let early = bank
        .message("payout.succeeded", "R2")
        .replace(&first, &first.replace("-1", "-2"));
    bank.send("early", &early).await.expect("taken");
    bank.send("failed", &bank.message("payout.failed", "R1"))
        .await
        .expect("taken");
    bank.settle().await;
    let (status, kept) = bank.stands().await;
    assert_eq!(
        (status, kept["early"].0),
        (Status::PayFailed, MessageState::Waiting)
    );
    let claim = bank.desk.claim(bank.claim.id).await;
    bank.claim = bank.desk.on(&claim).reinstate().instruct().await;
    bank.settle().await;
    let (status, kept) = bank.stands().await;
    assert_eq!((status, kept["early"]), (Status::Paid, APPLIED));
    let caller = Role::Handler.caller();
    let login = Role::Connector.login();
    let old = bank.key.clone();
    let made = bank
        .desk
        .desk
        .register_connector_key(&caller, ids::fresh(), login, None, 1)
        .await;
    let new = made.expect("writing").expect("made").key;
    for (hours, id, key, fits) in [
        (0, "k1", &old, true),
        (0, "k2", &new, true),
        (1, "k3", &old, false),
        (0, "k4", &new, true),
    ] {
        bank.desk.clock.advance(Duration::hours(hours));
        bank.key = key.clone();
        let body = bank.message("payout.succeeded", "R2");
        assert_eq!(bank.send(id, &body).await.is_ok(), fits, "{id}");
    }
    for (login, public, field) in [
        (Role::Finance.login(), None, "login"),
        (login, Some("whpk_AAAA"), "publicKey"),
    ] {
        let made = bank
            .desk
            .desk
            .register_connector_key(&caller, ids::fresh(), login, public, 1)
            .await;
        assert!(
            matches!(made, Ok(Err(Refusal::Invalid { field: found, .. })) if found == field),
            "{login}"
        );
    }
    let foreign = Role::RivalHandler.caller();
    let made = bank
        .desk
        .desk
        .register_connector_key(&foreign, ids::fresh(), login, None, 1)
        .await;
    assert_eq!(
        made.expect("reading").map(|it| it.key),
        Err(Refusal::NotFound)
    );
    assert_eq!(format!("{:?}", HookSecret::new("x")), "(secret)");
}

/// An endpoint that hears everything is reminded of a deadline once before its last day and once after, for each status
/// and deadline, by however many processes; a claim is not touched by it, and one whose clock stands is not reminded of.
pub(super) async fn webhooks_remind_of_deadlines(store: Arc<dyn Store>) {
    let mut world = World::new();
    let term = |status, days| Deadline {
        status,
        term: Term {
            days,
            counting: Counting::WorkingDays,
            rolls: false,
        },
    };
    world.scheme.deadlines = vec![term(Status::Referred, 5), term(Status::Accepted, 5)];
    let desk = TestDesk::open_with(Arc::clone(&store), world).await;
    let claim = desk.refer(&desk.world.households[0]).await;
    let endpoint = endpoint(&desk, Role::Handler, &[]).await;
    let narrow = self::endpoint(&desk, Role::Handler, &[EventKind::CaseReferred]).await;
    let receiver = Receiver::new(|_, _| TAKEN);
    let relay = Relay::new(desk.desk.clone(), receiver.clone());
    let remind = async || {
        let both = tokio::join!(deadline::remind(&desk.desk), deadline::remind(&desk.desk));
        let told = [both.0, both.1].map(|it| it.expect("reminding").told);
        rounds(&relay, &endpoint).await;
        told.iter().sum::<u64>()
    };
    let due_on = claim.due_on().expect("a term runs");
    let log = desk.log().await.len();
    let noon = |day| calendar::start_of(day) + Duration::hours(12);
    let mut told = Vec::new();
    for day in legal_day(desk.now())
        .iter_days()
        .take_while(|it| *it <= due_on + Days::new(9))
    {
        desk.clock.set(noon(day).max(desk.now()));
        if remind().await > 0 {
            told.push(day);
        }
    }
    let soon = told.first().copied().expect("it was reminded");
    assert_eq!(told, [soon, due_on + Days::new(1)]);
    let left = desk
        .desk
        .calendar()
        .counted(soon, due_on, Counting::WorkingDays);
    assert_eq!(left, Ok(u32::from(REMIND_WORKDAYS)));
    let took: Vec<_> = receiver.took().iter().map(|it| it.reminder).collect();
    let reminder = |state| {
        Some(Reminder {
            state,
            status: Status::Referred,
            due_on,
        })
    };
    let both = [DueState::DueSoon, DueState::Overdue].map(reminder);
    assert_eq!(took, both);
    assert_eq!(desk.log().await.len(), log, "nothing happened");
    assert_eq!(desk.claim(claim.id).await.version, claim.version);
    assert!(all(&desk, &narrow).await.is_empty());
    // Another status, another deadline.
    let claim = desk.on(&claim).accept().await;
    let due_on = claim.due_on().expect("a term runs");
    desk.clock.set(noon(due_on));
    rounds(&relay, &endpoint).await;
    assert_eq!(remind().await, 1);
    assert_eq!(remind().await, 0);
    desk.expect_sound().await;
}
