//! The protocol as others see it: the audits of `graphql-http`, the clients people use for
//! subscriptions, the corpus of hostile requests, all over real HTTP.

#[path = "../../crates/gateway/src/tests/hostile.rs"]
mod hostile;
mod limits;
mod streams;

use crate::support::{Client, Place, Server, both, http, node, run};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Every audit of the npm package `graphql-http`, warnings (SHOULD, MAY) included: of somebody who
/// signed in, and, since some ask for the schema, of anybody where that is open.
#[tokio::test]
async fn every_audit_of_graphql_over_http_passes() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start(&place, &["serve"]);
    let client = Client::sign_in(&server, "office.zhao").await;
    audited(&server, client.token());
    let open = [("FANGPIN_INTROSPECTION", "open")];
    audited(&Server::start_with(&place, &["serve"], &open), "");
}

fn audited(server: &Server, token: &str) {
    let output = node("protocol", "audit.js")
        .args([&server.url("/graphql"), token])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", both(&output));
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.ends_with("\n61 of 61\n"), "{report}");
    println!("graphql-http {report}");
}

/// The sample county, its job done, behind two gateway processes.
struct Two {
    place: Place,
    one: Server,
    other: Server,
}

impl Two {
    fn on(place: Place) -> Self {
        run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
        Self {
            one: Server::start(&place, &["serve"]),
            other: Server::start(&place, &["serve"]),
            place,
        }
    }
}

