//! The corpus of hostile requests: each is refused by the limit that is meant, at once, with a small
//! answer.

use super::hostile::families;
use super::{Wire, hostile};
use axum::body::Body;
use axum::http::Request;
use engine::testkit::world::Role;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a refusal may cost; a build without optimisation is given more.
const CPU_MAX: Duration = if cfg!(debug_assertions) {
    Duration::from_millis(100)
} else {
    Duration::from_millis(10)
};
const ANSWER_BYTES_MAX: usize = 2_048;

fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(spent).unwrap()
}

fn request(family: &hostile::Family) -> Request<Body> {
    Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "application/graphql-response+json")
        .header("authorization", format!("Bearer {}", Role::Handler.token()))
        .body(Body::from(family.body.clone()))
        .unwrap()
}

#[tokio::test]
async fn every_hostile_request_is_refused_at_once() {
    let wire = Wire::open().await;
    let names: BTreeSet<_> = families().iter().map(|family| family.name).collect();
    assert_eq!(names.len(), families().len(), "a family stands twice");
    assert!(names.len() >= 40, "{}", names.len());
    let mut wrong = Vec::new();
    println!("| family | bytes | refused by | CPU us | answer bytes |");
    println!("|---|---|---|---|---|");
    for family in families() {
        // The best of a few: a stolen time slice is not what is measured.
        let mut took = Duration::MAX;
        let mut seen = (String::new(), 0);
        for _ in 0..3 {
            let request = request(&family);
            let before = cpu();
            let reply = wire.send(request).await;
            took = took.min(cpu().checked_sub(before).unwrap());
            let limit = reply.body["errors"][0]["extensions"]["limit"].as_str();
            let by = limit.unwrap_or(reply.code()).to_owned();
            seen = (by, reply.body.to_string().len());
            if reply.status.is_success() || !reply.body["data"].is_null() {
                wrong.push(format!("{}: {} {}", family.name, reply.status, reply.body));
            }
        }
        let (by, answer) = seen;
        println!(
            "| {} | {} | {by} | {} | {answer} |",
            family.name,
            family.body.len(),
            took.as_micros()
        );
        if by != family.refused_by {
            wrong.push(format!(
                "{}: by {by}, not {}",
                family.name, family.refused_by
            ));
        }
        if took > CPU_MAX || answer > ANSWER_BYTES_MAX {
            wrong.push(format!("{}: {took:?}, {answer} bytes", family.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
