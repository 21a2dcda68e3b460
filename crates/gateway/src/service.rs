//! One operation from admission to answer, whatever carried it: HTTP, server-sent events, a socket.

use crate::authority::{self, Door};
use crate::budget::{Allowance, Budgets, Payer};
use crate::door::Guest;
use crate::errors::{ApiError, ErrorCode, code_of};
use crate::feed::{Feed, Seat, Seats, Thread};
use crate::guard::{self, Admitted, Guard, Refusal};
use crate::messages::Language;
use crate::nulls::Shapes;
use crate::order;
use crate::schema::{ApiSchema, schema, sdl};
use crate::visit::Visit;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response as Answer, ServerError, Value, Variables};
use axum::http::StatusCode;
use engine::access::Office;
use engine::hooks::address::AllowList;
use engine::{Caller, sight};
use futures_util::{Stream, StreamExt};
use lifecycle::AccountId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Errors of one answer.
const ERRORS_MAX: usize = 20;
/// Characters of one error's text.
const ERROR_CHARS_MAX: usize = 256;
/// Bytes of all errors' texts of a refused document: a refusal is small.
const REFUSAL_BYTES_MAX: usize = 512;
/// Errors of a refused document.
const REFUSAL_ERRORS_MAX: usize = 5;
/// The longest a request may take; anchored in `api.md`.
const WALL_TIME: Duration = Duration::from_secs(15);

/// Bytes of an answer, whatever carries it; anchored in `api.md`.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What is said instead of a larger one.
pub const TOO_LARGE: &str = "the answer is too large; ask for less at once";

/// An answer as JSON; one that is too large is replaced by an error.
pub fn bounded_json(answer: &Answer) -> serde_json::Result<String> {
    let json = serde_json::to_string(answer)?;
    if json.len() <= RESPONSE_BYTES_MAX {
        return Ok(json);
    }
    serde_json::to_string(&failed(ErrorCode::ResponseTooLarge, TOO_LARGE))
}

/// What can be configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cost of one request.
    pub cost_max: u32,
    /// What a caller may spend.
    pub allowance: Allowance,
    /// Whether the schema may be asked for without signing in.
    pub open_introspection: bool,
    /// Networks of the county's own to which webhooks may be sent.
    pub webhook_allow: AllowList,
    /// Becomes true when the server stops: streams end then.
    pub stopped: watch::Receiver<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cost_max: guard::COST_MAX,
            allowance: crate::budget::ALLOWANCE,
            open_introspection: false,
            webhook_allow: AllowList::default(),
            stopped: watch::channel(false).1,
        }
    }
}

/// Waits until the server stops.
pub async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    let told = stopped.wait_for(|stopped| *stopped).await.is_ok();
    if !told {
        // Nobody is left who could stop it.
        std::future::pending::<()>().await;
    }
}

/// A request as it stands in a body, or in a socket's message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    /// The document.
    pub query: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// Variables.
    pub variables: Option<Variables>,
    /// Read as a map and ignored: `persistedQuery` and the like are not ours.
    #[serde(rename = "extensions")]
    pub _extensions: Option<BTreeMap<String, Value>>,
}

/// Why an operation is not begun.
#[derive(Debug)]
pub struct Refused {
    /// The status that says so.
    pub status: StatusCode,
    /// The errors, without path.
    pub errors: Vec<ServerError>,
    /// Whether the request was well formed: older clients then read 200.
    pub well_formed: bool,
    /// Seconds to wait.
    pub retry_after: Option<u64>,
}

impl Refused {
    /// A refusal with a code.
    pub fn new(status: StatusCode, code: ErrorCode, message: &'static str) -> Self {
        Self {
            status,
            errors: vec![ApiError::new(code, message).into_server_error()],
            well_formed: false,
            retry_after: None,
        }
    }

