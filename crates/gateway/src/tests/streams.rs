//! Subscriptions over server-sent events: in scope, in order, resumable, ended with the session.

use super::Wire;
use crate::Settings;
use crate::node_id::{self, Kind};
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use engine::identity::Change;
use engine::limits::CALLER_CACHE_MS;
use engine::testkit::world::{PASSWORD, Role, county};
use futures_util::StreamExt;
use lifecycle::{Duty, RegionCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt;

const FOLLOW: &str = "subscription($after: String, $claim: ID) {
    claimEvents(after: $after, claimId: $claim) { claimId seq type recordedAt cursor } }";

/// One frame of a stream.
#[derive(Debug, Default, PartialEq)]
struct Frame {
    event: String,
    id: String,
    data: Value,
}

/// A stream as a client reads it.
struct Events {
    frames: BodyDataStream,
    text: String,
}

impl Events {
    /// The next frame, signs of life left out; `None` at the end.
    async fn next(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.wait());
        next.await.expect("no frame in ten seconds")
    }

    async fn wait(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                if frame.starts_with(':') {
                    continue;
                }
                let mut read = Frame::default();
                for line in frame.lines() {
                    let (name, value) = line.split_once(':').unwrap();
                    let value = value.trim_start();
                    match name {
                        "event" => value.clone_into(&mut read.event),
                        "id" => value.clone_into(&mut read.id),
                        "data" => read.data = serde_json::from_str(value).unwrap_or_default(),
                        other => panic!("{other}"),
                    }
                }
                return Some(read);
            }
            let more = self.frames.next().await?;
            self.text
                .push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
    }

    async fn event(&mut self) -> Value {
        let frame = self.next().await.expect("the stream goes on");
        assert_eq!(frame.event, "next", "{frame:?}");
        let note = frame.data["data"]["claimEvents"].clone();
        assert_eq!(note["cursor"], frame.id.as_str(), "{frame:?}");
        note
    }
}

async fn ask(wire: &Wire, token: &str, body: &Value, more: &[(&str, &str)]) -> Response {
    let mut request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    wire.router.clone().oneshot(request).await.unwrap()
}

async fn follow(wire: &Wire, token: &str, variables: Value, more: &[(&str, &str)]) -> Events {
    let body = json!({ "query": FOLLOW, "variables": variables });
    let response = ask(wire, token, &body, more).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    Events {
        frames: response.into_body().into_data_stream(),
        text: String::new(),
    }
}

fn said(note: &Value) -> (String, i64) {
    let kind = note["type"].as_str().unwrap().to_owned();
    (kind, note["seq"].as_i64().unwrap())
}

