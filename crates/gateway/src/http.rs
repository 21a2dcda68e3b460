//! GraphQL over HTTP: methods, media types, status codes. Our own thin layer, because the customary
//! one runs mutations over GET and `text/plain`, ignores body limits and takes batches.

use crate::door::{self, Way};
use crate::errors::{ErrorCode, code_of};
use crate::guard;
use crate::messages::{Language, weight};
use crate::service::{
    Gate, Job, Params, RESPONSE_BYTES_MAX, Refused, Settings, TOO_LARGE, Telling, Told,
    bound_refusal, wait_of,
};
use crate::{socket, sse};
use async_graphql::ServerError;
use async_graphql::parser::types::OperationType;
use async_graphql_axum::GraphQLResponse;
use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, UPGRADE, VARY, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::access::Office;
use engine::ids;
use engine::limits::BODY_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters of a request id, or of a `Last-Event-ID`, that is taken over.
const REQUEST_ID_CHARS_MAX: usize = 64;

type Shared = State<Arc<Gate>>;

/// The gateway: `POST /graphql`, `GET` for queries and streams, and the socket.
pub fn router(office: Office, settings: Settings) -> Router {
    let exports = crate::export::routes(office.clone());
    let gate = Arc::new(Gate::new(office, settings));
    Router::new()
        .route("/graphql", get(by_get).post(by_post).fallback(by_other))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(&gate))
        .merge(exports)
        .merge(crate::hooks::routes(gate))
}

/// A request in a query string, where variables are JSON text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlParams {
    query: String,
    operation_name: Option<String>,
    variables: Option<String>,
}

/// The media types an answer can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    /// `application/graphql-response+json`: the status code tells what happened.
    GraphQl,
    /// `application/json`: 200 for every well-formed request.
    Json,
}

impl Media {
    const fn content_type(self) -> &'static str {
        match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// What the client accepts; `None` if we can send none of it. A tie goes to the newer type,
    /// `*/*` and no header at all to plain JSON.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let mut best: Option<(u16, u8, Self)> = None;
        let ranges = values.filter_map(|value| value.to_str().ok());
        for range in ranges.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let (rank, media) = match parts.next().map(str::to_ascii_lowercase).as_deref() {
                Some("application/graphql-response+json") => (2, Self::GraphQl),
                Some("application/json") => (1, Self::Json),
                Some("application/*" | "*/*") => (0, Self::Json),
                Some(_) | None => continue,
            };
            let q = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1_000, weight);
            if q > 0 && best.is_none_or(|(found, found_rank, _)| (q, rank) > (found, found_rank)) {
                best = Some((q, rank, media));
            }
        }
        best.map(|(_, _, media)| media)
    }
}

/// Whether a client accepts server-sent events; it must say so.
fn accepts_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let ranges = values.filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().unwrap_or_default();
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| weight(q) == 0));
        named.eq_ignore_ascii_case("text/event-stream") && !refused
    })
}

/// The headers of a request that matter here.
struct Reception {
    media: Media,
    /// Whether the client accepts server-sent events, and whether nothing else that we send.
    events: bool,
    only_events: bool,
    language: Language,
    request_id: String,
    after: Option<String>,
}

impl Reception {
    /// A client that accepts nothing of what we send is refused, in JSON.
    fn of(headers: &HeaderMap) -> Result<Self, Box<Response>> {
        let short = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value
                .filter(|text| !text.is_empty() && text.len() <= REQUEST_ID_CHARS_MAX)
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
                .map(str::to_owned)
        };
        let media = Media::accepted(headers);
        let events = accepts_events(headers);
        let reception = Self {
            // Who accepts events only reads status codes.
            media: media.unwrap_or(if events { Media::GraphQl } else { Media::Json }),
            events,
            only_events: events && media.is_none(),
            language: Language::of(headers),
            request_id: short("x-request-id").unwrap_or_else(|| ids::fresh().to_string()),
            after: short("last-event-id"),
        };
        if media.is_none() && !events {
            return Err(Box::new(not_acceptable(&reception)));
        }
        Ok(reception)
    }

    /// A refusal before execution: no `data` key.
    fn refuse(&self, refused: Refused) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            errors: &'a [ServerError],
        }
        let Refused {
            status,
            mut errors,
            well_formed,
            retry_after,
        } = refused;
        bound_refusal(&mut errors, &self.request_id);
        let status = match self.media {
            // An older client reads 200 for every request that was well formed.
            Media::Json if well_formed => StatusCode::OK,
            Media::Json | Media::GraphQl => status,
        };
        let mut response = self.respond(status, &Body { errors: &errors });
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn refuse_with(&self, status: StatusCode, code: ErrorCode, message: &'static str) -> Response {
        self.refuse(Refused::new(status, code, message))
    }

    fn respond(&self, status: StatusCode, body: &impl Serialize) -> Response {
        match serde_json::to_vec(body) {
            Ok(body) => self.dress((status, body).into_response()),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Puts the headers of every answer on a response.
    fn dress(&self, mut response: Response) -> Response {
        for (name, value) in [
            (CONTENT_TYPE, self.media.content_type()),
            (CACHE_CONTROL, "no-store"),
            (VARY, "accept, accept-language"),
        ] {
            response = with_header(response, name, value);
        }
        response
    }

    fn telling(&self, by_get: bool) -> Telling {
        Telling {
            language: self.language,
            request_id: self.request_id.clone(),
            by_get,
            after: self.after.clone(),
        }
    }
}

fn with_header(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    response
}

async fn by_post(
    State(gate): Shared,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let reception = match Reception::of(&headers) {
        Ok(reception) => reception,
        Err(refusal) => return *refusal,
    };
    if !is_json(&headers) {
        return reception.refuse_with(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::UnsupportedMediaType,
            "send application/json in UTF-8",
        );
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return reception.refuse_with(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::PayloadTooLarge,
                "the body is too large",
            );
        }
        Err(_) => return malformed(&reception, "the body could not be read"),
    };
    // A list would be read field by field; batches are refused.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return malformed(
            &reception,
            "the body is one JSON object; batches are refused",
        );
    }
    if let Err(refusal) = guard::scan_body(&body) {
        return reception.refuse(refusal.into());
    }
    match serde_json::from_slice::<Params>(&body) {
        Ok(params) => serve(&gate, &reception, &headers, params, false).await,
        Err(_) => malformed(&reception, "the body is not a GraphQL request"),
    }
}