    /// Whoever has not signed in is asked to; whoever has may not do this.
    pub fn denied(error: ServerError) -> Self {
        let code = code_of(&error);
        let status = if code == Some(ErrorCode::Unauthenticated.code()) {
            StatusCode::UNAUTHORIZED
        } else if code == Some(ErrorCode::Forbidden.code())
            || code == Some(ErrorCode::CsrfRefused.code())
            || code == Some(ErrorCode::SecondFactorRequired.code())
        {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        Self {
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
            status,
            errors: vec![error],
            well_formed: false,
        }
    }

    /// A document that does not fit.
    pub const fn document(errors: Vec<ServerError>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            errors,
            well_formed: true,
            retry_after: None,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let error = match refusal {
            Refusal::Invalid(error) => *error,
            Refusal::TooComplex { limit, max } => {
                let code = ErrorCode::DocumentTooComplex;
                let mut error =
                    ApiError::new(code, "the document exceeds a limit").into_server_error();
                let extensions = error.extensions.get_or_insert_default();
                extensions.set("limit", limit);
                extensions.set("max", u64::try_from(max).unwrap_or(u64::MAX));
                error
            }
        };
        Self::document(vec![error])
    }
}

/// How the answer is to be told.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The language of messages.
    pub language: Language,
    /// The request's id.
    pub request_id: String,
    /// Whether the request stands in an address.
    pub by_get: bool,
    /// Where a stream is taken up again.
    pub after: Option<String>,
}

/// An operation that may begin.
pub struct Job {
    params: Params,
    admitted: Admitted,
    visit: Arc<Visit>,
    guest: Guest,
    remaining: u32,
    telling: Telling,
    /// The place of a subscription among those of its caller.
    seat: Option<Seat>,
}

impl Job {
    /// The seat, for a transport that knows better when the subscription has ended.
    pub fn take_seat(&mut self) -> Option<Seat> {
        self.seat.take()
    }
}

/// What was answered, and how a document-level failure is to be told.
pub struct Told {
    /// The answer.
    pub answer: Answer,
    /// Whether nothing was executed, because the document or its variables do not fit the schema.
    pub unfit: bool,
    /// The status, where it is not 200.
    pub status: Option<StatusCode>,
}

/// What every request needs.
pub struct Gate {
    schema: ApiSchema,
    shapes: Shapes,
    guard: Guard,
    budgets: Budgets,
    /// Subscriptions, and sockets, that each account holds.
    seats: Seats,
    sockets: Seats,
    feed: Arc<Feed>,
    /// Desk and access.
    pub office: Office,
    open_introspection: bool,
    webhook_allow: Arc<AllowList>,
    /// Becomes true when the server stops.
    pub stopped: watch::Receiver<bool>,
}

impl Gate {
    /// The gate of an office.
    pub fn new(office: Office, settings: Settings) -> Self {
        let Settings {
            cost_max,
            allowance,
            open_introspection,
            webhook_allow,
            stopped,
        } = settings;
        let sdl = sdl();
        Self {
            schema: schema(),
            shapes: Shapes::of(&sdl),
            guard: Guard::new(&sdl, cost_max),
            budgets: Budgets::new(allowance),
            seats: Seats::default(),
            sockets: Seats::default(),
            feed: Arc::new(Feed::new(office.clone())),
            office,
            open_introspection,
            webhook_allow: Arc::new(webhook_allow),
            stopped,
        }
    }

    /// Measures a document; nobody needs to have signed in for a refusal.
    pub fn admit(&self, params: &Params) -> Result<Admitted, Refused> {
        let nothing = Variables::default();
        let variables = params.variables.as_ref().unwrap_or(&nothing);
        let name = params.operation_name.as_deref();
        Ok(self.guard.admit(&params.query, name, variables)?)
    }

    /// Takes a cost from the budget of an address where nobody has signed in, or says after how many seconds it will do.
    pub fn charge(&self, address: Option<IpAddr>, cost: u32) -> Result<(), u64> {
        self.budgets.spend(Payer::at(address), cost).map(drop)
    }