/// Invariant 8: a township is told of its own claims. Failure 33: what was written is told.
#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_order_within_the_scope_and_go_on_after_a_cursor() {
    let wire = Wire::open().await;
    let (ours, theirs) = (Role::Shimenzhai.token(), Role::Zhucaoying.token());
    let cursor = "{ claimEventCursor }";
    let reply = wire.ask(Role::Shimenzhai, cursor).await;
    assert_eq!(reply.body["data"]["claimEventCursor"], "");

    let first = wire.desk.refer(wire.desk.world.household("石门寨")).await;
    let mut events = follow(&wire, &ours, json!({ "after": "" }), &[]).await;
    let (one, two) = (events.event().await, events.event().await);
    assert_eq!(said(&one), ("REFERRAL_DRAFTED".into(), 1));
    assert_eq!(said(&two), ("CASE_REFERRED".into(), 2));

    // What another township does is not told here, and what comes after it is.
    let other = wire.desk.refer(wire.desk.world.household("驻操营")).await;
    wire.desk.on(&first).accept().await;
    let three = events.event().await;
    assert_eq!(said(&three), ("REFERRAL_ACCEPTED".into(), 3));
    drop(events);

    // Taken up after any cursor, by the argument or as a browser does.
    let reply = wire.ask(Role::Shimenzhai, cursor).await;
    assert_eq!(reply.body["data"]["claimEventCursor"], three["cursor"]);
    for (variables, header) in [
        (json!({ "after": one["cursor"] }), None),
        (json!({ "after": three["cursor"] }), one["cursor"].as_str()),
        (json!({}), one["cursor"].as_str()),
    ] {
        let header: Vec<_> = header.map(|id| ("last-event-id", id)).into_iter().collect();
        let mut events = follow(&wire, &ours, variables, &header).await;
        assert_eq!(events.event().await, two);
        assert_eq!(events.event().await, three);
    }
    let mut events = follow(&wire, &theirs, json!({ "after": "" }), &[]).await;
    let seen = events.event().await;
    assert_ne!(seen["claimId"], one["claimId"]);
    assert_eq!(said(&events.event().await), ("CASE_REFERRED".into(), 2));

    // One claim alone; another's is not there.
    let claim = json!({ "after": "", "claim": one["claimId"] });
    let county = Role::CountyCaseworker.token();
    let mut events = follow(&wire, &county, claim.clone(), &[]).await;
    for _ in 0..3 {
        assert_eq!(events.event().await["claimId"], one["claimId"]);
    }
    let mut events = follow(&wire, &theirs, claim, &[]).await;
    let refused = events.next().await.unwrap();
    let code = &refused.data["errors"][0]["extensions"]["code"];
    assert_eq!(code, "NOT_FOUND");
    assert_eq!(events.next().await.unwrap().event, "complete");
    assert_eq!(events.next().await, None);
    drop(other);

    // From now on, where no cursor is given.
    let mut events = follow(&wire, &ours, json!({}), &[]).await;
    // A stream begins when it is first read.
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let claim = wire.desk.claim(first.id).await;
        wire.desk.on(&claim).assign().await
    };
    let (four, _) = tokio::join!(events.event(), later);
    assert_eq!(said(&four), ("SURVEY_ASSIGNED".into(), 4));
    let mut events = follow(&wire, &ours, json!({ "after": "AAAA" }), &[]).await;
    let refused = events.next().await.unwrap();
    let code = &refused.data["errors"][0]["extensions"]["code"];
    assert_eq!(code, "INVALID_ARGUMENT");
}

