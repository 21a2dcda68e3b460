//! What bounds an answer, over real HTTP: its size, its time, a queue that is full, a database that is away. Each is
//! told in GraphQL's form with a status, and health requests are answered meanwhile.

use super::key;
use crate::support::{Client, Held, Place, Server, http, psql, run};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLAIMS: &str = "{ claims(first: 1) { nodes { id version } } }";

/// The sample county's server, with a listener for health of its own.
fn start(place: &Place, more: &[(&str, &str)]) -> (Server, String) {
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let mut keys = vec![
        ("FANGPIN_HEALTH_LISTEN", "127.0.0.1:0"),
        ("FANGPIN_LOG", "info"),
        ("FANGPIN_LOG_FORMAT", "json"),
    ];
    keys.extend(more);
    let mut server = Server::start_with(place, &["serve"], &keys);
    let line: Value = serde_json::from_str(&server.hear("\"health\"")).unwrap();
    let health = line["fields"]["address"].as_str().unwrap().to_owned();
    (server, health)
}

async fn post(url: &str, token: &str, query: &str, variables: Value) -> reqwest::Result<Response> {
    http()
        .post(url)
        .bearer_auth(token)
        .header("accept", "application/graphql-response+json")
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await
}

/// Status, `Retry-After`, body; its media type is GraphQL's.
async fn told(response: Response) -> (StatusCode, Option<String>, Value) {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let media = headers
        .get("content-type")
        .map(|it| it.to_str().unwrap().to_owned());
    let graphql = "application/graphql-response+json; charset=utf-8";
    assert_eq!(media.as_deref(), Some(graphql), "{status} {text}");
    assert_eq!(headers["cache-control"], "no-store");
    let wait = headers
        .get("retry-after")
        .map(|it| it.to_str().unwrap().to_owned());
    (status, wait, serde_json::from_str(&text).unwrap())
}

fn code(answer: &Value) -> &str {
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    code.unwrap_or_else(|| panic!("{answer}"))
}

/// Health requests are answered on both listeners within two seconds.
async fn healthy(server: &Server, health: &str) {
    for url in [
        server.url("/readyz"),
        format!("http://{health}/readyz"),
        format!("http://{health}/healthz"),
    ] {
        let asked = http()
            .get(&url)
            .timeout(Duration::from_secs(2))
            .send()
            .await
            .unwrap();
        assert_eq!(asked.status(), 200, "{url}");
    }
}

/// An answer above 4 MiB is not sent, though its document passes the guard: the same long name, many times.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_at_most_four_mebibytes() {
    let place = Place::sqlite();
    let (server, health) = start(&place, &[]);
    let client = Client::sign_in(&server, "smz.wang").await;
    let schemes = client.ask("office/Schemes", json!({})).await;
    let (name, id_number) = ("长".repeat(500), crate::journeys::bulk::id_number(1));
    let line = json!({
        "lineNo": 1, "villageCode": "130302105201", "headName": name, "headIdNumber": id_number, "kind": "脱贫不稳定户",
        "persons": 3, "insuredName": name, "insuredIdNumber": id_number, "relation": "户主", "peril": "ILLNESS",
        "eventOn": "2020-05-20", "submittedFen": "4000000", "decidedOn": "2020-05-28", "document": "决议",
        "payeeName": name, "bank": "某银行", "account": "6228480000000000011",
    });
    let scheme = &schemes["data"]["schemes"]["nodes"][0]["id"];
    let input = json!({ "batchKey": key(), "schemeId": scheme, "lines": [line] });
    let referred = client
        .ask("office/ReferBatch", json!({ "input": input }))
        .await;
    let id = &referred["data"]["referBatch"]["lines"][0]["claim"]["id"];
    assert!(id.is_string(), "{referred}");
    let query = |roots: usize| {
        let mut query = "query($ids: [ID!]!) {".to_owned();
        for root in 0..roots {
            let _ = write!(query, " n{root}: nodes(ids: $ids) {{ ...Names }}");
        }
        query += " } fragment Names on Claim { household {";
        for copy in 0..20 {
            let _ = write!(query, " h{copy}: headName");
        }
        query + " } }"
    };
    let ids = json!({ "ids": vec![id.clone(); 50] });
    let ask = async |roots: usize| {
        let (url, query) = (server.url("/graphql"), query(roots));
        let answer = post(&url, client.token(), &query, ids.clone()).await;
        told(answer.unwrap()).await
    };
    let (status, _, below) = ask(2).await;
    let bytes = below.to_string().len();
    assert_eq!((status, below.get("errors")), (StatusCode::OK, None));
    assert!((3_000_000..4 << 20).contains(&bytes), "{bytes}");
    let (status, wait, above) = ask(3).await;
    assert_eq!(
        (status, wait, code(&above)),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            None,
            "RESPONSE_TOO_LARGE"
        )
    );
    assert_eq!(
        (
            above.get("data"),
            &above["errors"][0]["extensions"]["retryable"]
        ),
        (None, &json!(false))
    );
    healthy(&server, &health).await;
    // As a stream of one event it is bounded as well.
    let streamed = http()
        .post(server.url("/graphql"))
        .bearer_auth(client.token())
        .header("accept", "text/event-stream")
        .json(&json!({ "query": query(3), "variables": ids }))
        .send()
        .await
        .unwrap();
    let streamed = streamed.text().await.unwrap();
    assert!(streamed.len() < 2_048, "{} bytes", streamed.len());
    assert!(streamed.contains("RESPONSE_TOO_LARGE"), "{streamed}");
}

