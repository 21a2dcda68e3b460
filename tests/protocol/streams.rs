//! What README says of streams and sockets that stay open: signs of life, the end when the server stops, going on
//! elsewhere, seats.

use super::{Follower, Two, drafted, moved};
use crate::support::{Client, Place, Server, http, node, run};
use reqwest::Response;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};

const FOLLOW: &str = "subscription($after: String) { claimEvents(after: $after) { claimId seq type recordedAt cursor } }";

async fn stream(server: &Server, token: &str, after: &str) -> Response {
    http()
        .post(server.url("/graphql"))
        .bearer_auth(token)
        .header("accept", "text/event-stream")
        .json(&json!({ "query": FOLLOW, "variables": { "after": after } }))
        .send()
        .await
        .unwrap()
}

/// The next event of a stream; `None` where it ends as a stream ends, and not as one that was torn off.
async fn event(stream: &mut Response, heard: &mut String) -> Option<Value> {
    loop {
        while let Some((frame, rest)) = heard.clone().split_once("\n\n") {
            let data = frame.lines().find_map(|it| it.strip_prefix("data: "));
            let data = data.map(|it| serde_json::from_str::<Value>(it).unwrap());
            rest.clone_into(heard);
            if let Some(data) = data {
                return Some(data["data"]["claimEvents"].clone());
            }
        }
        let more = stream.chunk().await.expect("a clean end")?;
        heard.push_str(std::str::from_utf8(&more).unwrap());
    }
}

/// A sign of life every fifteen seconds, on both transports, so that no proxy takes them for dead.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "after how long a sign of life comes is what is tested"
)]
async fn streams_and_sockets_show_signs_of_life() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start(&place, &["serve"]);
    let client = Client::sign_in(&server, "smz.wang").await;
    let socket = node("protocol", "beat.js")
        .args([&server.url("/graphql"), client.token()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lawful = Duration::from_secs(14)..Duration::from_secs(20);
    let mut response = http()
        .post(server.url("/graphql"))
        .bearer_auth(client.token())
        .header("accept", "text/event-stream")
        .json(&json!({ "query": "subscription { claimEvents { seq } }" }))
        .send()
        .await
        .unwrap();
    let began = Instant::now();
    let sign = response.chunk().await.unwrap().unwrap();
    let took = began.elapsed();
    assert_eq!(&sign[..], b":\n\n", "a comment, which is no event");
    assert!(lawful.contains(&took), "{took:?}");
    let output = socket.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let millis = said.trim().parse();
    let pinged = Duration::from_millis(millis.unwrap_or_else(|_| panic!("{said}")));
    assert!(lawful.contains(&pinged), "{pinged:?}");
    println!("a stream's sign of life after {took:?}, a socket's after {pinged:?}");
}

/// SIGTERM closes sockets with 1001 and ends streams cleanly, without `complete`; with the last cursor another
/// process tells what happened meanwhile, once and in order.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "how long the server takes to stop is what is tested"
)]
async fn a_stopping_server_hands_its_followers_over() {
    let Two { place, one, other } = Two::on(Place::postgres());
    let township = Client::sign_in(&other, "smz.wang").await;
    let insurer = Client::sign_in(&other, "ins.sun").await;
    let start = township.query("{ claimEventCursor }", json!({})).await;
    let start = start["data"]["claimEventCursor"].as_str().unwrap();
    let socket = Follower::start("ws", &one, township.token(), start);
    let mut heard = String::new();
    let mut open = stream(&one, township.token(), start).await;
    let mut claim = drafted(&township, 1).await;
    claim = moved(&township, "referCase", &claim, None).await;
    let mut last = Value::Null;
    for seq in 1..=2 {
        last = socket.next();
        assert_eq!(last["seq"], seq, "{last}");
        assert_eq!(event(&mut open, &mut heard).await.as_ref(), Some(&last));
    }
    let began = Instant::now();
    let (status, said) = one.terminate();
    let took = began.elapsed();
    assert!(status.success(), "{status} {said:?}");
    assert!(
        took < Duration::from_secs(8),
        "{took:?}: it waited for them"
    );
    assert_eq!(socket.next()["ended"], 1001);
    let end = event(&mut open, &mut heard).await;
    assert_eq!((end, heard.contains("complete")), (None, false));
    moved(&insurer, "acceptReferral", &claim, None).await;
    let cursor = last["cursor"].as_str().unwrap();
    for transport in ["sse", "ws"] {
        let follower = Follower::start(transport, &other, township.token(), cursor);
        let next = follower.next();
        assert_eq!(
            (&next["seq"], &next["type"]),
            (&json!(3), &json!("REFERRAL_ACCEPTED"))
        );
        assert_eq!(follower.silence(), None);
    }
    drop(place);
}

/// Five subscriptions an account on each process, whatever carries them; the sixth is told to wait.
#[tokio::test(flavor = "multi_thread")]
async fn seats_are_an_accounts_on_each_process() {
    let two = Two::on(Place::postgres());
    let client = Client::sign_in(&two.one, "smz.wang").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(stream(&two.one, client.token(), "").await);
        assert_eq!(open.last().unwrap().status(), 200);
    }
    let sixth = stream(&two.one, client.token(), "").await;
    assert_eq!(
        (sixth.status().as_u16(), &sixth.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    let told: Value = sixth.json().await.unwrap();
    let code = &told["errors"][0]["extensions"]["code"];
    assert_eq!(
        (code, told.get("data")),
        (&json!("TOO_MANY_SUBSCRIPTIONS"), None)
    );
    let follower = Follower::start("ws", &two.one, client.token(), "");
    assert!(
        follower
            .next()
            .to_string()
            .contains("TOO_MANY_SUBSCRIPTIONS")
    );
    assert_eq!(stream(&two.other, client.token(), "").await.status(), 200);
    let colleague = Client::sign_in(&two.one, "zcy.li").await;
    assert_eq!(stream(&two.one, colleague.token(), "").await.status(), 200);
    // Whoever hangs up leaves the seat, as soon as the server has noticed.
    open.pop();
    let freed = async {
        while stream(&two.one, client.token(), "").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), freed).await;
    waited.expect("the seat is free again");
}
