//! GraphQL over server-sent events, in distinct connections: one operation, one stream.
//!
//! `next` carries a result, with the cursor as the event's id, so that `Last-Event-ID` takes the
//! stream up again; `complete` ends it. A stream that ends without it was cut off.

use crate::feed::HEARTBEAT;
use crate::service::{Gate, Job, bounded_json, until_stopped};
use async_graphql::Response as Answer;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;
type Answers = Pin<Box<dyn Stream<Item = (Answer, Option<String>)> + Send>>;

/// Where a stream stands.
enum Place {
    Open(Answers, Stopping),
    Closed,
}

/// The stream of an operation.
pub fn respond(gate: &Arc<Gate>, job: Job) -> Response {
    let answers: Answers = Box::pin(gate.stream(job));
    let open = Place::Open(answers, Box::pin(until_stopped(gate.stopped.clone())));
    let frames = futures_util::stream::unfold(open, async |place| {
        let Place::Open(mut answers, mut stopped) = place else {
            return None;
        };
        let frame = tokio::select! {
            answer = answers.next() => {
                let Some((answer, cursor)) = answer else {
                    // The data line is empty, but there: a browser drops an event without one.
                    let complete = Bytes::from_static(b"event: complete\ndata:\n\n");
                    return Some((Ok(complete), Place::Closed));
                };
                next(&answer, cursor)?
            }
            () = tokio::time::sleep(HEARTBEAT) => ":\n\n".to_owned(),
            // The server stops: the client comes back with its cursor.
            () = &mut stopped => return None,
        };
        let place = Place::Open(answers, stopped);
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
    let json = bounded_json(answer).ok()?;
    let id = cursor.map_or_else(String::new, |cursor| format!("id: {cursor}\n"));
    Some(format!("event: next\n{id}data: {json}\n\n"))
}