/// A query that waits for the database is given up after fifteen seconds; a mutation may still be done, and sent again
/// with its key it tells what came of it.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "when an answer comes is what is tested"
)]
async fn an_answer_comes_within_fifteen_seconds() {
    let place = Place::postgres();
    let (server, health) = start(&place, &[]);
    let url = server.url("/graphql");
    let office = Client::sign_in(&server, "office.zhao").await;
    let township = Client::sign_in(&server, "smz.wang").await;
    let claim = super::drafted(&township, 1).await;
    let refer = "mutation($input: ReferCaseInput!) { referCase(input: $input) { claim { status } userErrors { code } } }";
    let input = json!({ "input": { "idempotencyKey": key(), "claimId": claim["id"], "expectedVersion": claim["version"] } });
    let held = Held::by(
        place.url.as_ref().unwrap(),
        "LOCK TABLE claim IN ACCESS EXCLUSIVE MODE",
    );
    let began = Instant::now();
    let asked = tokio::spawn({
        let (url, token) = (url.clone(), office.token().to_owned());
        async move { told(post(&url, &token, CLAIMS, json!({})).await.unwrap()).await }
    });
    let done = tokio::spawn({
        let (url, token, input) = (url.clone(), township.token().to_owned(), input.clone());
        async move { told(post(&url, &token, refer, input).await.unwrap()).await }
    });
    while !asked.is_finished() {
        healthy(&server, &health).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let took = began.elapsed();
    let (status, wait, answer) = asked.await.unwrap();
    assert_eq!(
        (status, wait.as_deref(), code(&answer)),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Some("1"),
            "DEADLINE_EXCEEDED"
        )
    );
    assert_eq!(
        (
            answer.get("data"),
            &answer["errors"][0]["extensions"]["retryable"]
        ),
        (Some(&Value::Null), &json!(true))
    );
    assert!(
        took >= Duration::from_secs(14) && took < Duration::from_secs(20),
        "{took:?}"
    );
    let (status, _, answer) = done.await.unwrap();
    assert_eq!(
        (status, code(&answer)),
        (StatusCode::OK, "OUTCOME_UNKNOWN"),
        "{answer}"
    );
    drop(held);
    let (status, _, again) = told(post(&url, township.token(), refer, input).await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        again["data"]["referCase"]["claim"]["status"], "REFERRED",
        "{again}"
    );
    assert_eq!(
        again["extensions"]["idempotentReplay"], true,
        "it was done: {again}"
    );
}