    /// Takes its cost from the guest's budget, and a seat for a subscription.
    pub fn begin(
        &self,
        params: Params,
        admitted: Admitted,
        guest: Guest,
        telling: Telling,
    ) -> Result<Job, Refused> {
        let name = params.operation_name.as_deref();
        if let Some(operation) = guard::operation(&admitted.document, name) {
            let door = Door {
                shapes: &self.shapes,
                open_schema: self.open_introspection,
            };
            let allowed =
                authority::admit(&door, &admitted.document, operation, guest.caller.as_ref());
            allowed.map_err(|error| Refused {
                // Older clients read 200 for a question about the schema, which is well formed.
                well_formed: admitted.introspects,
                ..Refused::denied(error)
            })?;
        }
        let remaining = self
            .budgets
            .spend(guest.payer, admitted.cost)
            .map_err(|seconds| {
                let refused = Refused::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    ErrorCode::RateLimited,
                    "the budget is spent; wait as Retry-After says",
                );
                Refused {
                    retry_after: Some(seconds),
                    ..refused
                }
            })?;
        let seat = match (&guest.caller, admitted.kind) {
            (Some(caller), OperationType::Subscription) => {
                let seat = self.seats.take(caller.account).ok_or_else(|| {
                    let refused = Refused::new(
                        StatusCode::TOO_MANY_REQUESTS,
                        ErrorCode::TooManySubscriptions,
                        "too many subscriptions of this caller are open",
                    );
                    Refused {
                        retry_after: Some(1),
                        ..refused
                    }
                })?;
                Some(seat)
            }
            (None, OperationType::Subscription)
            | (_, OperationType::Query | OperationType::Mutation) => None,
        };
        let visit = Visit::new(
            self.office.clone(),
            telling.language,
            guest.caller.clone(),
            guest.token.clone(),
            telling.by_get,
        );
        let visit = Arc::new(visit.coming_from(guest.address.map(|it| it.to_string())));
        Ok(Job {
            params,
            admitted,
            visit,
            guest,
            remaining,
            telling,
            seat,
        })
    }

    /// A seat for a socket, if one is free.
    pub fn seat_of_socket(&self, account: AccountId) -> Option<Seat> {
        self.sockets.take(account)
    }

    /// Executes a query or a mutation. A mutation runs in a task of its own: a client that hangs up,
    /// or a deadline, does not stop it half way (measured trap).
    pub async fn answer(&self, job: Job) -> Told {
        match job.guest.caller.clone() {
            Some(caller) => sight::within(&caller, Box::pin(self.answer_within(job))).await,
            None => Box::pin(self.answer_within(job)).await,
        }
    }

    async fn answer_within(&self, job: Job) -> Told {
        let Job {
            params,
            admitted,
            visit,
            guest,
            remaining,
            telling,
            seat: _,
        } = job;
        let Admitted {
            document,
            kind,
            introspects: _,
            cost,
        } = admitted;
        let name = params.operation_name;
        let mut request = Request::new(params.query)
            .variables(params.variables.unwrap_or_default())
            .data(Arc::clone(&visit))
            .data(Arc::clone(&self.webhook_allow));
        request.operation_name.clone_from(&name);
        request.set_parsed_query(document.clone());
        let schema = self.schema.clone();
        let work = async move { schema.execute(request).await };
        let answered = if kind == OperationType::Mutation {
            let work = tracing::Instrument::in_current_span(work);
            let task = tokio::spawn(sight::carried(work));
            let feed = Arc::clone(&self.feed);
            let county = guest.caller.as_ref().map(|caller| caller.scope.county);
            match tokio::time::timeout(WALL_TIME, task).await {
                Ok(Ok(answer)) => {
                    if let Some(county) = county {
                        feed.ring(county);
                    }
                    answer
                }
                Ok(Err(fault)) => {
                    tracing::error!(%fault, "a mutation's task ended");
                    failed(ErrorCode::Internal, "internal error")
                }
                Err(_) => failed(
                    ErrorCode::OutcomeUnknown,
                    "not done in time; send it again with the same idempotency key",
                ),
            }
        } else {
            match tokio::time::timeout(WALL_TIME, work).await {
                Ok(answer) => answer,
                Err(_) => failed(ErrorCode::DeadlineExceeded, "not done in time"),
            }
        };
        let mut answer = answered;
        if let Some(operation) = guard::operation(&document, name.as_deref()) {
            if !answer.errors.is_empty() {
                self.shapes.settle(&mut answer, &document, operation);
            }
            let selection = &operation.selection_set.node;
            order::arrange(&mut answer.data, &document, selection);
        }
        let mut told = tell(answer, &visit, &telling);
        let actual = match kind {
            OperationType::Query => objects(&told.answer.data).saturating_sub(1),
            // A transaction was asked for, whatever came of it.
            OperationType::Mutation | OperationType::Subscription => cost,
        };
        let actual = actual.min(cost);
        let remaining = match cost - actual {
            0 => remaining,
            unneeded => self.budgets.give_back(guest.payer, unneeded),
        };
        let allowance = self.budgets.allowance();
        let shown = async_graphql::value!({
            "requested": cost,
            "actual": actual,
            "bucket": {
                "max": allowance.max,
                "remaining": remaining,
                "refillPerSecond": allowance.refill_per_second,
            },
        });
        told.answer.extensions.insert("cost".into(), shown);
        told
    }

    /// The answers of an operation as they come, each with the cursor to go on after it. A query or a
    /// mutation has one.
    pub fn stream(
        self: &Arc<Self>,
        job: Job,
    ) -> impl Stream<Item = (Answer, Option<String>)> + Send + use<> {
        let gate = Arc::clone(self);
        if job.admitted.kind != OperationType::Subscription {
            let one = async move { (gate.answer(job).await.answer, None) };
            return futures_util::stream::once(one).boxed();
        }
        let Job {
            params,
            admitted,
            visit,
            guest,
            telling,
            seat,
            ..
        } = job;
        let thread = Arc::new(Thread::new(telling.after.clone()));
        let mut request = Request::new(params.query)
            .variables(params.variables.unwrap_or_default())
            .data(Arc::clone(&visit))
            .data(Arc::clone(&self.feed))
            .data(Arc::clone(&thread));
        request.operation_name.clone_from(&params.operation_name);
        let document = admitted.document;
        request.set_parsed_query(document.clone());
        let name = params.operation_name;
        within(self.schema.execute_stream(request), guest.caller)
            .map(move |mut answer| {
                if let Some(operation) = guard::operation(&document, name.as_deref()) {
                    let selection = &operation.selection_set.node;
                    order::arrange(&mut answer.data, &document, selection);
                }
                // The seat is left when the stream is dropped.
                let _ = &seat;
                let told = tell(answer, &visit, &telling);
                (told.answer, thread.cursor())
            })
            .boxed()
    }
}

