//! Webhooks: where the own organisation is told, with which keys, what is sent again; what connectors say.

use super::administration::refused;
use super::registry::{Refused, named};
use crate::errors::ApiError;
use crate::hooks::check_address;
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::kept;
use crate::node_id::{self, Kind};
use crate::types::enums::EventKind;
use crate::types::hooks::{
    BankMessage, WebhookDelivery, WebhookEndpoint, WebhookKey, WebhookKeyKind,
};
use crate::types::scalars::{DateTime, Uuid};
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use engine::access::Refusal;
use engine::hooks::address::AllowList;
use engine::hooks::inbox::{Incoming, Untaken};
use engine::hooks::{Again, EndpointChange};
use engine::limits::LIST_ITEMS_MAX;
use std::sync::Arc;

/// Input. Sets up an endpoint.
#[derive(InputObject)]
pub struct CreateWebhookEndpointInput {
    /// Made by the client: the same key with the same input acts once and answers the same.
    idempotency_key: Uuid,
    /// Where: `https://`; plain HTTP and addresses of an intranet only where the operator lists them (`webhook_allow`).
    url: String,
    /// Which events; null or empty for all.
    event_types: Option<Vec<EventKind>>,
    /// How it is signed.
    #[graphql(default_with = "WebhookKeyKind::Ed25519")]
    key_kind: WebhookKeyKind,
}

/// Input. Changes an endpoint; what is null stays as it is.
#[derive(InputObject)]
pub struct UpdateWebhookEndpointInput {
    /// The endpoint.
    endpoint_id: ID,
    /// Another address.
    url: Option<String>,
    /// Other events; empty for all.
    event_types: Option<Vec<EventKind>>,
    /// Switched on or off. Switched on, it is told of everything it missed.
    enabled: Option<bool>,
}

/// Input. Gives an endpoint another key.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// Made by the client: the same key with the same input acts once and answers the same.
    idempotency_key: Uuid,
    /// The endpoint.
    endpoint_id: ID,
    /// How it is signed from now on.
    #[graphql(default_with = "WebhookKeyKind::Ed25519")]
    key_kind: WebhookKeyKind,
    /// Hours in which the earlier keys sign beside it, 0 to 168.
    #[graphql(default = 24)]
    overlap_hours: i32,
}

/// Input. Sends again what happened in a time.
#[derive(InputObject)]
pub struct ReplayWebhooksInput {
    /// The endpoint.
    endpoint_id: ID,
    /// Events from this instant on.
    from: DateTime,
    /// Events before this instant.
    until: DateTime,
}

/// Input. Sends one again.
#[derive(InputObject)]
pub struct RedeliverWebhookInput {
    /// The delivery.
    delivery_id: ID,
}

/// Input. Registers the key of a connector.
#[derive(InputObject)]
pub struct RegisterConnectorKeyInput {
    /// Made by the client: the same key with the same input acts once and answers the same.
    idempotency_key: Uuid,
    /// The connector's login: an account of one's own organisation with the duty `BANK_CONNECTOR`.
    login: String,
    /// Its ed25519 public key (`whpk_` and base64); null to have a shared secret made.
    public_key: Option<String>,
    /// Hours in which the earlier keys hold beside it, 0 to 168.
    #[graphql(default = 24)]
    overlap_hours: i32,
}

/// Input. A message as `POST /hooks/v1/{connector}` takes it.
#[derive(InputObject)]
pub struct ReceiveBankMessageInput {
    /// The `webhook-id` header.
    message_id: String,
    /// The `webhook-timestamp` header.
    timestamp: String,
    /// The `webhook-signature` header.
    signature: String,
    /// The body, byte for byte as it was signed.
    body: String,
}

/// Input. Closes a message in quarantine.
#[derive(InputObject)]
pub struct CloseBankMessageInput {
    /// The message.
    message_id: ID,
    /// What was found, and done about it.
    reason: String,
}