/// The close codes and messages of `graphql-transport-ws`, spoken by the npm package `ws`.
#[tokio::test]
async fn the_socket_keeps_its_protocol() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start(&place, &["serve"]);
    let client = Client::sign_in(&server, "smz.wang").await;
    let output = node("protocol", "socket.js")
        .args([&server.url("/graphql"), client.token()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", both(&output));
    println!(
        "graphql-transport-ws {}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// A client of `graphql-sse` or `graphql-ws`, in a process of its own.
struct Follower {
    child: Child,
    hear: mpsc::Receiver<Value>,
}

impl Follower {
    fn start(transport: &str, server: &Server, token: &str, after: &str) -> Self {
        let mut child = node("protocol", "follow.js")
            .args([transport, &server.url("/graphql"), token, after])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, hear) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = say.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, hear }
    }

    fn next(&self) -> Value {
        let next = self.hear.recv_timeout(Duration::from_secs(20));
        next.expect("an event within twenty seconds")
    }

    fn silence(&self) -> Option<Value> {
        self.hear.recv_timeout(Duration::from_millis(600)).ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mutation with an input; the claim it leaves.
async fn give(who: &Client, name: &str, input: Value) -> Value {
    let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query = format!(
        "mutation($input: {kind}!) {{ {name}(input: $input) {{ claim {{ id version }} userErrors {{ code }} }} }}"
    );
    let answer = who.query(&query, json!({ "input": input })).await;
    let payload = &answer["data"][name];
    assert_eq!(payload["userErrors"], json!([]), "{answer}");
    payload["claim"].clone()
}

fn key() -> String {
    uuid::Uuid::from_u128(rand()).to_string()
}

/// Another number each time.
fn rand() -> u128 {
    use std::sync::atomic::AtomicU64;
    static NEXT: AtomicU64 = AtomicU64::new(1);
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << 64 | 0x8000_0000_0000_0001
}

pub async fn drafted(township: &Client, day: u32) -> Value {
    let query = "{ claims(first: 1) { nodes { scheme { id } household { id members { id } payees(first: 10) { nodes { id } } } } } }";
    let found = township.query(query, json!({})).await;
    let node = &found["data"]["claims"]["nodes"][0];
    let household = &node["household"];
    let input = json!({
        "idempotencyKey": key(), "schemeId": node["scheme"]["id"], "householdId": household["id"],
        "insuredMemberId": household["members"][0]["id"], "peril": "ILLNESS",
        "eventOn": format!("2020-03-{day:02}"), "submittedFen": "4120000",
        "payeeId": household["payees"]["nodes"][0]["id"],
        "basis": { "decidedOn": "2020-05-18", "document": "protocol" },
    });
    give(township, "draftReferral", input).await
}

pub async fn moved(who: &Client, name: &str, claim: &Value, more: Option<(&str, &Value)>) -> Value {
    let mut input = json!({
        "idempotencyKey": key(), "claimId": claim["id"], "expectedVersion": claim["version"],
    });
    if let Some((field, value)) = more {
        input[field] = value.clone();
    }
    give(who, name, input).await
}

/// A claim moves through one process; who follows on the other is told of every event once, in
/// order, also after a kill in the middle; another township is told nothing.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a revoked session is believed is what is tested"
)]
async fn subscriptions_work_across_processes_and_kills() {
    let two = Two::on(Place::postgres());
    let township = Client::sign_in(&two.one, "smz.wang").await;
    let other_township = Client::sign_in(&two.one, "zcy.li").await;
    let insurer = Client::sign_in(&two.one, "ins.sun").await;
    let staff = insurer
        .query(
            "{ colleagues(duty: SURVEYOR, first: 10) { nodes { id } } }",
            json!({}),
        )
        .await;
    let surveyor = staff["data"]["colleagues"]["nodes"][0]["id"].clone();
    for (day, transport) in [(1, "sse"), (2, "ws")] {
        let session = Client::sign_in(&two.one, "smz.wang").await;
        let start = session.query("{ claimEventCursor }", json!({})).await;
        let start = start["data"]["claimEventCursor"]
            .as_str()
            .unwrap()
            .to_owned();
        let start_of_others = other_township
            .query("{ claimEventCursor }", json!({}))
            .await;
        let start_of_others = start_of_others["data"]["claimEventCursor"]
            .as_str()
            .unwrap();
        let others = Follower::start(
            transport,
            &two.other,
            other_township.token(),
            start_of_others,
        );
        let mut follower = Follower::start(transport, &two.other, session.token(), &start);

        let mut claim = drafted(&township, day).await;
        claim = moved(&township, "referCase", &claim, None).await;
        claim = moved(&insurer, "acceptReferral", &claim, None).await;
        let mut seen: Vec<Value> = (0..3).map(|_| follower.next()).collect();
        for round in 0..24 {
            if round == 8 {
                // Killed, while the claim goes on; it comes back elsewhere with its last cursor.
                drop(follower);
                for _ in 0..3 {
                    claim = moved(
                        &insurer,
                        "assignSurvey",
                        &claim,
                        Some(("surveyorId", &surveyor)),
                    )
                    .await;
                }
                let cursor = seen.last().unwrap()["cursor"].as_str().unwrap().to_owned();
                follower = Follower::start(transport, &two.one, session.token(), &cursor);
            }
            claim = moved(
                &insurer,
                "assignSurvey",
                &claim,
                Some(("surveyorId", &surveyor)),
            )
            .await;
            if round % 3 == 0 || round == 7 {
                let told = claim["version"].as_u64().unwrap();
                while u64::try_from(seen.len()).unwrap() < told {
                    seen.push(follower.next());
                }
            }
        }
        while u64::try_from(seen.len()).unwrap() < claim["version"].as_u64().unwrap() {
            seen.push(follower.next());
        }
        assert_eq!(follower.silence(), None, "nothing comes twice");
        for (event, seq) in seen.iter().zip(1..) {
            assert_eq!(event["claimId"], claim["id"], "{event}");
            assert_eq!(event["seq"], json!(seq), "no gap, no other order");
        }
        assert_eq!(others.silence(), None, "another township is told nothing");

        // The session is ended on one process, and with it the stream on the other.
        let follower = Follower::start(transport, &two.other, session.token(), "");
        let _ = follower.next();
        while follower.silence().is_some() {}
        let ended = session.ask("office/LogOut", json!({})).await;
        let began = Instant::now();
        assert_eq!(ended["data"]["logOut"]["loggedOut"], true, "{ended}");
        let last = follower.next();
        let took = began.elapsed();
        assert!(
            last.to_string().contains("UNAUTHENTICATED") || last["ended"] == 4403,
            "{last}"
        );
        println!(
            "{transport}: {} events in order; the session's end was felt after {took:?}",
            seen.len()
        );
        assert!(took < Duration::from_millis(1_500), "{took:?}");
    }
    let output = two.place.fangpin(&["audit", "verify"]).output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
}

/// While hostile requests come from many sides, a health request is answered on time, also on the
/// listener they come to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a health request takes is what is tested"
)]
async fn health_answers_while_hostile_requests_come() {
    let place = Place::sqlite();
    let keys = [
        ("FANGPIN_HEALTH_LISTEN", "127.0.0.1:0"),
        ("FANGPIN_LOG", "info"),
        ("FANGPIN_LOG_FORMAT", "json"),
    ];
    let mut server = Server::start_with(&place, &["serve"], &keys);
    let line = server.hear("\"health\"");
    let line: Value = serde_json::from_str(&line).unwrap();
    let own = line["fields"]["address"].as_str().unwrap().to_owned();
    let families = Arc::new(hostile::families());
    let done = Arc::new(AtomicBool::new(false));
    let mut attackers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (families, url) = (Arc::clone(&families), server.url("/graphql"));
        attackers.spawn(async move {
            let client = http();
            for family in families.iter() {
                let request = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .header("accept", "application/graphql-response+json")
                    .body(family.body.clone());
                let Ok(answer) = request.send().await else {
                    // A body beyond the limit: the connection may be closed before all is sent.
                    continue;
                };
                let status = answer.status();
                let text = answer.text().await.unwrap_or_default();
                assert!(status.is_client_error(), "{}: {status} {text}", family.name);
                assert!(text.len() < 2_048, "{}: {} bytes", family.name, text.len());
                // Nobody has signed in here: what passes the guard and would not fit is not looked at.
                let answer: Value = serde_json::from_str(&text).unwrap();
                let told = &answer["errors"][0]["extensions"];
                let by = told["limit"].as_str().or(told["code"].as_str()).unwrap();
                let lawful = by == family.refused_by || by == "UNAUTHENTICATED";
                assert!(lawful, "{}: {by}", family.name);
            }
        });
    }
    let asked = {
        let done = Arc::clone(&done);
        let urls = [server.url("/readyz"), format!("http://{own}/readyz")];
        tokio::spawn(async move {
            let client = http();
            let mut slowest = [Duration::ZERO; 2];
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                for (url, slowest) in urls.iter().zip(&mut slowest) {
                    let began = Instant::now();
                    let answer = client.get(url).send().await.unwrap();
                    assert!(answer.status().is_success());
                    *slowest = (*slowest).max(began.elapsed());
                    asked += 1;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (asked, slowest)
        })
    };
    while let Some(attacker) = attackers.join_next().await {
        attacker.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let (asked, slowest) = asked.await.unwrap();
    println!(
        "{} families four times over; {asked} health requests, the slowest took {slowest:?} (own listener second)",
        families.len()
    );
    assert!(asked >= 4, "{asked}");
    assert!(
        slowest.iter().all(|it| *it < Duration::from_secs(1)),
        "{slowest:?}"
    );
}

/// Large answers are compressed where the client accepts it, small ones and streams are not; what is
/// private stays in no cache, what never changes need not be sent twice.
#[tokio::test]
async fn answers_are_compressed_and_cached_as_fits() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start(&place, &["serve"]);
    let client = Client::sign_in(&server, "office.zhao").await;
    let browser = http();
    let post = |query: &str, accept: &str| {
        browser
            .post(server.url("/graphql"))
            .bearer_auth(client.token())
            .header("accept", accept)
            .header("accept-encoding", "gzip")
            .json(&json!({ "query": query }))
            .send()
    };
    let json = "application/graphql-response+json";
    let large = post(
        "{ claims(first: 20) { nodes { id number status openedAt } } }",
        json,
    )
    .await
    .unwrap();
    assert_eq!(large.headers()["content-encoding"], "gzip");
    assert_eq!(large.headers()["cache-control"], "no-store");
    let small = post("{ __typename }", json).await.unwrap();
    assert_eq!(small.headers().get("content-encoding"), None);
    let follow = "subscription { claimEvents(after: \"\") { claimId seq type recordedAt cursor } }";
    let stream = post(follow, "text/event-stream").await.unwrap();
    assert_eq!(stream.headers().get("content-encoding"), None);
    assert_eq!(stream.headers()["cache-control"], "no-store");
    drop(stream);
    let style = browser
        .get(server.url("/console.css"))
        .send()
        .await
        .unwrap();
    let tag = style.headers()["etag"].clone();
    let again = browser
        .get(server.url("/console.css"))
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status().as_u16(), 304);
}