async fn by_get(
    State(gate): Shared,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    params: Result<Query<UrlParams>, QueryRejection>,
) -> Response {
    if headers.contains_key(UPGRADE) {
        return by_socket(gate, &headers, upgrade).await;
    }
    let reception = match Reception::of(&headers) {
        Ok(reception) => reception,
        Err(refusal) => return *refusal,
    };
    let Ok(Query(params)) = params else {
        return malformed(&reception, "the query string is not a GraphQL request");
    };
    let UrlParams {
        query,
        operation_name,
        variables,
    } = params;
    if let Some(variables) = &variables
        && let Err(refusal) = guard::scan_body(variables.as_bytes())
    {
        return reception.refuse(refusal.into());
    }
    let variables = variables
        .map(|text| serde_json::from_str(&text))
        .transpose();
    let Ok(variables) = variables else {
        return malformed(&reception, "variables are not a JSON object");
    };
    let params = Params {
        query,
        operation_name,
        variables,
        _extensions: None,
    };
    serve(&gate, &reception, &headers, params, true).await
}

/// Opens a socket. The session's cookie counts here too, where a browser says that the page is ours;
/// whoever names a token in the first message need not have one in the headers.
async fn by_socket(
    gate: Arc<Gate>,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let request_id = ids::fresh().to_string();
    let guest = door::welcome(&gate.office, headers, Way::Socket).await;
    let opened_by = guest.ok();
    let at = door::address(headers);
    socket::open(
        gate,
        upgrade,
        opened_by,
        at,
        Language::of(headers),
        request_id,
    )
}

async fn by_other(headers: HeaderMap) -> Response {
    match Reception::of(&headers) {
        Ok(reception) => method_not_allowed(&reception, "GET, POST"),
        Err(refusal) => *refusal,
    }
}

fn malformed(reception: &Reception, message: &'static str) -> Response {
    reception.refuse_with(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
}

fn not_acceptable(reception: &Reception) -> Response {
    reception.refuse_with(
        StatusCode::NOT_ACCEPTABLE,
        ErrorCode::NotAcceptable,
        "accept application/graphql-response+json or application/json; for a subscription text/event-stream",
    )
}

fn method_not_allowed(reception: &Reception, allow: &'static str) -> Response {
    let response = reception.refuse_with(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::MethodNotAllowed,
        "queries by GET or POST, mutations by POST",
    );
    with_header(response, ALLOW, allow)
}

/// `application/json`, in UTF-8 if it says.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()) else {
        return false;
    };
    let value = value.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    parts.next() == Some("application/json")
        && parts.all(|part| {
            part.strip_prefix("charset=")
                .is_none_or(|charset| charset.trim_matches('"') == "utf-8")
        })
}

async fn serve(
    gate: &Arc<Gate>,
    reception: &Reception,
    headers: &HeaderMap,
    params: Params,
    by_get: bool,
) -> Response {
    let admitted = match gate.admit(&params) {
        Ok(admitted) => admitted,
        Err(refused) => return reception.refuse(refused),
    };
    let kind = admitted.kind;
    if by_get && kind == OperationType::Mutation {
        return method_not_allowed(reception, "POST");
    }
    if kind == OperationType::Subscription && !reception.events {
        return not_acceptable(reception);
    }
    let guest = match door::welcome(&gate.office, headers, Way::Request).await {
        Ok(guest) => guest,
        Err(error) => return reception.refuse(Refused::denied(error.into_server_error())),
    };
    let job = match gate.begin(params, admitted, guest, reception.telling(by_get)) {
        Ok(job) => job,
        Err(refused) => return reception.refuse(refused),
    };
    if kind == OperationType::Subscription || reception.only_events {
        return sse::respond(gate, job);
    }
    answer(gate, reception, job).await
}

async fn answer(gate: &Gate, reception: &Reception, job: Job) -> Response {
    let Told {
        answer,
        unfit,
        status,
    } = gate.answer(job).await;
    if unfit {
        return reception.refuse(Refused::document(answer.errors));
    }
    let wait = answer.errors.iter().find_map(wait_of);
    let has_overload = {
        let mut codes = answer.errors.iter().filter_map(code_of);
        codes.any(|code| code == ErrorCode::Overloaded.code())
    };
    let mut response = GraphQLResponse::from(answer).into_response();
    if response.body().size_hint().lower() > RESPONSE_BYTES_MAX as u64 {
        return reception.refuse_with(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::ResponseTooLarge,
            TOO_LARGE,
        );
    }
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    let mut response = reception.dress(response);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        return response;
    }
    if has_overload || status.is_some() {
        return with_header(response, RETRY_AFTER, "1");
    }
    response
}
