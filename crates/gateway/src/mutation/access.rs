//! Signing in and out, and the own account: password, second factor, sessions, keys, in whose place.

use crate::errors::{ApiError, ErrorCode};
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::administration::{AccountPayload, refused};
use crate::mutation::registry::Refused;
use crate::node_id::{self, Kind};
use crate::types::enums::Duty;
use crate::types::identity::{ApiKey, Grant};
use crate::types::scalars::DateTime;
use crate::types::staff::Viewer;
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use engine::access::{KeyOrder, LogIn, Refusal};
use engine::household::{PRIVATE, holds_private};
use engine::identity::PassId;
use engine::limits::{KEY_DAYS_MAX, PASSWORD_BYTES_MAX, TEXT_CHARS_MAX};
use lifecycle::{PersonId, RegionCode};

/// Input. Signs in with a password.
#[derive(InputObject)]
pub struct LogInInput {
    /// Login name.
    login: String,
    /// Password.
    #[graphql(secret)]
    password: String,
}

/// Input. Finishes signing in with a second factor.
#[derive(InputObject)]
pub struct ConfirmSecondFactorInput {
    /// The ticket of `logIn`.
    #[graphql(secret)]
    ticket: String,
    /// The code the telephone shows, or a recovery code.
    #[graphql(secret)]
    code: String,
}

/// Answer. Signs in.
#[derive(SimpleObject, Default)]
pub struct LogInPayload {
    /// The session's secret, shown once: sent as `Authorization: Bearer`.
    token: Option<String>,
    /// When the session ends.
    expires_at: Option<DateTime>,
    /// Who signed in.
    viewer: Option<Viewer>,
    /// With `SECOND_FACTOR_REQUIRED`: what `confirmSecondFactor` wants; it ends in a few minutes.
    ticket: Option<String>,
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

/// Input. Changes one's own password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The present password.
    #[graphql(secret)]
    present: String,
    /// The new one, at least 12 characters.
    #[graphql(secret)]
    password: String,
}

/// Input. A code of the second factor.
#[derive(InputObject)]
pub struct SecondFactorCodeInput {
    /// The code the telephone shows.
    #[graphql(secret)]
    code: String,
}

/// Answer. Begins a second factor.
#[derive(SimpleObject, Default)]
pub struct EnrolSecondFactorPayload {
    /// The secret as text, to be typed into a telephone; shown once.
    secret: Option<String>,
    /// The same as an `otpauth://` address, to be scanned.
    uri: Option<String>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. Confirms a second factor.
#[derive(SimpleObject, Default)]
pub struct ConfirmEnrolmentPayload {
    /// Codes for the day the telephone is lost; each opens once; shown once.
    recovery_codes: Vec<String>,
    /// The session's new secret; the old one, which has not shown the factor, ends at once.
    token: Option<String>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Acts in another's place, or for oneself again.
#[derive(InputObject)]
pub struct ActOnBehalfInput {
    /// The absent person; null to act for oneself again.
    person_id: Option<ID>,
}

/// Input. Works in another of the regions in which one holds a duty.
#[derive(InputObject)]
pub struct WorkInInput {
    /// Region code; null for one's own.
    region_code: Option<String>,
}

/// Answer. Who the session stands for now.
#[derive(SimpleObject, Default)]
pub struct ActOnBehalfPayload {
    /// Who is signed in, with the duties it has now.
    viewer: Option<Viewer>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Ends a session or key.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// The session or key.
    id: ID,
}

/// Input. Makes an API key.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// The login it is for: one's own, or one that one administers.
    login: String,
    /// What it is for.
    label: String,
    /// What it is good for.
    grants: Vec<Grant>,
    /// Only these of the person's duties; null for all.
    duties: Option<Vec<Duty>>,
    /// Only this region; null for the person's own.
    region_code: Option<String>,
    /// Days until it ends, 1 to 400.
    #[graphql(default = 90)]
    days: i32,
}

/// Input. Gives a key another secret.
#[derive(InputObject)]
pub struct RotateApiKeyInput {
    /// The key.
    id: ID,
    /// Hours the old secret lives on, 0 to 168.
    #[graphql(default = 24)]
    overlap_hours: i32,
}

/// Answer. A key with its secret.
#[derive(SimpleObject, Default)]
pub struct ApiKeyPayload {
    /// The secret, shown once: sent as `Authorization: Bearer`.
    secret: Option<String>,
    /// The key.
    api_key: Option<ApiKey>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of one's own access.
#[derive(Default)]
pub struct AccessMutations;

fn error(visit: &Visit, code: UserErrorCode) -> Vec<UserError> {
    vec![UserError::new(code, &[], visit.language)]
}

fn logged_in(
    visit: &Visit,
    outcome: LogIn,
    wrong: UserErrorCode,
) -> Result<LogInPayload, ApiError> {
    Ok(match outcome {
        LogIn::Done(session) => LogInPayload {
            token: Some(session.token),
            expires_at: Some(DateTime(session.expires_at)),
            viewer: Some(Viewer::from(&session.caller)),
            ..LogInPayload::default()
        },
        LogIn::SecondFactor { ticket, ends_at } => LogInPayload {
            ticket: Some(ticket),
            expires_at: Some(DateTime(ends_at)),
            user_errors: error(visit, UserErrorCode::SecondFactorRequired),
            ..LogInPayload::default()
        },
        LogIn::Wrong => LogInPayload {
            user_errors: error(visit, wrong),
            ..LogInPayload::default()
        },
        LogIn::NoDuty => LogInPayload {
            user_errors: error(visit, UserErrorCode::NoDuty),
            ..LogInPayload::default()
        },
        LogIn::Wait { seconds } => return Err(ApiError::wait(seconds)),
    })
}

/// The session's token; a key has no say over an account.
fn session(visit: &Visit) -> Result<&str, ApiError> {
    visit.caller()?;
    let token = visit.token().filter(|token| token.starts_with("fps_"));
    token.ok_or_else(|| ApiError::new(ErrorCode::Forbidden, "a session is wanted, not a key"))
}

fn pass_id(id: &ID) -> Result<PassId, ApiError> {
    let uuid = node_id::decode_as(Kind::Pass, id);
    uuid.map(PassId).ok_or_else(ApiError::not_found)
}

#[Object]
impl AccessMutations {
    /// Signs in with a password; needs no token. Too many attempts are answered 429 `RATE_LIMITED`,
    /// whether the login exists or not. Codes: `WRONG_CREDENTIALS`, `SECOND_FACTOR_REQUIRED`, `NO_DUTY`.
    async fn log_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Login and password.")] input: LogInInput,
    ) -> Result<LogInPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let LogInInput { login, password } = input;
        let bounded =
            login.chars().count() <= TEXT_CHARS_MAX && password.len() <= PASSWORD_BYTES_MAX;
        let outcome = if bounded {
            let access = &visit.office.access;
            access.sign_in(&login, &password, visit.address()).await?
        } else {
            LogIn::Wrong
        };
        logged_in(visit, outcome, UserErrorCode::WrongCredentials)
    }