/// Failure 34: each key changes what is allowed.
#[tokio::test]
async fn the_keys_of_the_guard_are_read() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let claims = "{ claims(first: 100) { nodes { id } } }";
    let schema = "{ __schema { queryType { name } } }";
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();

    let server = Server::start(&place, &["serve"]);
    let client = Client::sign_in(&server, "office.zhao").await;
    let answer = client.query(claims, json!({})).await;
    let cost = json!({ "max": 10_000, "refillPerSecond": 200 });
    let bucket = &answer["extensions"]["cost"]["bucket"];
    assert_eq!(bucket["max"], cost["max"]);
    assert_eq!(bucket["refillPerSecond"], cost["refillPerSecond"]);
    let anonymous = Client::anonymous(&server);
    assert_eq!(
        code(&anonymous.query(schema, json!({})).await),
        "UNAUTHENTICATED"
    );
    drop(server);

    let keys = [
        ("FANGPIN_COST_MAX", "100"),
        ("FANGPIN_COST_BUDGET", "110"),
        ("FANGPIN_COST_REFILL", "1"),
        ("FANGPIN_INTROSPECTION", "open"),
    ];
    let server = Server::start_with(&place, &["serve"], &keys);
    let client = Client::sign_in(&server, "office.zhao").await;
    let answer = client.query(claims, json!({})).await;
    assert_eq!(code(&answer), "DOCUMENT_TOO_COMPLEX");
    assert_eq!(answer["errors"][0]["extensions"]["limit"], "cost");
    let fifty = "{ claims(first: 50) { nodes { id } } }";
    let answer = client.query(fifty, json!({})).await;
    let bucket = &answer["extensions"]["cost"]["bucket"];
    assert_eq!(
        (&bucket["max"], &bucket["refillPerSecond"]),
        (&json!(110), &json!(1))
    );
    let mut last = Value::Null;
    for _ in 0..10 {
        last = client.query(fifty, json!({})).await;
    }
    assert_eq!(code(&last), "RATE_LIMITED");
    let anonymous = Client::anonymous(&server);
    let answer = anonymous.query(schema, json!({})).await;
    assert_eq!(
        code(&answer),
        "DOCUMENT_TOO_COMPLEX",
        "it costs 500: {answer}"
    );
    drop(server);
    let server = Server::start_with(&place, &["serve"], &[("FANGPIN_INTROSPECTION", "open")]);
    let answer = Client::anonymous(&server).query(schema, json!({})).await;
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    drop(server);

    let wrong = [
        ("FANGPIN_COST_MAX", "5"),
        ("FANGPIN_COST_REFILL", "none"),
        ("FANGPIN_INTROSPECTION", "closed"),
        ("FANGPIN_HEALTH_LISTEN", "here"),
    ];
    let output = place.fangpin(&["config"]).output().unwrap();
    let listed = both(&output);
    let output = place.fangpin(&["serve"]).envs(wrong).output().unwrap();
    let told = both(&output);
    assert!(!output.status.success());
    for (key, _) in wrong {
        assert!(told.contains(key), "{key}: {told}");
        let key = key.trim_start_matches("FANGPIN_").to_lowercase();
        assert!(listed.contains(&key), "{key}: {listed}");
    }
}

