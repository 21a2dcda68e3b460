//! What an administrator of accounts does: links, duties, substitution, ends.

use crate::errors::{ApiError, ErrorCode};
use crate::messages::{UserError, UserErrorCode};
use crate::node_id::{self, Kind};
use crate::types::enums::Duty;
use crate::types::identity::{Assignment, Substitution};
use crate::types::scalars::{Date, DateTime};
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use engine::access::Refusal;
use lifecycle::{Param, PersonId, RegionCode};

/// A refusal: what a person can mend is a user error.
pub fn refused(visit: &Visit, refusal: Refusal) -> Result<Vec<UserError>, ApiError> {
    let said = |code, params: &[(&'static str, Param)]| {
        Ok(vec![UserError::new(code, params, visit.language)])
    };
    match refusal {
        Refusal::DutyMissing => Err(ApiError::new(
            ErrorCode::Forbidden,
            "your duties do not allow this",
        )),
        Refusal::SecondFactor => Err(ApiError::new(
            ErrorCode::SecondFactorRequired,
            "sign in with a second factor for this",
        )),
        Refusal::NotFound => Err(ApiError::not_found()),
        Refusal::Wait { seconds } => Err(ApiError::wait(seconds)),
        Refusal::Own => said(UserErrorCode::OwnRights, &[]),
        Refusal::Weak(weak) => {
            let reason = Param::Text(weak.code().into());
            said(UserErrorCode::WeakPassword, &[("reason", reason)])
        }
        Refusal::WrongPassword => said(UserErrorCode::WrongCredentials, &[]),
        Refusal::WrongCode => said(UserErrorCode::WrongCode, &[]),
        Refusal::LinkEnded => said(UserErrorCode::LinkEnded, &[]),
        Refusal::Invalid { field, reason } => {
            let params = [
                ("field", Param::Text(field.into())),
                ("reason", Param::Text(reason.into())),
            ];
            said(UserErrorCode::Validation, &params)
        }
    }
}

/// Answer. A change of somebody's access.
#[derive(SimpleObject)]
pub struct AccountPayload {
    /// Whether it was done.
    done: bool,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

impl AccountPayload {
    /// The answer to a change.
    pub fn of<T>(visit: &Visit, answer: Result<T, Refusal>) -> Result<Self, ApiError> {
        let refusal = answer.err();
        let user_errors = refusal.map(|refusal| refused(visit, refusal)).transpose()?;
        Ok(Self {
            done: user_errors.is_none(),
            user_errors: user_errors.unwrap_or_default(),
        })
    }
}

/// Input. A login that one administers.
#[derive(InputObject)]
pub struct LoginInput {
    /// The login.
    login: String,
}

/// Answer. A one-time link.
#[derive(SimpleObject, Default)]
pub struct InviteAccountPayload {
    /// The path of the page on this server, with the secret in it; shown once. Hand it over so that
    /// only its owner reads it.
    path: Option<String>,
    /// When it ends.
    expires_at: Option<DateTime>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Sets somebody's standing duties.
#[derive(InputObject)]
pub struct SetDutiesInput {
    /// The login.
    login: String,
    /// The duties, replacing the earlier ones.
    duties: Vec<Duty>,
    /// Region code (区划代码) in which they are held.
    region_code: String,
}

/// Input. Gives somebody a duty for a time.
#[derive(InputObject)]
pub struct PutAssignmentInput {
    /// The login.
    login: String,
    /// The duty.
    duty: Duty,
    /// Region code (区划代码) in which it is held.
    region_code: String,
    /// First day.
    from: Date,
    /// Last day; null while it has no end.
    until: Option<Date>,
}

/// Answer. Gives somebody a duty for a time.
#[derive(SimpleObject, Default)]
pub struct PutAssignmentPayload {
    /// The duty for a time.
    assignment: Option<Assignment>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Ends a duty for a time.
#[derive(InputObject)]
pub struct EndAssignmentInput {
    /// The duty for a time.
    assignment_id: ID,
}

/// Input. Lets one person act in another's place.
#[derive(InputObject)]
pub struct GrantSubstitutionInput {
    /// In whose place: oneself, or somebody one administers.
    absent_id: ID,
    /// Who acts: a colleague of the same organisation.
    substitute_id: ID,
    /// First day.
    from: Date,
    /// Last day.
    until: Date,
}

/// Answer. Lets one person act in another's place.
#[derive(SimpleObject, Default)]
pub struct GrantSubstitutionPayload {
    /// The substitution.
    substitution: Option<Substitution>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Ends a substitution.
#[derive(InputObject)]
pub struct EndSubstitutionInput {
    /// The substitution.
    substitution_id: ID,
}

/// Mutations of administration.
#[derive(Default)]
pub struct AdministrationMutations;

fn region(visit: &Visit, code: String) -> Result<RegionCode, Vec<UserError>> {
    RegionCode::new(code).map_err(|_| {
        let params = [
            ("field", Param::Text("regionCode".into())),
            ("reason", Param::Text("NOT_A_REGION".into())),
        ];
        vec![UserError::new(
            UserErrorCode::Validation,
            &params,
            visit.language,
        )]
    })
}

fn person(id: &ID) -> Result<PersonId, ApiError> {
    let uuid = node_id::decode_as(Kind::Person, id);
    uuid.map(PersonId).ok_or_else(ApiError::not_found)
}

#[Object]
impl AdministrationMutations {
    /// Makes a one-time link with which somebody sets a password, for the first time or after they
    /// forgot it; earlier links end. `NOT_FOUND` outside one's own organisation.
    async fn invite_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom.")] input: LoginInput,
    ) -> Result<InviteAccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let access = &visit.office.access;
        Ok(match access.invite(visit.caller()?, &input.login).await? {
            Ok((token, ends_at)) => InviteAccountPayload {
                path: Some(format!("/invite/{token}")),
                expires_at: Some(DateTime(ends_at)),
                user_errors: Vec::new(),
            },
            Err(refusal) => InviteAccountPayload {
                user_errors: refused(visit, refusal)?,
                ..InviteAccountPayload::default()
            },
        })
    }

    /// Ends every session and API key of somebody one administers.
    async fn revoke_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] input: LoginInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let access = &visit.office.access;
        let ended = access.end_account(visit.caller()?, &input.login).await?;
        AccountPayload::of(visit, ended)
    }

    /// Takes a lost second factor away from somebody one administers; their sessions end. Codes:
    /// `OWN_RIGHTS`.
    async fn reset_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] input: LoginInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let access = &visit.office.access;
        let reset = access.reset_second_factor(visit.caller()?, &input.login);
        AccountPayload::of(visit, reset.await?)
    }

    /// Sets somebody's standing duties; nobody sets their own. Codes: `OWN_RIGHTS`, VALIDATION.
    async fn set_duties(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, which, where.")] input: SetDutiesInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let region = match region(visit, input.region_code) {
            Ok(region) => region,
            Err(user_errors) => {
                return Ok(AccountPayload {
                    done: false,
                    user_errors,
                });
            }
        };
        let duties = input.duties.into_iter().map(Into::into).collect();
        let access = &visit.office.access;
        let set = access.set_duties(visit.caller()?, &input.login, duties, region);
        AccountPayload::of(visit, set.await?)
    }

    /// Gives somebody a duty for a time; nobody gives themselves one. Codes: `OWN_RIGHTS`, VALIDATION.
    async fn put_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom, which, where, when.")] input: PutAssignmentInput,
    ) -> Result<PutAssignmentPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (caller, access) = (visit.caller()?, &visit.office.access);
        let region = match region(visit, input.region_code) {
            Ok(region) => region,
            Err(user_errors) => {
                return Ok(PutAssignmentPayload {
                    assignment: None,
                    user_errors,
                });
            }
        };
        let (duty, from) = (input.duty.into(), input.from.0);
        let until = input.until.map(|it| it.0);
        let put = access.put_assignment(caller, &input.login, duty, region, from, until);
        Ok(match put.await? {
            Ok(assignment) => PutAssignmentPayload {
                assignment: Some(Assignment::from(&assignment)),
                user_errors: Vec::new(),
            },
            Err(refusal) => PutAssignmentPayload {
                assignment: None,
                user_errors: refused(visit, refusal)?,
            },
        })
    }

    /// Ends a duty for a time at once.
    async fn end_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: EndAssignmentInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let id = node_id::decode_as(Kind::Assignment, &input.assignment_id);
        let id = id.ok_or_else(ApiError::not_found)?;
        let access = &visit.office.access;
        let ended = access.end_assignment(visit.caller()?, id).await?;
        AccountPayload::of(visit, ended)
    }

    /// Lets one person act in another's place (代理) for a time: granted by the absent one, or by
    /// whoever administers them. Codes: `OWN_RIGHTS`, VALIDATION.
    async fn grant_substitution(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, for whom, when.")] input: GrantSubstitutionInput,
    ) -> Result<GrantSubstitutionPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (caller, access) = (visit.caller()?, &visit.office.access);
        let (absent, substitute) = (person(&input.absent_id)?, person(&input.substitute_id)?);
        let (from, until) = (input.from.0, input.until.0);
        let granted = access.grant_substitution(caller, absent, substitute, from, until);
        Ok(match granted.await? {
            Ok(substitution) => GrantSubstitutionPayload {
                substitution: Some(Substitution::from(&substitution)),
                user_errors: Vec::new(),
            },
            Err(refusal) => GrantSubstitutionPayload {
                substitution: None,
                user_errors: refused(visit, refusal)?,
            },
        })
    }

    /// Ends a substitution at once: either of the two, or whoever administers them.
    async fn end_substitution(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: EndSubstitutionInput,
    ) -> Result<AccountPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let id = node_id::decode_as(Kind::Substitution, &input.substitution_id);
        let id = id.ok_or_else(ApiError::not_found)?;
        let access = &visit.office.access;
        let ended = access.end_substitution(visit.caller()?, id).await?;
        AccountPayload::of(visit, ended)
    }
}