    /// Finishes signing in with a code of the second factor; needs no token but the ticket. Codes:
    /// `WRONG_CODE`, `NO_DUTY`.
    async fn confirm_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ticket and code.")] input: ConfirmSecondFactorInput,
    ) -> Result<LogInPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let access = &visit.office.access;
        let outcome = access.confirm_sign_in(&input.ticket, &input.code).await?;
        logged_in(visit, outcome, UserErrorCode::WrongCode)
    }

    /// Signs out: ends the session whose token was presented. An API key is not ended here. Codes:
    /// VALIDATION.
    async fn log_out(&self, ctx: &Context<'_>) -> Result<LogOutPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        visit.caller()?;
        let Some(token) = visit.token().filter(|token| token.starts_with("fps_")) else {
            return Ok(LogOutPayload {
                logged_out: false,
                user_errors: Refused("token", "NOT_A_SESSION").told(visit),
            });
        };
        visit.office.access.log_out(token).await?;
        Ok(LogOutPayload {
            logged_out: true,
            user_errors: Vec::new(),
        })
    }

    /// Changes one's own password; every other session and key of the account ends. Codes:
    /// `WRONG_CREDENTIALS`, `WEAK_PASSWORD`.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The present password and the new one.")] input: ChangePasswordInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (access, token) = (&visit.office.access, session(visit)?);
        let changed = access.change_password(token, &input.present, &input.password);
        AccountPayload::of(visit, changed.await?)
    }

    /// Begins a second factor for one's own account; `confirmEnrolment` puts it in force. Codes:
    /// VALIDATION if one is in force.
    async fn enrol_second_factor(
        &self,
        ctx: &Context<'_>,
    ) -> Result<EnrolSecondFactorPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let access = &visit.office.access;
        Ok(match access.begin_second_factor(session(visit)?).await? {
            Ok(enrolment) => EnrolSecondFactorPayload {
                secret: Some(enrolment.secret),
                uri: Some(enrolment.uri),
                user_errors: Vec::new(),
            },
            Err(refusal) => EnrolSecondFactorPayload {
                user_errors: refused(visit, refusal)?,
                ..EnrolSecondFactorPayload::default()
            },
        })
    }

    /// Puts a second factor in force, by a code of it. Codes: `WRONG_CODE`.
    async fn confirm_enrolment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code of the new second factor.")] input: SecondFactorCodeInput,
    ) -> Result<ConfirmEnrolmentPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (access, token) = (&visit.office.access, session(visit)?);
        Ok(
            match access.confirm_second_factor(token, &input.code).await? {
                Ok((recovery_codes, token)) => ConfirmEnrolmentPayload {
                    recovery_codes,
                    token: Some(token),
                    user_errors: Vec::new(),
                },
                Err(refusal) => ConfirmEnrolmentPayload {
                    user_errors: refused(visit, refusal)?,
                    ..ConfirmEnrolmentPayload::default()
                },
            },
        )
    }

    /// Takes one's own second factor away, by a code of it. Codes: `WRONG_CODE`.
    async fn remove_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code of the second factor.")] input: SecondFactorCodeInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (access, token) = (&visit.office.access, session(visit)?);
        let removed = access.remove_second_factor(token, &input.code).await?;
        AccountPayload::of(visit, removed)
    }

    /// Acts in another's place (代理) from now on in this session, where a substitution allows it; both
    /// persons stand in the log, and segregation of duties regards both. `NOT_FOUND` without one.
    async fn act_on_behalf(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In whose place.")] input: ActOnBehalfInput,
    ) -> Result<ActOnBehalfPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let of = match &input.person_id {
            None => None,
            Some(id) => {
                let uuid = node_id::decode_as(Kind::Person, id).ok_or_else(ApiError::not_found)?;
                Some(PersonId(uuid))
            }
        };
        let access = &visit.office.access;
        stands(visit, access.act_on_behalf(session(visit)?, of).await?)
    }

    /// Works from now on in this session in another of the regions in which one holds a duty. Codes:
    /// VALIDATION.
    async fn work_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where.")] input: WorkInInput,
    ) -> Result<ActOnBehalfPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let token = session(visit)?;
        let Ok(region) = input.region_code.map(RegionCode::new).transpose() else {
            return Ok(ActOnBehalfPayload {
                viewer: None,
                user_errors: Refused("regionCode", "NOT_A_REGION").told(visit),
            });
        };
        stands(visit, visit.office.access.act_in(token, region).await?)
    }

    /// Ends a session: one's own, or one of somebody one administers; felt within a second everywhere.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeSessionInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (access, id) = (&visit.office.access, pass_id(&input.id)?);
        let ended = access.end_pass(visit.caller()?, id).await?;
        AccountPayload::of(visit, ended)
    }

    /// Makes an API key: for one's own account; for a system one administers; for somebody else one
    /// administers only to read. Codes: VALIDATION, `PRIVATE_IN_TEXT`.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For whom, and for what.")] input: CreateApiKeyInput,
    ) -> Result<ApiKeyPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let Ok(region) = input.region_code.map(RegionCode::new).transpose() else {
            return Ok(ApiKeyPayload {
                user_errors: Refused("regionCode", "NOT_A_REGION").told(visit),
                ..ApiKeyPayload::default()
            });
        };
        if holds_private(&input.label) {
            return Ok(ApiKeyPayload {
                user_errors: Refused("label", PRIVATE).told(visit),
                ..ApiKeyPayload::default()
            });
        }
        let order = KeyOrder {
            login: input.login.clone(),
            label: input.label,
            grants: input.grants.into_iter().map(Into::into).collect(),
            duties: input
                .duties
                .map(|duties| duties.into_iter().map(Into::into).collect()),
            region,
            days: i64::from(input.days).min(KEY_DAYS_MAX + 1),
        };
        let made = visit.office.access.make_key(visit.caller()?, order).await?;
        keyed(
            visit,
            made.map(|(secret, pass)| (secret, ApiKey::new(&pass, input.login))),
        )
    }

    /// Gives an API key another secret; the old one lives on for the overlap. Codes: VALIDATION.
    async fn rotate_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and with which overlap.")] input: RotateApiKeyInput,
    ) -> Result<ApiKeyPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (access, caller) = (&visit.office.access, visit.caller()?);
        let id = pass_id(&input.id)?;
        let overlap = i64::from(input.overlap_hours);
        let mut keys = access.keys(caller).await?.into_iter();
        let login = keys.find_map(|(pass, login)| (pass.id == id).then_some(login));
        let login = login.unwrap_or_default();
        let rotated = access.rotate_key(caller, id, overlap).await?;
        keyed(
            visit,
            rotated.map(|(secret, pass)| (secret, ApiKey::new(&pass, login))),
        )
    }

    /// Ends an API key; felt within a second everywhere.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeSessionInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (access, id) = (&visit.office.access, pass_id(&input.id)?);
        let ended = access.end_pass(visit.caller()?, id).await?;
        AccountPayload::of(visit, ended)
    }
}

fn stands(
    visit: &Visit,
    answer: Result<engine::Caller, Refusal>,
) -> Result<ActOnBehalfPayload, ApiError> {
    Ok(match answer {
        Ok(caller) => ActOnBehalfPayload {
            viewer: Some(Viewer::from(&caller)),
            user_errors: Vec::new(),
        },
        Err(refusal) => ActOnBehalfPayload {
            viewer: None,
            user_errors: refused(visit, refusal)?,
        },
    })
}

fn keyed(
    visit: &Visit,
    answer: Result<(String, ApiKey), Refusal>,
) -> Result<ApiKeyPayload, ApiError> {
    Ok(match answer {
        Ok((secret, api_key)) => ApiKeyPayload {
            secret: Some(secret),
            api_key: Some(api_key),
            user_errors: Vec::new(),
        },
        Err(refusal) => ApiKeyPayload {
            user_errors: refused(visit, refusal)?,
            ..ApiKeyPayload::default()
        },
    })
}
