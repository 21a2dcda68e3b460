//! Top-level errors: authentication, scope, limits, concurrency, internal. Expected refusals are
//! `userErrors` (see `messages`). Internal text never leaves the server.

use async_graphql::{Error, ErrorExtensions, ServerError, Value};
use engine::Fault;
use std::borrow::Cow;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal retryable $retryable:literal,)+) => {
        /// The codes of `errors[].extensions.code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $variant,)+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code.
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code,)+ } }

            /// Whether the same request may succeed later.
            pub const fn retryable(self) -> bool { match self { $(Self::$variant => $retryable,)+ } }

            /// What it means.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),+),)+ } }
        }
    };
}

error_codes! {
    /// No valid token was presented.
    Unauthenticated = "UNAUTHENTICATED" retryable false,
    /// No duty of the caller, or not this credential, is good for the operation (see `authority.md`).
    Forbidden = "FORBIDDEN" retryable false,
    /// The operation moves money: the session must have shown a second factor.
    SecondFactorRequired = "SECOND_FACTOR_REQUIRED" retryable false,
    /// There is no such thing in the caller's scope; the same whether it exists or not.
    NotFound = "NOT_FOUND" retryable false,
    /// An argument cannot be.
    InvalidArgument = "INVALID_ARGUMENT" retryable false,
    /// The calendar lacks a year that must be counted; the operator enters its holidays.
    CalendarMissing = "CALENDAR_MISSING" retryable false,
    /// The idempotency key was used with another payload.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED" retryable false,
    /// The request is not a GraphQL request.
    BadRequest = "BAD_REQUEST" retryable false,
    /// The document does not parse, does not fit the schema, or its variables do not.
    ValidationFailed = "GRAPHQL_VALIDATION_FAILED" retryable false,
    /// The document exceeds a limit.
    DocumentTooComplex = "DOCUMENT_TOO_COMPLEX" retryable false,
    /// The method does not fit: mutations are sent by POST.
    MethodNotAllowed = "METHOD_NOT_ALLOWED" retryable false,
    /// None of the accepted media types can be sent.
    NotAcceptable = "NOT_ACCEPTABLE" retryable false,
    /// The body is not application/json in UTF-8.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE" retryable false,
    /// The body is too large.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE" retryable false,
    /// A request with the session cookie did not come from our own pages, or lacks the header `x-fangpin-csrf`.
    CsrfRefused = "CSRF_REFUSED" retryable false,
    /// The caller's budget is spent, or too many attempts failed; wait as Retry-After says.
    RateLimited = "RATE_LIMITED" retryable true,
    /// The caller has as many subscriptions open as there may be.
    TooManySubscriptions = "TOO_MANY_SUBSCRIPTIONS" retryable true,
    /// The answer would be too large; ask for less at once.
    ResponseTooLarge = "RESPONSE_TOO_LARGE" retryable false,
    /// A query was not done in time.
    DeadlineExceeded = "DEADLINE_EXCEEDED" retryable true,
    /// A mutation was not done in time and may still be done; send it again with the same idempotency key.
    OutcomeUnknown = "OUTCOME_UNKNOWN" retryable true,
    /// Too many commands are waiting; try again with the same idempotency key.
    Overloaded = "OVERLOADED" retryable true,
    /// The server failed; it is logged under the request's id. Try again with the same idempotency key.
    Internal = "INTERNAL" retryable true,
}

/// An error a resolver answers with. It has no `Display`, so that no other error can become one by
/// a mere `?` and carry its text to the client.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a code; the message is for people and holds nothing private.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Too many attempts: whatever was asked for must wait.
    pub fn wait(seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(ErrorCode::RateLimited, "too many attempts; wait")
        }
    }

    /// Its code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The one answer for what does not exist and what is not yours.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "not found")
    }

    /// An argument that cannot be.
    pub fn invalid(message: &'static str) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// The error before execution, without path.
    pub fn into_server_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.code.code());
        extensions.set("retryable", self.code.retryable());
        if let Some(seconds) = self.retry_after {
            extensions.set("retryAfter", seconds);
        }
        error
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::new(error.message).extend_with(|_, extensions| {
            extensions.set("code", error.code.code());
            extensions.set("retryable", error.code.retryable());
            if let Some(seconds) = error.retry_after {
                extensions.set("retryAfter", seconds);
            }
        })
    }
}

/// A fault stops here: it is logged once, with its chain of causes, and answered without its text.
impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        if let Fault::Overloaded = fault {
            tracing::warn!("too many commands are waiting");
            return Self::new(ErrorCode::Overloaded, "too many commands are waiting");
        }
        tracing::error!(fault = %chain(&fault), "a resolver stopped at a fault");
        Self::new(ErrorCode::Internal, "internal error")
    }
}

fn chain(fault: &Fault) -> String {
    let mut text = fault.to_string();
    let mut source = std::error::Error::source(fault);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The code an error carries, if it is one of ours.
pub fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faults_text_never_reaches_the_client() {
        let fault = Fault::store("inserting claim", "password=hunter2".to_owned());
        let error = Error::from(ApiError::from(fault));
        assert_eq!(error.message, "internal error");
        assert!(!format!("{error:?}").contains("hunter2"));
        let overloaded = ApiError::from(Fault::Overloaded).into_server_error();
        assert_eq!(code_of(&overloaded), Some("OVERLOADED"));
    }
}