/// Answer. An endpoint with its key.
#[derive(SimpleObject, Default)]
pub struct WebhookSecretPayload {
    /// The shared secret (`whsec_`), shown once; null for a key pair.
    secret: Option<String>,
    /// The public key (`whpk_`); null for a shared secret.
    public_key: Option<String>,
    /// The endpoint.
    endpoint: Option<WebhookEndpoint>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. An endpoint as it stands.
#[derive(SimpleObject, Default)]
pub struct WebhookEndpointPayload {
    /// The endpoint.
    endpoint: Option<WebhookEndpoint>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. Sends again.
#[derive(SimpleObject, Default)]
pub struct ReplayWebhooksPayload {
    /// How many are sent again; those that wait anyway are not counted.
    count: Option<i32>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. Sends one again.
#[derive(SimpleObject, Default)]
pub struct RedeliverWebhookPayload {
    /// The delivery.
    delivery: Option<WebhookDelivery>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. Registers the key of a connector.
#[derive(SimpleObject, Default)]
pub struct RegisterConnectorKeyPayload {
    /// The shared secret (`whsec_`), shown once; null for a public key.
    secret: Option<String>,
    /// The key.
    key: Option<WebhookKey>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. A message as it stands.
#[derive(SimpleObject, Default)]
pub struct BankMessagePayload {
    /// The message.
    message: Option<BankMessage>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of webhooks.
#[derive(Default)]
pub struct HookMutations;

fn endpoint_id(id: &ID) -> Result<uuid::Uuid, ApiError> {
    node_id::decode_as(Kind::Endpoint, id).ok_or_else(ApiError::not_found)
}

fn kinds(types: Vec<EventKind>) -> Vec<lifecycle::EventKind> {
    let mut kinds: Vec<lifecycle::EventKind> = types.into_iter().map(Into::into).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The address of an input, checked as it leads now; it is checked again whenever something is sent.
async fn lawful(ctx: &Context<'_>, visit: &Visit, url: &str) -> Result<(), Vec<UserError>> {
    let nothing = AllowList::default();
    let allow = ctx.data_opt::<Arc<AllowList>>().map_or(&nothing, |it| it);
    check_address(url, allow)
        .await
        .map_err(|reason| Refused("url", reason).told(visit))
}

#[Object]
impl HookMutations {
    /// Sets up an endpoint (回调地址) to which one's own organisation is told of its claims, from now on: thin
    /// messages after the Standard Webhooks specification, at least once, in order per claim. Codes: VALIDATION
    /// (`ADDRESS_REFUSED`, `HOST_UNKNOWN`, `NOT_A_URL`, `TOO_LONG`, `TOO_MANY`).
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where, of what, how signed.")] input: CreateWebhookEndpointInput,
    ) -> Result<WebhookSecretPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        if let Err(user_errors) = lawful(ctx, visit, &input.url).await {
            return Ok(WebhookSecretPayload {
                user_errors,
                ..WebhookSecretPayload::default()
            });
        }
        let types = input.event_types.unwrap_or_default();
        if types.len() > LIST_ITEMS_MAX {
            let user_errors = Refused("eventTypes", "TOO_MANY").told(visit);
            return Ok(WebhookSecretPayload {
                user_errors,
                ..WebhookSecretPayload::default()
            });
        }
        let (key, kind) = (input.idempotency_key.0, input.key_kind.into());
        let desk = &visit.office.desk;
        let made = desk.create_endpoint(visit.caller()?, key, &input.url, kinds(types), kind);
        match kept(made.await)? {
            Ok((endpoint, key)) => secret(visit, endpoint, &key).await,
            Err(refusal) => Ok(WebhookSecretPayload {
                user_errors: refused(visit, refusal)?,
                ..WebhookSecretPayload::default()
            }),
        }
    }