/// The stream, read on a caller's behalf.
fn within(
    answers: impl Stream<Item = Answer> + Send + Unpin,
    caller: Option<Caller>,
) -> impl Stream<Item = Answer> + Send {
    futures_util::stream::unfold((answers, caller), async |(mut answers, caller)| {
        let next = match &caller {
            Some(caller) => sight::within(caller, answers.next()).await,
            None => answers.next().await,
        };
        Some((next?, (answers, caller)))
    })
}

fn failed(code: ErrorCode, message: &'static str) -> Answer {
    Answer::from_errors(vec![ApiError::new(code, message).into_server_error()])
}

/// The objects of an answer, the root among them.
fn objects(value: &Value) -> u32 {
    match value {
        Value::Object(fields) => fields.values().map(objects).fold(1, u32::saturating_add),
        Value::List(items) => items.iter().map(objects).fold(0, u32::saturating_add),
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => 0,
    }
}

/// How many seconds an error says to wait.
pub fn wait_of(error: &ServerError) -> Option<u64> {
    match error.extensions.as_ref()?.get("retryAfter")? {
        Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    }
}

/// Bounds errors, adds codes and request id, says how the answer went.
fn tell(mut answer: Answer, visit: &Visit, telling: &Telling) -> Told {
    // Our resolvers give every error a code: one without comes from a document or variables that
    // do not fit the schema, and then nothing was executed that could write.
    if answer.errors.iter().any(|error| code_of(error).is_none()) {
        bound_refusal(&mut answer.errors, &telling.request_id);
        return Told {
            answer,
            unfit: true,
            status: None,
        };
    }
    answer.errors.truncate(ERRORS_MAX);
    sign(&mut answer.errors, &telling.request_id);
    let request_id = Value::from(telling.request_id.as_str());
    answer.extensions.insert("requestId".into(), request_id);
    if visit.is_replay() {
        answer
            .extensions
            .insert("idempotentReplay".into(), Value::from(true));
    }
    let has = |code: ErrorCode| {
        let mut codes = answer.errors.iter().filter_map(code_of);
        codes.any(|found| found == code.code())
    };
    let unavailable = has(ErrorCode::Overloaded) || has(ErrorCode::DeadlineExceeded);
    let status = if answer.data == Value::Null && unavailable {
        Some(StatusCode::SERVICE_UNAVAILABLE)
    } else {
        let waits = answer.errors.iter().any(|error| wait_of(error).is_some());
        waits.then_some(StatusCode::TOO_MANY_REQUESTS)
    };
    Told {
        answer,
        unfit: false,
        status,
    }
}

