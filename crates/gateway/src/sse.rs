//! GraphQL over server-sent events, in distinct connections: one operation, one stream.
//!
//! `next` carries a result, with the cursor as the event's id, so that `Last-Event-ID` takes the
//! stream up again; `complete` ends it. A stream that ends without it was cut off.

use crate::feed::HEARTBEAT;
use crate::service::{Gate, Job};
use async_graphql::Response as Answer;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

type Answers = Pin<Box<dyn Stream<Item = (Answer, Option<String>)> + Send>>;

/// Where a stream stands.
enum Place {
    Open(Answers, watch::Receiver<bool>),
    Closed,
}

/// The stream of an operation.
pub fn respond(gate: &Arc<Gate>, job: Job) -> Response {
    let answers: Answers = Box::pin(gate.stream(job));
    let open = Place::Open(answers, gate.stopped.clone());
    let frames = futures_util::stream::unfold(open, async |place| {
        let Place::Open(mut answers, mut stopped) = place else {
            return None;
        };
        let (frame, place) = tokio::select! {
            answer = answers.next() => match answer {
                Some((answer, cursor)) => (next(&answer, cursor)?, Place::Open(answers, stopped)),
                // The data line is empty, but there: a browser drops an event without one.
                None => ("event: complete\ndata:\n\n".to_owned(), Place::Closed),
            },
            () = tokio::time::sleep(HEARTBEAT) => (":\n\n".to_owned(), Place::Open(answers, stopped)),
            // The server stops: the client comes back with its cursor.
            _ = stopped.wait_for(|stopped| *stopped) => return None,
        };
        Some((Ok::<_, Infallible>(Bytes::from(frame)), place))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(frames)).into_response()
}

/// JSON holds no line break, so a result is one line of data.
fn next(answer: &Answer, cursor: Option<String>) -> Option<String> {
    let json = serde_json::to_string(answer).ok()?;
    let id = cursor.map_or_else(String::new, |cursor| format!("id: {cursor}\n"));
    Some(format!("event: next\n{id}data: {json}\n\n"))
}
