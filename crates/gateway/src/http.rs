//! GraphQL over HTTP: media types, status codes, authentication. Our own thin layer, because the
//! customary one runs mutations over GET and `text/plain`, ignores body limits and takes batches.

use crate::authority;
use crate::errors::{ApiError, ErrorCode, code_of};
use crate::guard::{self, Admitted, Refusal};
use crate::messages::{Language, weight};
use crate::nulls::Shapes;
use crate::schema::{ApiSchema, schema, sdl};
use crate::visit::Visit;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response as Answer, ServerError, Value, Variables};
use async_graphql_axum::GraphQLResponse;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::access::Office;
use engine::limits::BODY_BYTES_MAX;
use engine::{Caller, ids, sight};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Errors of one answer.
const ERRORS_MAX: usize = 20;
/// Characters of one error's text.
const ERROR_CHARS_MAX: usize = 256;
/// Characters of a request id that is taken over.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// What every request needs.
#[derive(Clone)]
struct Gate {
    schema: ApiSchema,
    shapes: Arc<Shapes>,
    office: Office,
}

/// The gateway: `POST /graphql`, and `GET` for queries.
pub fn router(office: Office) -> Router {
    let gate = Gate {
        schema: schema(),
        shapes: Arc::new(Shapes::of(&sdl())),
        office,
    };
    Router::new()
        .route("/graphql", get(by_get).post(by_post).fallback(by_other))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(gate)
}

/// A request as it stands in a body or a query string.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    query: String,
    operation_name: Option<String>,
    variables: Option<Variables>,
    #[serde(rename = "extensions")]
    _extensions: Option<BTreeMap<String, Value>>,
}

/// The same in a query string, where variables are JSON text.
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

/// The headers of a request that matter here.
struct Reception {
    media: Media,
    language: Language,
    request_id: String,
}

impl Reception {
    fn of(headers: &HeaderMap) -> Self {
        let request_id = headers
            .get("x-request-id")
            .and_then(|value| value.to_str().ok())
            .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX)
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()))
            .map_or_else(|| ids::fresh().to_string(), str::to_owned);
        Self {
            media: Media::accepted(headers).unwrap_or(Media::Json),
            language: Language::of(headers),
            request_id,
        }
    }

    /// A refusal before execution: no `data` key.
    fn refuse(&self, status: StatusCode, mut errors: Vec<ServerError>) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            errors: &'a [ServerError],
        }
        self.finish_errors(&mut errors);
        self.respond(status, &Body { errors: &errors })
    }

    fn refuse_with(&self, status: StatusCode, code: ErrorCode, message: &'static str) -> Response {
        let error = ApiError::new(code, message).into_server_error();
        self.refuse(status, vec![error])
    }

    /// A refusal of a well-formed request: by status code where the client understands it.
    fn refuse_document(&self, errors: Vec<ServerError>) -> Response {
        let status = match self.media {
            Media::GraphQl => StatusCode::BAD_REQUEST,
            Media::Json => StatusCode::OK,
        };
        self.refuse(status, errors)
    }

    /// Bounds errors and gives each a code and the request's id.
    fn finish_errors(&self, errors: &mut Vec<ServerError>) {
        errors.truncate(ERRORS_MAX);
        for error in errors {
            if code_of(error).is_none() {
                let code = ErrorCode::ValidationFailed;
                let extensions = error.extensions.get_or_insert_default();
                extensions.set("code", code.code());
                extensions.set("retryable", code.retryable());
            }
            if let Some((at, _)) = error.message.char_indices().nth(ERROR_CHARS_MAX) {
                error.message.truncate(at);
            }
            error
                .extensions
                .get_or_insert_default()
                .set("requestId", self.request_id.as_str());
        }
    }

    fn respond(&self, status: StatusCode, body: &impl Serialize) -> Response {
        let Ok(body) = serde_json::to_vec(body) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        self.dress((status, body).into_response())
    }

    /// Puts the headers of every answer on a response.
    fn dress(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static(self.media.content_type());
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept, accept-language"));
        response
    }
}

fn with_header(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    response
}

async fn by_post(
    State(gate): State<Gate>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let reception = Reception::of(&headers);
    if Media::accepted(&headers).is_none() {
        return not_acceptable(&reception);
    }
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
    match serde_json::from_slice::<Params>(&body) {
        Ok(params) => serve(&gate, &reception, &headers, params, false).await,
        Err(_) => malformed(&reception, "the body is not a GraphQL request"),
    }
}