/// Where a request comes from, and by which way, is what the server saw, or its own proxy: whatever else a
/// client writes there counts for nothing.
#[tokio::test]
async fn an_address_is_not_what_a_client_says() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let budget = [
        ("FANGPIN_COST_MAX", "100"),
        ("FANGPIN_COST_BUDGET", "110"),
        ("FANGPIN_COST_REFILL", "1"),
    ];
    let proxied = [&budget[..], &[("FANGPIN_BEHIND_PROXY", "true")]].concat();
    for (keys, before, cookie) in [
        (&budget[..], "", "fangpin_session="),
        (&proxied[..], "198.51.100.", "__Host-fangpin_session="),
    ] {
        let server = Server::start_with(&place, &["serve"], keys);
        // Somebody who has not signed in pays from the address; each attempt costs about a tenth.
        let attempt = async |number: usize, forwarded: &str| {
            let query = "mutation($i: LogInInput!) { logIn(input: $i) { token } }";
            let input = json!({ "login": format!("nobody.{number}"), "password": "x" });
            let request = http()
                .post(server.url("/graphql"))
                .header("accept", "application/graphql-response+json")
                .header("x-forwarded-for", forwarded)
                .header("x-fangpin-address", forwarded)
                .json(&json!({ "query": query, "variables": { "i": input } }));
            request.send().await.unwrap().status().as_u16()
        };
        let mut last = 0;
        for number in 0..15 {
            let forwarded = if before.is_empty() {
                format!("203.0.113.{number}")
            } else {
                format!("{before}{number}, 203.0.113.1")
            };
            last = attempt(number, &forwarded).await;
        }
        assert_eq!(last, 429, "{before}");
        let other = attempt(15, "203.0.113.99").await;
        assert_eq!(other, if before.is_empty() { 429 } else { 200 });

        let entered = http()
            .post(server.url("/login"))
            .header("origin", format!("http://{}", server.address))
            .header("x-forwarded-proto", "https")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("login=office.zhao&password=fangpin-demo-2020&next=/account");
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let entered = client.execute(entered.build().unwrap()).await.unwrap();
        let given = entered.headers()["set-cookie"].to_str().unwrap();
        assert!(given.starts_with(cookie), "{given}");
    }
}
