//! Mutations: one per command. A resolver only parses; [`submit`] is the one way to the desk.

mod access;
mod administration;
mod approval;
mod bank;
mod bulk;
mod hooks;
pub mod input;
mod payout;
mod pool;
mod private;
mod public_notice;
mod referral;
mod refusal;
mod registry;
mod verification;

use crate::errors::{ApiError, ErrorCode};
use crate::messages::{UserError, UserErrorCode};
use crate::node_id::{self, Kind};
use crate::types::claim::ClaimNode;
use crate::types::event::ClaimEvent;
use crate::visit::{Stretch, Visit};
use async_graphql::{Context, ID, MergedObject};
use engine::desk::{MadeIds, Submission};
use engine::limits::PAGE_MAX;
use engine::{Desk, Fault, Outcome, Outlook, Span};
use lifecycle::{Blocked, ClaimId, Command, Param};
use uuid::Uuid;

/// Writing. Each mutation is one business verb; at most one is executed per request. An expected
/// refusal is a `userErrors` entry, and then nothing was written.
#[derive(MergedObject, Default)]
pub struct Mutation(
    access::AccessMutations,
    administration::AdministrationMutations,
    registry::RegistryMutations,
    bulk::BulkMutations,
    private::PrivateMutations,
    referral::ReferralMutations,
    verification::VerificationMutations,
    public_notice::PublicNoticeMutations,
    approval::ApprovalMutations,
    payout::PayoutMutations,
    refusal::RefusalMutations,
    pool::PoolMutations,
    bank::BankMutations,
    hooks::HookMutations,
);