async fn by_get(
    State(gate): State<Gate>,
    headers: HeaderMap,
    params: Result<Query<UrlParams>, QueryRejection>,
) -> Response {
    let reception = Reception::of(&headers);
    if Media::accepted(&headers).is_none() {
        return not_acceptable(&reception);
    }
    let Ok(Query(params)) = params else {
        return malformed(&reception, "the query string is not a GraphQL request");
    };
    let UrlParams {
        query,
        operation_name,
        variables,
    } = params;
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

async fn by_other(headers: HeaderMap) -> Response {
    method_not_allowed(&Reception::of(&headers), "GET, POST")
}

fn malformed(reception: &Reception, message: &'static str) -> Response {
    reception.refuse_with(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
}

fn not_acceptable(reception: &Reception) -> Response {
    reception.refuse_with(
        StatusCode::NOT_ACCEPTABLE,
        ErrorCode::NotAcceptable,
        "accept application/graphql-response+json or application/json",
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
    gate: &Gate,
    reception: &Reception,
    headers: &HeaderMap,
    params: Params,
    by_get: bool,
) -> Response {
    let admitted = match guard::admit(&params.query, params.operation_name.as_deref()) {
        Ok(admitted) => admitted,
        Err(refusal) => return reception.refuse_document(vec![refused(refusal)]),
    };
    if by_get && admitted.kind != OperationType::Query {
        return method_not_allowed(reception, "POST");
    }
    let (caller, token) = match authenticate(gate, headers).await {
        Ok(found) => found,
        Err(error) => return unauthenticated(reception, error),
    };
    let operation = guard::operation(&admitted.document, params.operation_name.as_deref());
    let allowed = operation.map_or(Ok(()), |operation| {
        authority::admit(&gate.shapes, &admitted.document, operation, caller.as_ref())
    });
    if let Err(error) = allowed {
        return denied(reception, error);
    }
    let visit = Arc::new(Visit::new(
        gate.office.clone(),
        reception.language,
        caller,
        token,
        by_get,
    ));
    let work = execute(gate, params, admitted, &visit);
    let answer = match visit.caller() {
        Ok(caller) => sight::within(&caller.scope, work).await,
        Err(_) => work.await,
    };
    finish(reception, &visit, answer)
}

fn refused(refusal: Refusal) -> ServerError {
    match refusal {
        Refusal::Invalid(error) => *error,
        Refusal::TooComplex { limit, max } => {
            let code = ErrorCode::DocumentTooComplex;
            let mut error = ApiError::new(code, "the document exceeds a limit").into_server_error();
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("limit", limit);
            extensions.set("max", u64::try_from(max).unwrap_or(u64::MAX));
            error
        }
    }
}

/// Who presents the token of the `Authorization` header; nobody if there is none.
async fn authenticate(
    gate: &Gate,
    headers: &HeaderMap,
) -> Result<(Option<Caller>, Option<String>), ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok((None, None));
    };
    let unknown = || ApiError::new(ErrorCode::Unauthenticated, "the token is not valid");
    let token = header
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| token.starts_with("fps_") || token.starts_with("fpk_"))
        .ok_or_else(unknown)?;
    let caller = gate
        .office
        .access
        .caller(token)
        .await?
        .ok_or_else(unknown)?;
    Ok((Some(caller), Some(token.to_owned())))
}

fn unauthenticated(reception: &Reception, error: ApiError) -> Response {
    let error = error.into_server_error();
    if code_of(&error) == Some(ErrorCode::Unauthenticated.code()) {
        return denied(reception, error);
    }
    let response = reception.refuse(StatusCode::SERVICE_UNAVAILABLE, vec![error]);
    with_header(response, RETRY_AFTER, "1")
}

/// Whoever has not signed in is asked to; whoever has may not do this.
fn denied(reception: &Reception, error: ServerError) -> Response {
    if code_of(&error) == Some(ErrorCode::Unauthenticated.code()) {
        let response = reception.refuse(StatusCode::UNAUTHORIZED, vec![error]);
        return with_header(response, WWW_AUTHENTICATE, "Bearer");
    }
    reception.refuse(StatusCode::FORBIDDEN, vec![error])
}

/// Executes the parsed document. A mutation runs in a task of its own: a client that hangs up does
/// not stop it half way (measured trap).
async fn execute(gate: &Gate, params: Params, admitted: Admitted, visit: &Arc<Visit>) -> Answer {
    let Admitted { document, kind } = admitted;
    let name = params.operation_name;
    let mut request = Request::new(params.query)
        .variables(params.variables.unwrap_or_default())
        .data(Arc::clone(visit));
    request.operation_name.clone_from(&name);
    request.set_parsed_query(document.clone());
    let schema = gate.schema.clone();
    let mut answer = if kind == OperationType::Mutation {
        let work =
            tracing::Instrument::in_current_span(async move { schema.execute(request).await });
        let work = tokio::spawn(sight::carried(work));
        work.await.unwrap_or_else(|fault| {
            tracing::error!(%fault, "a mutation's task ended");
            let error = ApiError::new(ErrorCode::Internal, "internal error");
            Answer::from_errors(vec![error.into_server_error()])
        })
    } else {
        schema.execute(request).await
    };
    if !answer.errors.is_empty()
        && let Some(operation) = guard::operation(&document, name.as_deref())
    {
        gate.shapes.settle(&mut answer, &document, operation);
    }
    answer
}

/// Adds codes and request id, chooses the status.
fn finish(reception: &Reception, visit: &Visit, mut answer: Answer) -> Response {
    // Our resolvers give every error a code: one without comes from a document or variables that
    // do not fit the schema, and then nothing was executed that could write.
    if answer.errors.iter().any(|error| code_of(error).is_none()) {
        return reception.refuse_document(answer.errors);
    }
    reception.finish_errors(&mut answer.errors);
    let request_id = Value::from(reception.request_id.as_str());
    answer.extensions.insert("requestId".into(), request_id);
    if visit.is_replay() {
        answer
            .extensions
            .insert("idempotentReplay".into(), Value::from(true));
    }
    let overloaded = answer
        .errors
        .iter()
        .any(|error| code_of(error) == Some(ErrorCode::Overloaded.code()));
    if overloaded {
        let status = if answer.data == Value::Null {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        };
        return with_header(reception.respond(status, &answer), RETRY_AFTER, "1");
    }
    reception.dress(GraphQLResponse::from(answer).into_response())
}