/// A session that is revoked in another process ends its streams within a second.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a revoked session is believed is what is tested"
)]
async fn a_stream_ends_with_its_session() {
    let wire = Wire::open().await;
    let elsewhere = wire.desk.office().access;
    let session = elsewhere.log_in(Role::Shimenzhai.login(), PASSWORD).await;
    let token = session.unwrap().unwrap().token;
    let mut events = follow(&wire, &token, json!({}), &[]).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    elsewhere.log_out(&token).await.unwrap();
    let began = std::time::Instant::now();
    let last = events.next().await.unwrap();
    let took = began.elapsed();
    let code = &last.data["errors"][0]["extensions"]["code"];
    assert_eq!(code, "UNAUTHENTICATED");
    assert_eq!(events.next().await.unwrap().event, "complete");
    assert_eq!(events.next().await, None);
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

/// A browser's session gets another secret while a stream is open: the stream goes on as long as the session does,
/// though the secret it was opened with opens nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_the_secret_it_was_opened_with() {
    let wire = Wire::open().await;
    let elsewhere = wire.desk.office().access;
    let session = elsewhere.log_in(Role::Shimenzhai.login(), PASSWORD).await;
    let token = session.unwrap().unwrap().token;
    let mut events = follow(&wire, &token, json!({ "after": "" }), &[]).await;
    wire.desk.clock.advance(chrono::Duration::minutes(16));
    let fresh = elsewhere.renew(&token).await.unwrap().expect("it is time");
    wire.desk.clock.advance(chrono::Duration::seconds(
        engine::limits::SECRET_OVERLAP_SECONDS + 1,
    ));
    // A resolved caller is remembered for 0.9 seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let body = json!({ "query": FOLLOW });
    let refused = ask(&wire, &token, &body, &[]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    wire.desk.refer(wire.desk.world.household("石门寨")).await;
    assert_eq!(said(&events.event().await), ("REFERRAL_DRAFTED".into(), 1));
    assert_eq!(said(&events.event().await), ("CASE_REFERRED".into(), 2));
    elsewhere.log_out(&fresh).await.unwrap();
    let last = events.next().await.unwrap();
    let code = &last.data["errors"][0]["extensions"]["code"];
    assert_eq!(code, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_for_those_who_may_and_accept_them() {
    let wire = Wire::open().await;
    let body = json!({ "query": FOLLOW });
    let anonymous = ask(&wire, "", &body, &[]).await;
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    let reply = wire.post(Some(Role::Handler), &body).await;
    assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE);

    // Five at a time; whoever leaves gives the seat to the next.
    let token = Role::Handler.token();
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(follow(&wire, &token, json!({}), &[]).await);
    }
    let sixth = ask(&wire, &token, &body, &[]).await;
    assert_eq!(sixth.status(), StatusCode::TOO_MANY_REQUESTS);
    follow(&wire, &Role::Surveyor.token(), json!({}), &[]).await;
    open.pop();
    follow(&wire, &token, json!({}), &[]).await;

    // A query has one answer; a document that does not pass the guard is refused as ever.
    let query = json!({ "query": "{ viewer { name } }" });
    let response = ask(&wire, &token, &query, &[]).await;
    let mut events = Events {
        frames: response.into_body().into_data_stream(),
        text: String::new(),
    };
    let answer = events.next().await.unwrap();
    assert_eq!(answer.data["data"]["viewer"]["name"], "孙内勤");
    assert_eq!(events.next().await.unwrap().event, "complete");
    let two = json!({ "query": "subscription { a: claimEvents { seq } b: claimEvents { seq } }" });
    let refused = ask(&wire, &token, &two, &[]).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

/// A server that stops ends its streams, so that it can stop; the client comes back elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_its_streams() {
    let (stop, stopped) = watch::channel(false);
    let settings = Settings {
        stopped,
        ..Settings::default()
    };
    let wire = Wire::with(settings).await;
    let mut events = follow(&wire, &Role::Handler.token(), json!({}), &[]).await;
    stop.send(true).unwrap();
    assert_eq!(events.next().await, None, "no `complete`: it was cut off");
}

/// What its caller may see is asked anew: a stream follows them into another region, and ends with the
/// duty.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_sees_what_its_caller_may_see_now() {
    let wire = Wire::open().await;
    let role = Role::Shimenzhai;
    let set = async |duty: Duty, region: RegionCode| {
        let change = Change::SetDuties {
            person: role.person_id(),
            duties: vec![duty],
            region,
        };
        let store = wire.desk.store();
        store.change(county(), &[change], None).await.unwrap();
        // A caller is remembered for a moment.
        tokio::time::sleep(Duration::from_millis(CALLER_CACHE_MS + 200)).await;
    };
    let near = wire.desk.refer(wire.desk.world.household("石门寨")).await;
    let mut events = follow(&wire, &role.token(), json!({ "after": "" }), &[]).await;
    for seq in 1..=2 {
        assert_eq!(events.event().await["seq"], seq);
    }
    let elsewhere = Role::Zhucaoying.person().region;
    set(Duty::TownshipCaseworker, elsewhere.clone()).await;
    wire.desk.on(&near).accept().await;
    let far = wire.desk.refer(wire.desk.world.household("驻操营")).await;
    let far = node_id::encode(Kind::Claim, far.id.0);
    for seq in 1..=2 {
        let event = events.event().await;
        assert_eq!(event["claimId"], far.as_str(), "of the new region only");
        assert_eq!(event["seq"], seq);
    }
    set(Duty::Administrator, elsewhere).await;
    let last = events.next().await.unwrap();
    let code = &last.data["errors"][0]["extensions"]["code"];
    assert_eq!(code, "FORBIDDEN");
    assert_eq!(events.next().await.unwrap().event, "complete");
}
