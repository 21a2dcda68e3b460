//! Webhooks, as the API shows them: endpoints, deliveries, what connectors said.

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::enums::{DueState, EventKind};
use crate::types::scalars::{Date, DateTime};
use crate::visit::Visit;
use async_graphql::{Enum, ID, SimpleObject};
use engine::hooks;
use engine::hooks::endpoint::ShownKey;

/// How a webhook is signed.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "hooks::KeyKind")]
pub enum WebhookKeyKind {
    /// Ed25519签名: with a key pair (`v1a`); whoever verifies cannot sign.
    #[graphql(name = "ED25519")]
    Ed25519,
    /// HMAC签名: with a shared secret (`v1`).
    Hmac,
}

/// What became of a webhook.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "hooks::DeliveryStatus")]
pub enum WebhookDeliveryStatus {
    /// 待投递: it waits for its first or next attempt, or behind an earlier one of its claim.
    Waiting,
    /// 已投递: the receiver took it.
    Sent,
    /// 死信: ten attempts failed; `redeliverWebhook` sends it again.
    Dead,
}

/// Why an endpoint gets nothing.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "hooks::DisabledReason")]
pub enum WebhookDisabledReason {
    /// 人工停用: an administrator switched it off.
    ByHand,
    /// 对方已撤销: it answered 410.
    Gone,
    /// 连续失败: nothing arrived for five days.
    Failing,
}

/// How a message of a connector stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "hooks::MessageState")]
pub enum BankMessageState {
    /// 待处理: it waits for what it is about.
    Waiting,
    /// 已生效: the books say what it says.
    Applied,
    /// 已隔离: it changes nothing; a person must look.
    Quarantined,
    /// 已处置: a person has looked.
    Closed,
}

/// Why a message was quarantined. New values may be added: tolerate unknown ones.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "hooks::Quarantine")]
pub enum BankMessageCode {
    /// 签名不符: its signature fits no key of the connector; of the body only the hash is kept.
    Forged,
    /// 编号重用: another message came under the same id.
    IdReused,
    /// 无法识别: it is not a message that is understood.
    Unreadable,
    /// 含个人信息: it holds what looks like an identity number, an account or a telephone number; it is not kept.
    PrivateInText,
    /// 指令不存在: there is no such instruction, and none came in time.
    UnknownInstruction,
    /// 前序缺失: what must come before it did not come in time.
    OutOfOrder,
    /// 金额或收款人不符: amount or payee differ from the instruction.
    Mismatch,
    /// 前后矛盾: it contradicts what the bank said before.
    Contradiction,
    /// 待对账: nobody knows what became of the payment; a person reconciles it.
    ToReconcile,
    /// 案件不允许: the claim does not allow it.
    Refused,
    /// 接口账号已停用: the connector's account has ended.
    ConnectorEnded,
}

/// A key with which webhooks are signed, or a connector's messages verified.
#[derive(SimpleObject, Debug, Clone)]
pub struct WebhookKey {
    /// How it signs.
    kind: WebhookKeyKind,
    /// What verifies it: the public key (`whpk_`); of a shared secret null.
    public_key: Option<String>,
    /// When it was made.
    made_at: DateTime,
    /// Until when it is used, if another one follows it.
    ends_at: Option<DateTime>,
}

impl From<&ShownKey> for WebhookKey {
    fn from(shown: &ShownKey) -> Self {
        let public = shown.shown.as_ref().map(|it| it.reveal().to_owned());
        Self {
            kind: shown.key.kind.into(),
            public_key: public.filter(|_| shown.key.kind == hooks::KeyKind::Ed25519),
            made_at: DateTime(shown.key.made_at),
            ends_at: shown.key.ends_at.map(DateTime),
        }
    }
}

/// Where an organisation is told of its claims.
#[derive(SimpleObject, Debug, Clone)]
pub struct WebhookEndpoint {
    /// The node id.
    pub id: ID,
    /// Where.
    url: String,
    /// Which events; empty for all.
    event_types: Vec<EventKind>,
    /// Whether it is told.
    is_enabled: bool,
    /// Since when it gets nothing.
    disabled_at: Option<DateTime>,
    /// Why.
    disabled_reason: Option<WebhookDisabledReason>,
    /// Since when every attempt failed.
    failing_since: Option<DateTime>,
    /// Until when it wants to be left alone (`Retry-After`).
    paused_until: Option<DateTime>,
    /// When it was set up: it is told of what happened since.
    created_at: DateTime,
    /// The keys that sign now, the oldest first.
    keys: Vec<WebhookKey>,
}