/// Bounds the errors of a refusal, which is small whatever was sent.
pub fn bound_refusal(errors: &mut Vec<ServerError>, request_id: &str) {
    errors.truncate(REFUSAL_ERRORS_MAX);
    let mut left = REFUSAL_BYTES_MAX;
    errors.retain_mut(|error| {
        error.locations.truncate(2);
        let first = left == REFUSAL_BYTES_MAX;
        shorten(&mut error.message, ERROR_CHARS_MAX);
        let fits = error.message.len() <= left;
        left = left.saturating_sub(error.message.len());
        first || fits
    });
    sign(errors, request_id);
}

fn shorten(text: &mut String, chars_max: usize) {
    if let Some((at, _)) = text.char_indices().nth(chars_max) {
        text.truncate(at);
    }
}

/// Gives each error a code and the request's id.
fn sign(errors: &mut [ServerError], request_id: &str) {
    for error in errors {
        if code_of(error).is_none() {
            let code = ErrorCode::ValidationFailed;
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("code", code.code());
            extensions.set("retryable", code.retryable());
        }
        shorten(&mut error.message, ERROR_CHARS_MAX);
        error
            .extensions
            .get_or_insert_default()
            .set("requestId", request_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testkit::TestDesk;

    /// Who may not is told so; only what the server lacks is worth another try.
    #[test]
    fn a_denial_has_its_status() {
        for (code, status) in [
            (ErrorCode::Unauthenticated, StatusCode::UNAUTHORIZED),
            (ErrorCode::Forbidden, StatusCode::FORBIDDEN),
            (ErrorCode::CsrfRefused, StatusCode::FORBIDDEN),
            (ErrorCode::SecondFactorRequired, StatusCode::FORBIDDEN),
            (ErrorCode::Overloaded, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let refused = Refused::denied(ApiError::new(code, "no").into_server_error());
            assert_eq!(refused.status, status, "{code:?}");
            let again = status == StatusCode::SERVICE_UNAVAILABLE;
            assert_eq!(refused.retry_after.is_some(), again, "{code:?}");
        }
    }

    /// However much goes wrong, an answer tells the first of it, shortly.
    #[tokio::test]
    async fn an_answer_tells_so_many_errors_and_no_more() {
        let office = TestDesk::in_memory().await.office();
        let visit = Visit::new(office, Language::Chinese, None, None, false);
        let telling = Telling {
            language: Language::Chinese,
            request_id: "r".into(),
            by_get: false,
            after: None,
        };
        let mut error = ApiError::not_found().into_server_error();
        error.message = "长".repeat(ERROR_CHARS_MAX + 1);
        for given in [ERRORS_MAX, ERRORS_MAX + 1] {
            let answer = Answer::from_errors(vec![error.clone(); given]);
            let told = tell(answer, &visit, &telling).answer.errors;
            assert_eq!(told.len(), ERRORS_MAX);
            for error in told {
                assert_eq!(error.message.chars().count(), ERROR_CHARS_MAX);
            }
        }
    }
}