    /// Changes an endpoint, switches it off, or on again: then it is told of everything it missed. Codes: VALIDATION, as
    /// with `createWebhookEndpoint`.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what of it.")] input: UpdateWebhookEndpointInput,
    ) -> Result<WebhookEndpointPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let id = endpoint_id(&input.endpoint_id)?;
        if let Some(url) = &input.url
            && let Err(user_errors) = lawful(ctx, visit, url).await
        {
            return Ok(WebhookEndpointPayload {
                endpoint: None,
                user_errors,
            });
        }
        let change = EndpointChange {
            url: input.url,
            kinds: input.event_types.map(kinds),
            enabled: input.enabled,
        };
        let desk = &visit.office.desk;
        Ok(
            match desk.change_endpoint(visit.caller()?, id, &change).await? {
                Ok(endpoint) => WebhookEndpointPayload {
                    endpoint: Some(WebhookEndpoint::read(visit, endpoint).await?),
                    user_errors: Vec::new(),
                },
                Err(refusal) => WebhookEndpointPayload {
                    endpoint: None,
                    user_errors: refused(visit, refusal)?,
                },
            },
        )
    }

    /// Gives an endpoint another key; the earlier ones sign beside it for the overlap, so that the receiver goes over at any
    /// moment of it. Codes: VALIDATION.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, how signed, with which overlap.")] input: RotateWebhookSecretInput,
    ) -> Result<WebhookSecretPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (id, caller) = (endpoint_id(&input.endpoint_id)?, visit.caller()?);
        let (key, kind) = (input.idempotency_key.0, input.key_kind.into());
        let hours = i64::from(input.overlap_hours);
        let desk = &visit.office.desk;
        match kept(desk.rotate_secret(caller, key, id, kind, hours).await)? {
            Ok(key) => {
                let endpoint = desk.endpoint(caller, id).await?;
                let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
                secret(visit, endpoint, &key).await
            }
            Err(refusal) => Ok(WebhookSecretPayload {
                user_errors: refused(visit, refusal)?,
                ..WebhookSecretPayload::default()
            }),
        }
    }

