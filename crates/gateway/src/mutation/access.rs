//! Signing in and out.

use crate::errors::ApiError;
use crate::messages::{UserError, UserErrorCode};
use crate::types::scalars::DateTime;
use crate::types::staff::Viewer;
use crate::visit::Visit;
use async_graphql::{Context, InputObject, Object, SimpleObject};
use engine::limits::{PASSWORD_BYTES_MAX, TEXT_CHARS_MAX};
use lifecycle::Param;

/// Input. Signs in with a password.
#[derive(InputObject)]
pub struct LogInInput {
    /// Login name.
    login: String,
    /// Password.
    #[graphql(secret)]
    password: String,
}

/// Answer. Signs in with a password.
#[derive(SimpleObject)]
pub struct LogInPayload {
    /// The session's secret, shown once: sent as `Authorization: Bearer`.
    token: Option<String>,
    /// When the session ends.
    expires_at: Option<DateTime>,
    /// Who signed in.
    viewer: Option<Viewer>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. Signs out.
#[derive(SimpleObject)]
pub struct LogOutPayload {
    /// Whether the session was ended.
    logged_out: bool,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of access.
#[derive(Default)]
pub struct AccessMutations;

#[Object]
impl AccessMutations {
    /// Signs in with a password; the only mutation that needs no token. Codes: `WRONG_CREDENTIALS`.
    async fn log_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Login and password.")] input: LogInInput,
    ) -> Result<LogInPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let LogInInput { login, password } = input;
        let bounded =
            login.chars().count() <= TEXT_CHARS_MAX && password.len() <= PASSWORD_BYTES_MAX;
        let session = if bounded {
            visit.office.access.log_in(&login, &password).await?
        } else {
            None
        };
        Ok(match session {
            Some(session) => LogInPayload {
                token: Some(session.token),
                expires_at: Some(DateTime(session.expires_at)),
                viewer: Some(Viewer::from(&session.caller)),
                user_errors: Vec::new(),
            },
            None => LogInPayload {
                token: None,
                expires_at: None,
                viewer: None,
                user_errors: vec![UserError::new(
                    UserErrorCode::WrongCredentials,
                    &[],
                    visit.language,
                )],
            },
        })
    }

    /// Signs out: ends the session whose token was presented. An API key is not ended here. Codes:
    /// VALIDATION.
    async fn log_out(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        visit.caller()?;
        let Some(token) = visit.token().filter(|token| token.starts_with("fps_")) else {
            let params = [
                ("field", Param::Text("token".into())),
                ("reason", Param::Text("NOT_A_SESSION".into())),
            ];
            return Ok(LogOutPayload {
                logged_out: false,
                user_errors: vec![UserError::new(
                    UserErrorCode::Validation,
                    &params,
                    visit.language,
                )],
            });
        };
        visit.office.access.log_out(token).await?;
        Ok(LogOutPayload {
            logged_out: true,
            user_errors: Vec::new(),
        })
    }
}