impl WebhookEndpoint {
    /// An endpoint with its keys.
    pub async fn read(visit: &Visit, endpoint: hooks::Endpoint) -> Result<Self, ApiError> {
        let keys = visit.office.desk.endpoint_keys(&endpoint).await?;
        Ok(Self {
            id: node_id::encode(Kind::Endpoint, endpoint.id),
            url: endpoint.url,
            event_types: endpoint.kinds.into_iter().map(Into::into).collect(),
            is_enabled: endpoint.disabled.is_none(),
            disabled_at: endpoint.disabled.map(|it| DateTime(it.at)),
            disabled_reason: endpoint.disabled.map(|it| it.reason.into()),
            failing_since: endpoint.failing_since.map(DateTime),
            paused_until: endpoint.paused_until.map(DateTime),
            created_at: DateTime(endpoint.created_at),
            keys: keys.iter().map(WebhookKey::from).collect(),
        })
    }
}

/// What became of an event on its way to an endpoint.
#[derive(SimpleObject, Debug, Clone)]
pub struct WebhookDelivery {
    /// The node id: what `redeliverWebhook` wants.
    pub id: ID,
    /// The `webhook-id` header: the same at every attempt.
    message_id: String,
    /// The claim.
    claim_id: ID,
    /// The event's place in the history of the claim.
    seq: u32,
    /// What happened; of a reminder what happened last before it.
    event_type: EventKind,
    /// The reminder of a deadline, if nothing happened.
    reminder: Option<DueState>,
    /// Of a reminder: the last day of the term.
    due_on: Option<Date>,
    /// When it happened, or was reminded.
    recorded_at: DateTime,
    /// What became of it.
    status: WebhookDeliveryStatus,
    /// Attempts, since it was last asked for.
    attempts: u32,
    /// When it was tried last.
    tried_at: Option<DateTime>,
    /// When it is tried next; null unless it waits.
    next_at: Option<DateTime>,
    /// What the last attempt met: `HTTP 500`, or why there was no answer.
    answer: Option<String>,
}

impl From<hooks::Delivery> for WebhookDelivery {
    fn from(delivery: hooks::Delivery) -> Self {
        let waits = delivery.status == hooks::DeliveryStatus::Waiting;
        Self {
            id: node_id::encode(Kind::Delivery, delivery.id()),
            message_id: delivery.message_id(),
            claim_id: node_id::encode(Kind::Claim, delivery.event.claim.0),
            seq: delivery.event.version,
            event_type: delivery.event.kind.into(),
            reminder: delivery.reminder.map(|it| it.state.into()),
            due_on: delivery.reminder.map(|it| Date(it.due_on)),
            recorded_at: DateTime(delivery.event.at),
            status: delivery.status.into(),
            attempts: delivery.attempts,
            tried_at: delivery.tried_at.map(DateTime),
            next_at: waits.then_some(DateTime(delivery.next_at)),
            answer: delivery.answer,
        }
    }
}

/// A message that a connector sent.
#[derive(SimpleObject, Debug, Clone)]
pub struct BankMessage {
    /// The node id: what `closeBankMessage` wants.
    pub id: ID,
    /// Its `webhook-id`.
    message_id: String,
    /// When it came.
    received_at: DateTime,
    /// The instruction it is about, if it can be read.
    instruction_no: Option<String>,
    /// The raw body; empty where it was forged or held private data.
    body: String,
    /// SHA-256 of the raw body, in hexadecimal.
    body_hash: String,
    /// How it stands.
    state: BankMessageState,
    /// Why it was quarantined.
    code: Option<BankMessageCode>,
    /// When it was settled.
    settled_at: Option<DateTime>,
    /// What the person said who looked at it.
    closed_reason: Option<String>,
}

impl From<hooks::Message> for BankMessage {
    fn from(message: hooks::Message) -> Self {
        Self {
            id: node_id::encode(Kind::Message, message.id),
            message_id: message.message_id,
            received_at: DateTime(message.received_at),
            instruction_no: message.instruction_no,
            body: message.body,
            body_hash: message.body_hash,
            state: message.state.into(),
            code: message.code.map(Into::into),
            settled_at: message.settled_at.map(DateTime),
            closed_reason: message.closed.map(|(_, reason)| reason),
        }
    }
}