    /// Sends again, in order, what was sent to an endpoint of the events of a time, or is dead; under the same
    /// `webhook-id`. Codes: VALIDATION.
    async fn replay_webhooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, from when to when.")] input: ReplayWebhooksInput,
    ) -> Result<ReplayWebhooksPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let id = endpoint_id(&input.endpoint_id)?;
        let which = Again::Between(input.from.0, input.until.0);
        let desk = &visit.office.desk;
        Ok(match desk.redeliver(visit.caller()?, id, &which).await? {
            Ok(count) => ReplayWebhooksPayload {
                count: Some(i32::try_from(count).unwrap_or(i32::MAX)),
                user_errors: Vec::new(),
            },
            Err(refusal) => ReplayWebhooksPayload {
                count: None,
                user_errors: refused(visit, refusal)?,
            },
        })
    }

    /// Sends one delivery again: a dead letter (死信), or one the receiver lost.
    async fn redeliver_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RedeliverWebhookInput,
    ) -> Result<RedeliverWebhookPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (caller, desk) = (visit.caller()?, &visit.office.desk);
        let id = node_id::decode_as(Kind::Delivery, &input.delivery_id);
        let id = id.ok_or_else(ApiError::not_found)?;
        let found = desk.delivery(caller, id).await?;
        let (endpoint, _) = found.ok_or_else(ApiError::not_found)?;
        if let Err(refusal) = desk.redeliver(caller, endpoint.id, &Again::One(id)).await? {
            return Ok(RedeliverWebhookPayload {
                delivery: None,
                user_errors: refused(visit, refusal)?,
            });
        }
        let found = desk.delivery(caller, id).await?;
        Ok(RedeliverWebhookPayload {
            delivery: found.map(|(_, delivery)| delivery.into()),
            user_errors: Vec::new(),
        })
    }

    /// Registers the key with which the messages of a connector (银行接口) are verified. Codes: VALIDATION
    /// (`NOT_A_CONNECTOR`, `NOT_A_KEY`, `NOT_0_TO_168`).
    async fn register_connector_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, and which.")] input: RegisterConnectorKeyInput,
    ) -> Result<RegisterConnectorKeyPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let (key, hours) = (input.idempotency_key.0, i64::from(input.overlap_hours));
        let public = input.public_key.as_deref();
        let desk = &visit.office.desk;
        let made = desk.register_connector_key(visit.caller()?, key, &input.login, public, hours);
        Ok(match kept(made.await)? {
            Ok(made) => RegisterConnectorKeyPayload {
                secret: made.shown.as_ref().map(|it| it.reveal().to_owned()),
                key: Some(WebhookKey::from(&made)),
                user_errors: Vec::new(),
            },
            Err(refusal) => RegisterConnectorKeyPayload {
                user_errors: refused(visit, refusal)?,
                ..RegisterConnectorKeyPayload::default()
            },
        })
    }

    /// Takes a message of the connector that is signed in, by the rules of `POST /hooks/v1/{connector}`: verified, kept
    /// for ever, applied within a second or quarantined. Codes: VALIDATION (`FORGED`, `STALE`, `MALFORMED`).
    async fn receive_bank_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The three headers and the body.")] input: ReceiveBankMessageInput,
    ) -> Result<BankMessagePayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let incoming = Incoming {
            id: &input.message_id,
            timestamp: &input.timestamp,
            signature: &input.signature,
            body: input.body.as_bytes(),
        };
        let desk = &visit.office.desk;
        let taken = desk.receive_of(visit.caller()?, incoming).await?;
        let refused = |field, reason| BankMessagePayload {
            message: None,
            user_errors: Refused(field, reason).told(visit),
        };
        Ok(match taken {
            Ok(taken) => BankMessagePayload {
                message: Some(taken.message.into()),
                user_errors: Vec::new(),
            },
            Err(Untaken::Forged) => refused("signature", "FORGED"),
            Err(Untaken::Stale) => refused("timestamp", "STALE"),
            Err(Untaken::Malformed) => refused("messageId", "MALFORMED"),
        })
    }

    /// Closes a message in quarantine, after somebody looked who did not order the payment. It never moves money. Codes:
    /// `SECOND_PERSON_REQUIRED`, VALIDATION (`NOT_QUARANTINED`), `PRIVATE_IN_TEXT`.
    async fn close_bank_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what was found.")] input: CloseBankMessageInput,
    ) -> Result<BankMessagePayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let id = node_id::decode_as(Kind::Message, &input.message_id);
        let id = id.ok_or_else(ApiError::not_found)?;
        let told = |user_errors| BankMessagePayload {
            message: None,
            user_errors,
        };
        let reason = match named("reason", &input.reason) {
            Ok(reason) => reason,
            Err(Refused(field, reason)) => return Ok(told(Refused(field, reason).told(visit))),
        };
        let desk = &visit.office.desk;
        Ok(
            match desk.close_message(visit.caller()?, id, &reason).await? {
                Ok(message) => BankMessagePayload {
                    message: Some(message.into()),
                    user_errors: Vec::new(),
                },
                Err(Refusal::Own) => {
                    let code = UserErrorCode::SecondPersonRequired;
                    told(vec![UserError::new(code, &[], visit.language)])
                }
                Err(refusal) => told(refused(visit, refusal)?),
            },
        )
    }
}

async fn secret(
    visit: &Visit,
    endpoint: engine::hooks::Endpoint,
    key: &engine::hooks::endpoint::ShownKey,
) -> Result<WebhookSecretPayload, ApiError> {
    let shown = key.shown.as_ref().map(|it| it.reveal().to_owned());
    let (secret, public_key) = match key.key.kind {
        engine::hooks::KeyKind::Hmac => (shown, None),
        engine::hooks::KeyKind::Ed25519 => (None, shown),
    };
    Ok(WebhookSecretPayload {
        secret,
        public_key,
        endpoint: Some(WebhookEndpoint::read(visit, endpoint).await?),
        user_errors: Vec::new(),
    })
}