/// More commands than may wait: the next one is refused with 503, at once; what waits is done all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how long it may take is bounded")]
async fn a_full_queue_is_told_at_once() {
    let place = Place::postgres();
    let (server, health) = start(&place, &[("FANGPIN_COST_BUDGET", "100000000")]);
    let url = server.url("/graphql");
    let client = Client::sign_in(&server, "smz.wang").await;
    let claim = super::drafted(&client, 1).await;
    let id = claim["id"].as_str().unwrap();
    let refer = "mutation($input: ReferCaseInput!) { referCase(input: $input) { claim { status } userErrors { code } } }";
    let input = |id: &str| json!({ "input": { "idempotencyKey": key(), "claimId": id, "expectedVersion": claim["version"] } });
    let held = Held::by(
        place.url.as_ref().unwrap(),
        "SELECT 1 FROM county_head FOR UPDATE",
    );
    // Who waits has hung up meanwhile: its command stays in the queue.
    let slots = Arc::new(tokio::sync::Semaphore::new(128));
    let mut senders = tokio::task::JoinSet::new();
    let browser = reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let began = Instant::now();
    let mut refused = None;
    let mut sent = 0;
    while refused.is_none() {
        assert!(
            began.elapsed() < Duration::from_mins(4),
            "{sent} commands and none refused"
        );
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        // Each about a claim of its own, so that many fit into a round later.
        let elsewhere = format!("{}{sent:08x}", &id[..id.len() - 8]);
        let request = browser
            .post(&url)
            .bearer_auth(client.token())
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": refer, "variables": input(&elsewhere) }));
        senders.spawn(async move {
            let answer = request.send().await;
            drop(slot);
            answer.ok()
        });
        sent += 1;
        while let Some(answer) = senders.try_join_next() {
            refused = refused.or(answer.unwrap());
        }
    }
    let (status, wait, answer) = told(refused.unwrap()).await;
    assert_eq!(
        (status, wait.as_deref(), code(&answer)),
        (StatusCode::SERVICE_UNAVAILABLE, Some("1"), "OVERLOADED"),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["extensions"]["retryable"], true);
    assert!(sent > 4_096, "{sent}");
    println!("{sent} commands in {:?}, then refused", began.elapsed());
    // Reads go on.
    let read = told(post(&url, client.token(), CLAIMS, json!({})).await.unwrap()).await;
    assert_eq!((read.0, read.2.get("errors")), (StatusCode::OK, None));
    healthy(&server, &health).await;
    drop(held);
    // The refused command goes through once there is room, and acts once.
    let own = input(id);
    let done = async {
        loop {
            let response = post(&url, client.token(), refer, own.clone()).await;
            let (_, _, answer) = told(response.unwrap()).await;
            if answer.get("errors").is_none() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_mins(2), done).await;
    let answer = answer.expect("it goes on");
    assert_eq!(
        answer["data"]["referCase"]["claim"]["status"], "REFERRED",
        "{answer}"
    );
}

/// The database is away: 503 before anything is executed; health says so on both listeners; it comes back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_told_and_comes_back() {
    let place = Place::postgres();
    let (server, health) = start(&place, &[]);
    let (url, database) = (server.url("/graphql"), place.url.clone().unwrap());
    let client = Client::sign_in(&server, "smz.wang").await;
    let (base, name) = database.rsplit_once('/').unwrap();
    let super_user = format!("{base}/postgres");
    psql(
        &super_user,
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
    );
    psql(
        &super_user,
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    );
    // A caller is remembered for 0.9 seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (status, wait, answer) =
        told(post(&url, client.token(), CLAIMS, json!({})).await.unwrap()).await;
    assert_eq!(
        (status, wait.as_deref(), code(&answer)),
        (StatusCode::SERVICE_UNAVAILABLE, Some("1"), "INTERNAL"),
        "{answer}"
    );
    assert_eq!(answer.get("data"), None);
    assert!(!answer.to_string().contains(name), "{answer}");
    for (url, status) in [
        (server.url("/readyz"), 503),
        (format!("http://{health}/readyz"), 503),
        (format!("http://{health}/healthz"), 200),
    ] {
        assert_eq!(
            http().get(&url).send().await.unwrap().status(),
            status,
            "{url}"
        );
    }
    psql(
        &super_user,
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
    );
    let (status, _, answer) =
        told(post(&url, client.token(), CLAIMS, json!({})).await.unwrap()).await;
    assert_eq!(
        (status, answer.get("errors")),
        (StatusCode::OK, None),
        "{answer}"
    );
    healthy(&server, &health).await;
}