/// The input of a mutation that is a command.
trait ClaimInput {
    /// The claim and the version that was seen; `None` where a claim begins.
    fn target(&self) -> Option<(ID, i32)>;
    /// The idempotency key.
    fn key(&self) -> Uuid;
    /// Whether nothing is to be written.
    fn preview(&self) -> bool;
    /// The command.
    fn command(self, ids: MadeIds<'_>) -> Result<Command, Blocked>;
}

/// What every payload of a command holds.
struct Answer {
    claim: Option<ClaimNode>,
    event: Option<ClaimEvent>,
    changed_since: Vec<ClaimEvent>,
    user_errors: Vec<UserError>,
}

impl Answer {
    fn of(claim: Option<ClaimNode>, user_errors: Vec<UserError>) -> Self {
        Self {
            claim,
            event: None,
            changed_since: Vec::new(),
            user_errors,
        }
    }
}

/// Submits a command and maps the outcome.
async fn submit(ctx: &Context<'_>, input: impl ClaimInput) -> Result<Answer, ApiError> {
    let visit = Visit::of(ctx)?;
    let caller = visit.caller()?;
    let (key, preview) = (input.key(), input.preview());
    let target = input.target();
    let claim = match &target {
        None => None,
        Some((id, _)) => {
            let uuid = node_id::decode_as(Kind::Claim, id).ok_or_else(ApiError::not_found)?;
            Some(ClaimId(uuid))
        }
    };
    let version = match target {
        None => Ok(None),
        Some((_, version)) => u32::try_from(version).map(Some),
    };
    let seen_version = version.as_ref().ok().copied().flatten().unwrap_or(0);
    let command = input.command(Desk::ids(caller, key));
    let dossier = command.as_ref().ok().and_then(Command::dossier);
    let dossier = dossier.map(str::to_owned);
    let outcome = match (command, version) {
        (Ok(command), Ok(version)) => {
            let submission = Submission {
                claim: claim.zip(version),
                key,
                command,
            };
            if preview {
                match visit.office.desk.preview(caller, submission).await? {
                    Outlook::Would { claim, event: _ } => {
                        return Ok(Answer::of(Some(ClaimNode::from(*claim)), Vec::new()));
                    }
                    Outlook::Blocked(blocked) => Outcome::Blocked(blocked),
                    Outlook::Stale { current } => Outcome::Stale { current },
                    Outlook::NotFound => Outcome::NotFound,
                }
            } else {
                visit.office.desk.submit(caller, submission).await?
            }
        }
        (Ok(_), Err(_)) => Outcome::Blocked(Blocked::Validation {
            field: "expectedVersion",
            reason: "NOT_POSITIVE",
        }),
        (Err(blocked), _) => Outcome::Blocked(blocked),
    };
    match outcome {
        Outcome::Done {
            receipt,
            claim,
            replay,
        } => {
            if replay {
                visit.note_replay();
            }
            Ok(Answer {
                claim: Some(ClaimNode::from(*claim)),
                event: Some(ClaimEvent::of_receipt(
                    &receipt,
                    caller.person,
                    caller.on_behalf_of,
                )),
                ..Answer::of(None, Vec::new())
            })
        }
        Outcome::Blocked(blocked) => {
            let outdated = outdated(visit, claim, dossier, seen_version, &blocked).await?;
            if let Some(version) = outdated {
                return stale(visit, claim, version, seen_version).await;
            }
            Ok(Answer::of(
                match claim {
                    Some(id) => Some(seen(visit, id).await?),
                    None => None,
                },
                vec![refusal(visit, &blocked)?],
            ))
        }
        Outcome::Stale { current } => stale(visit, claim, seen_version, current).await,
        Outcome::NotFound => Err(ApiError::not_found()),
        Outcome::KeyReused => Err(key_reused()),
    }
}

/// The earlier version whose dossier was confirmed, if a refusal is about that.
async fn outdated(
    visit: &Visit,
    claim: Option<ClaimId>,
    dossier: Option<String>,
    upto: u32,
    blocked: &Blocked,
) -> Result<Option<u32>, ApiError> {
    let (Some(claim), Some(dossier)) = (claim, dossier) else {
        return Ok(None);
    };
    if *blocked
        != (Blocked::Mismatch {
            field: "dossierHash",
        })
    {
        return Ok(None);
    }
    let span = Span {
        claim,
        after: 0,
        upto,
    };
    let events = visit.events(Stretch::Whole, span).await?;
    let events = events.iter().map(|it| &it.event);
    Ok(lifecycle::dossier::version_of(events, &dossier))
}

/// The answer to whoever saw an earlier version: what changed since, by whom.
async fn stale(
    visit: &Visit,
    claim: Option<ClaimId>,
    seen: u32,
    current: u32,
) -> Result<Answer, ApiError> {
    let changed_since = match claim {
        Some(claim) => {
            let span = Span {
                claim,
                after: seen.max(current.saturating_sub(PAGE_MAX)),
                upto: current,
            };
            let events = visit.events(Stretch::Whole, span).await?;
            events.iter().map(ClaimEvent::from).collect()
        }
        None => Vec::new(),
    };
    let params = [("current_version", Param::Number(i64::from(current)))];
    let error = UserError::new(UserErrorCode::StaleVersion, &params, visit.language);
    Ok(Answer {
        changed_since,
        ..Answer::of(None, vec![error])
    })
}

/// The claim of a refusal as it stands.
async fn seen(visit: &Visit, id: ClaimId) -> Result<ClaimNode, ApiError> {
    let store = visit.office.desk.store();
    let claim = store.claim(&visit.caller()?.scope, id).await?;
    claim.map(ClaimNode::from).ok_or_else(ApiError::not_found)
}

/// A refusal in the caller's language.
fn refusal(visit: &Visit, blocked: &Blocked) -> Result<UserError, ApiError> {
    UserError::blocked(blocked, visit.language).ok_or_else(|| {
        tracing::error!(code = blocked.code(), "a refusal without a message");
        ApiError::new(ErrorCode::Internal, "internal error")
    })
}

/// A key that was used for something else is no user error.
fn kept<T>(answer: Result<T, Fault>) -> Result<T, ApiError> {
    match answer {
        Err(Fault::Conflict(_)) => Err(key_reused()),
        Err(fault) => Err(fault.into()),
        Ok(done) => Ok(done),
    }
}

fn key_reused() -> ApiError {
    ApiError::new(
        ErrorCode::IdempotencyKeyReused,
        "the idempotency key was used with another payload",
    )
}

/// Declares the mutations of a phase: for each its input, its payload and its resolver, from one
/// sentence, the codes it may answer with besides the common ones, the fields of its input, and
/// the command they make. Without `begins`, the input names the claim and the version seen.
macro_rules! claim_mutations {
    (
        $(#[$group_meta:meta])*
        $group:ident {
            $(
                $doc:literal
                codes $codes:literal
                $method:ident($input:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })
                    $(begins $begins:tt)?
                    -> $payload:ident = |$ids:ident| $command:expr;
            )+
        }
    ) => {
        $(
            claim_mutations!(@input ($($begins)?) $doc $input { $($(#[$field_meta])* $field: $type,)* } $ids $command);

            #[doc = concat!("Answer. ", $doc)]
            #[derive(async_graphql::SimpleObject)]
            pub struct $payload {
                /// The claim after the event (in a preview: as it would be), or as it stands when the mutation
                /// was refused; null when it is stale or was never begun.
                claim: Option<crate::types::claim::ClaimNode>,
                /// What happened; null when refused, and in a preview.
                event: Option<crate::types::event::ClaimEvent>,
                /// With `STALE_VERSION`: what happened to the claim since `expectedVersion`, or since the version
                /// whose `dossierHash` was confirmed, in order, the last 100 events at most.
                changed_since: Vec<crate::types::event::ClaimEvent>,
                /// Why it was refused; empty when it was done.
                user_errors: Vec<crate::messages::UserError>,
            }

            impl From<crate::mutation::Answer> for $payload {
                fn from(answer: crate::mutation::Answer) -> Self {
                    let crate::mutation::Answer { claim, event, changed_since, user_errors } = answer;
                    Self { claim, event, changed_since, user_errors }
                }
            }
        )+

        $(#[$group_meta])*
        #[derive(Default)]
        pub struct $group;

        #[async_graphql::Object]
        impl $group {
            $(
                #[doc = concat!($doc, " Codes besides the common ones: ", $codes, ".")]
                async fn $method(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = "What is to be done, and to which version of the claim.")] input: $input,
                ) -> Result<$payload, crate::errors::ApiError> {
                    crate::mutation::submit(ctx, input).await.map($payload::from)
                }
            )+
        }
    };
    (@input () $doc:literal $input:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* } $ids:ident $command:expr) => {
        #[doc = concat!("Input. ", $doc)]
        #[derive(async_graphql::InputObject)]
        pub struct $input {
            /// Made by the client, best a UUID of version 7: the same key with the same input acts once and
            /// answers the same.
            idempotency_key: crate::types::scalars::Uuid,
            /// The claim.
            claim_id: async_graphql::ID,
            /// The `version` that was seen; `STALE_VERSION` if the claim has moved on.
            expected_version: i32,
            /// Dry run: nothing is written and the key stays unused; the answer is the claim as it would be,
            /// or the reasons against it.
            #[graphql(default)]
            preview: bool,
            $($(#[$field_meta])* $field: $type,)*
        }

        impl crate::mutation::ClaimInput for $input {
            fn target(&self) -> Option<(async_graphql::ID, i32)> {
                Some((self.claim_id.clone(), self.expected_version))
            }

            fn key(&self) -> uuid::Uuid {
                self.idempotency_key.0
            }

            fn preview(&self) -> bool {
                self.preview
            }

            fn command(self, $ids: engine::desk::MadeIds<'_>) -> Result<lifecycle::Command, lifecycle::Blocked> {
                let Self { idempotency_key: _, claim_id: _, expected_version: _, preview: _, $($field,)* } = self;
                $command
            }
        }
    };
    (@input (claim) $doc:literal $input:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* } $ids:ident $command:expr) => {
        #[doc = concat!("Input. ", $doc)]
        #[derive(async_graphql::InputObject)]
        pub struct $input {
            /// Made by the client, best a UUID of version 7: the same key with the same input acts once and
            /// answers the same.
            idempotency_key: crate::types::scalars::Uuid,
            /// Dry run: nothing is written and the key stays unused; the answer is the claim as it would be,
            /// or the reasons against it.
            #[graphql(default)]
            preview: bool,
            $($(#[$field_meta])* $field: $type,)*
        }

        impl crate::mutation::ClaimInput for $input {
            fn target(&self) -> Option<(async_graphql::ID, i32)> {
                None
            }

            fn key(&self) -> uuid::Uuid {
                self.idempotency_key.0
            }

            fn preview(&self) -> bool {
                self.preview
            }

            fn command(self, $ids: engine::desk::MadeIds<'_>) -> Result<lifecycle::Command, lifecycle::Blocked> {
                let Self { idempotency_key: _, preview: _, $($field,)* } = self;
                $command
            }
        }
    };
}
use claim_mutations;
