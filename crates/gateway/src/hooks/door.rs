//! `POST /hooks/v1/{connector}`: a message of a bank's or an insurer's system, after the Standard Webhooks
//! specification. 202 once it is kept, the first time and every time again; 401 for a signature that fits no key, and for a
//! connector that does not exist; 400 for what is stale or malformed; 429 for an address that sends more than its budget.

use crate::door;
use crate::node_id::{self, Kind};
use crate::service::Gate;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use engine::hooks::inbox::{Incoming, Untaken};
use engine::hooks::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use engine::limits::HOOK_BODY_BYTES_MAX;
use serde_json::json;
use std::sync::Arc;

/// What a message costs its address: as much as a query that looks up as many rows. By the standing allowance 1,000 messages
/// at once and 20 a second.
const COST: u32 = 10;

/// The route.
pub fn routes(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/hooks/v1/{connector}", post(receive))
        .layer(DefaultBodyLimit::max(HOOK_BODY_BYTES_MAX))
        .with_state(gate)
}

fn refused(status: StatusCode, message: &'static str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

fn later(status: StatusCode, seconds: u64, message: &'static str) -> Response {
    ([(RETRY_AFTER, seconds)], refused(status, message)).into_response()
}

async fn receive(
    State(gate): State<Arc<Gate>>,
    Path(connector): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if let Err(seconds) = gate.charge(door::address(&headers), COST) {
        let said = "too many messages: send it again after Retry-After";
        return later(StatusCode::TOO_MANY_REQUESTS, seconds, said);
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        }
        Err(_) => return refused(StatusCode::BAD_REQUEST, "the body broke off"),
    };
    let header = |name| {
        let value = headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    };
    let incoming = Incoming {
        id: header(ID_HEADER),
        timestamp: header(TIMESTAMP_HEADER),
        signature: header(SIGNATURE_HEADER),
        body: &body,
    };
    match gate.office.desk.receive_from(&connector, incoming).await {
        Ok(Ok(taken)) => {
            let id = node_id::encode(Kind::Message, taken.message.id);
            let body = json!({ "id": id.as_str(), "again": taken.again });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Ok(Err(Untaken::Forged)) => refused(
            StatusCode::UNAUTHORIZED,
            "the signature fits no key of this connector",
        ),
        Ok(Err(Untaken::Stale)) => refused(
            StatusCode::BAD_REQUEST,
            "webhook-timestamp is more than five minutes from now: sign the message anew",
        ),
        Ok(Err(Untaken::Malformed)) => refused(
            StatusCode::BAD_REQUEST,
            "webhook-id, webhook-timestamp or the body are not what they must be",
        ),
        Err(fault) => {
            tracing::error!(%fault, "keeping a message");
            later(StatusCode::SERVICE_UNAVAILABLE, 5, "send it again")
        }
    }
}
