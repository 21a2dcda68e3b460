//! Webhooks, after the Standard Webhooks specification.
//!
//! **Out**: the county's log is the outbox. An endpoint keeps a place in it ([`Endpoint::cursor`]); a
//! [`Delivery`] says what became of an event on its way there. Thin bodies, at least once, in order per claim:
//! [`relay`]. When to try again: [`schedule`]. Where nothing may be sent: [`address`]. How it is signed:
//! [`signature`]. Who sets it up: [`endpoint`].
//!
//! **In**: what a bank's or an insurer's system says is verified over its raw bytes, kept for ever and then
//! applied as a command, or quarantined: [`inbox`].

pub mod address;
pub mod endpoint;
pub mod inbox;
pub mod relay;
pub mod schedule;
pub mod signature;

use crate::caller::Scope;
use crate::deadline::DueState;
use crate::ids;
use crate::ports::{Fault, Happened, Page, Slice};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use lifecycle::{AccountId, ClaimId, CountyCode, EventKind, OrgId, PersonId, Status};
use std::fmt;
use uuid::Uuid;

lifecycle::coded! {
    /// How a message is signed.
    KeyKind {
        /// With a key pair: `v1a`. Whoever verifies cannot sign.
        Ed25519 = "ED25519" "Ed25519签名",
        /// With a shared secret: `v1`, HMAC-SHA256.
        Hmac = "HMAC" "HMAC签名",
    }
}

lifecycle::coded! {
    /// What became of a delivery.
    DeliveryStatus {
        /// It waits for its first or next attempt.
        Waiting = "WAITING" "待投递",
        /// The receiver took it.
        Sent = "SENT" "已投递",
        /// It was tried as often as it is tried (死信).
        Dead = "DEAD" "死信",
    }
}

lifecycle::coded! {
    /// Why nothing is sent to an endpoint.
    DisabledReason {
        /// An administrator switched it off.
        ByHand = "BY_HAND" "人工停用",
        /// The receiver said that it is gone (410).
        Gone = "GONE" "对方已撤销",
        /// Nothing arrived for days.
        Failing = "FAILING" "连续失败",
    }
}

lifecycle::coded! {
    /// How a message stands that a connector sent.
    MessageState {
        /// It waits for what it is about.
        Waiting = "WAITING" "待处理",
        /// The books say what it says.
        Applied = "APPLIED" "已生效",
        /// It changes nothing; a person must look.
        Quarantined = "QUARANTINED" "已隔离",
        /// A person has looked.
        Closed = "CLOSED" "已处置",
    }
}

lifecycle::coded! {
    /// Why a message was quarantined.
    Quarantine {
        /// Its signature fits no key of the connector.
        Forged = "FORGED" "签名不符",
        /// Another message came under the same id.
        IdReused = "ID_REUSED" "编号重用",
        /// It is not a message that is understood.
        Unreadable = "UNREADABLE" "无法识别",
        /// It holds what looks like an identity number, an account or a telephone number.
        PrivateInText = "PRIVATE_IN_TEXT" "含个人信息",
        /// There is no such instruction, and none came in time.
        UnknownInstruction = "UNKNOWN_INSTRUCTION" "指令不存在",
        /// What must come before it did not come in time.
        OutOfOrder = "OUT_OF_ORDER" "前序缺失",
        /// Amount or payee differ from the instruction.
        Mismatch = "MISMATCH" "金额或收款人不符",
        /// It contradicts what the bank said before.
        Contradiction = "CONTRADICTION" "前后矛盾",
        /// Nobody knows what became of the payment; a person reconciles it.
        ToReconcile = "TO_RECONCILE" "待对账",
        /// The claim does not allow it.
        Refused = "REFUSED" "案件不允许",
        /// The connector's account has ended.
        ConnectorEnded = "CONNECTOR_ENDED" "接口账号已停用",
    }
}

/// A secret: it does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(String);

impl HookSecret {
    /// A secret as base64.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The base64: to sign, to verify, to be shown once, to be sealed.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(secret)")
    }
}

/// A key of an endpoint to sign with, or of a connector to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookKey {
    /// Id.
    pub id: Uuid,
    /// The organisation.
    pub org: OrgId,
    /// The endpoint, or the connector's account.
    pub owner: Uuid,
    /// How it signs.
    pub kind: KeyKind,
    /// HMAC: the shared secret. Ed25519: the private seed of an endpoint, the public key of a connector.
    pub secret: HookSecret,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Until when it is used, if another one follows it.
    pub ends_at: Option<DateTime<Utc>>,
}

impl HookKey {
    /// Whether it is used at an instant.
    pub fn is_used(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }
}

/// Why an endpoint gets nothing, since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: DisabledReason,
}

/// Where an organisation wants to be told of its claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Id.
    pub id: Uuid,
    /// The organisation.
    pub org: OrgId,
    /// The claims it is told of: those that whoever set it up could see.
    pub scope: Scope,
    /// Where.
    pub url: String,
    /// Which events; none for all.
    pub kinds: Vec<EventKind>,
    /// The place in the county's log up to which events were taken.
    pub cursor: i64,
    /// Who set it up.
    pub created_by: PersonId,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Since when nothing arrived, if the last attempt failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// Until when the receiver wants to be left alone.
    pub paused_until: Option<DateTime<Utc>>,
    /// Why it gets nothing any more.
    pub disabled: Option<Disabled>,
}

/// What an administrator changes of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// Another address.
    pub url: Option<String>,
    /// Other events.
    pub kinds: Option<Vec<EventKind>>,
    /// Switched on, or off.
    pub enabled: Option<bool>,
}

/// A reminder of a deadline: told once for each claim, status and deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reminder {
    /// Whether it is near or over.
    pub state: DueState,
    /// The status that should end.
    pub status: Status,
    /// The last day of its term.
    pub due_on: NaiveDate,
}

/// What became of an event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The endpoint.
    pub endpoint: Uuid,
    /// The event; of a reminder the last one of its claim, at the instant of the reminder.
    pub event: Happened,
    /// The reminder that it is, if it is one.
    pub reminder: Option<Reminder>,
    /// What became of it.
    pub status: DeliveryStatus,
    /// Which round: 1, and one more each time it is asked for again.
    pub round: u32,
    /// Attempts of this round.
    pub attempts: u32,
    /// When it may be tried next.
    pub next_at: DateTime<Utc>,
    /// When it was tried last.
    pub tried_at: Option<DateTime<Utc>>,
    /// What the last attempt met: `HTTP 500`, or why there was no answer.
    pub answer: Option<String>,
}

impl Delivery {
    /// An event that was not tried yet.
    pub const fn waiting(endpoint: Uuid, event: Happened, now: DateTime<Utc>) -> Self {
        Self {
            endpoint,
            event,
            reminder: None,
            status: DeliveryStatus::Waiting,
            round: 1,
            attempts: 0,
            next_at: now,
            tried_at: None,
            answer: None,
        }
    }

    /// A reminder that was not tried yet.
    pub fn reminding(
        endpoint: Uuid,
        last: Happened,
        reminder: Reminder,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            reminder: Some(reminder),
            ..Self::waiting(endpoint, last, now)
        }
    }

    /// Its id: it follows from endpoint and event, or reminder.
    pub fn id(&self) -> Uuid {
        let Happened { claim, version, .. } = self.event;
        let what = self.reminder.map_or_else(
            || version.to_string(),
            |it| format!("{}/{}/{}", it.status, it.due_on, it.state),
        );
        ids::named("webhook", &format!("{}/{claim}/{what}", self.endpoint))
    }

    /// Its `webhook-id`: every attempt, also of another process after a crash, carries the same one.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.id().simple())
    }

    /// Its key in lists: the instant of the event and the id. (A place in the county's log would tell how much
    /// happens elsewhere.)
    pub fn key(&self) -> String {
        Page::key_in_time(self.event.at, self.id())
    }
}

/// What a round of deliveries came to, written at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// The place up to which events were taken; 0 if none were.
    pub cursor: i64,
    /// What became of each.
    pub deliveries: Vec<Delivery>,
    /// Whether anything arrived; `None` if nothing was tried.
    pub arrived: Option<bool>,
    /// Until when the receiver wants to be left alone.
    pub paused_until: Option<DateTime<Utc>>,
    /// Why it gets nothing any more, if that is so from now on.
    pub disabled: Option<DisabledReason>,
}

/// Who sends to an endpoint now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The process.
    pub by: Uuid,
    /// From when.
    pub now: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// A message as a connector sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Id: it follows from sender and message.
    pub id: Uuid,
    /// The connector's organisation.
    pub org: OrgId,
    /// The connector's account.
    pub account: AccountId,
    /// Its `webhook-id`.
    pub message_id: String,
    /// SHA-256 of the raw body.
    pub body_hash: String,
    /// The raw body; empty where it was forged or held private data: those are not kept.
    pub body: String,
    /// The instruction it is about, if it can be read.
    pub instruction_no: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How it stands.
    pub state: MessageState,
    /// Why it was quarantined.
    pub code: Option<Quarantine>,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: DateTime<Utc>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
    /// Who looked at it, and what they said.
    pub closed: Option<(PersonId, String)>,
}

/// How a message was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// As a new one.
    First,
    /// It was there already: how it stands.
    Again(Box<Message>),
    /// Another one was there under its id: it is kept beside it, in quarantine.
    Reused,
}

/// Which deliveries are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// This one.
    One(Uuid),
    /// Those of events from one instant on, before another.
    Between(DateTime<Utc>, DateTime<Utc>),
}

/// Webhooks on record.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Records an endpoint with its first key; whether it is new. The same id with another organisation, address
    /// or other events is `Fault::Conflict`.
    async fn put_endpoint(
        &self,
        county: CountyCode,
        endpoint: &Endpoint,
        key: &HookKey,
    ) -> Result<bool, Fault>;
    /// Changes an endpoint. Switched on, it goes on where it stopped, and has not failed yet.
    async fn change_endpoint(
        &self,
        county: CountyCode,
        id: Uuid,
        change: &EndpointChange,
        at: DateTime<Utc>,
    ) -> Result<(), Fault>;
    /// The endpoints of a county, or of one organisation, in order of id.
    async fn endpoints(
        &self,
        county: CountyCode,
        org: Option<OrgId>,
    ) -> Result<Vec<Endpoint>, Fault>;
    /// Records a key, once; the owner's earlier ones end when it says.
    async fn put_hook_key(
        &self,
        county: CountyCode,
        key: &HookKey,
        earlier_end: DateTime<Utc>,
    ) -> Result<(), Fault>;
    /// Every key of an endpoint or a connector, the oldest first.
    async fn hook_keys(&self, county: CountyCode, owner: Uuid) -> Result<Vec<HookKey>, Fault>;

    /// Takes an endpoint, or keeps it; `None` while another process has it.
    async fn lease(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        lease: &Lease,
    ) -> Result<Option<Endpoint>, Fault>;
    /// Gives it back.
    async fn end_lease(&self, county: CountyCode, endpoint: Uuid, by: Uuid) -> Result<(), Fault>;
    /// Deliveries that may be tried now: of each claim only the first that waits.
    async fn due_deliveries(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Fault>;
    /// Which of these claims have a delivery that waits.
    async fn held_up(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        claims: &[ClaimId],
    ) -> Result<Vec<ClaimId>, Fault>;
    /// How many deliveries wait.
    async fn waiting(&self, county: CountyCode, endpoint: Uuid) -> Result<u64, Fault>;
    /// Records a round, if the endpoint is still this process's; whether it was.
    async fn record_round(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        lease: &Lease,
        round: &Round,
    ) -> Result<bool, Fault>;
    /// Records reminders to an endpoint that were not recorded before. How many.
    async fn put_reminders(
        &self,
        county: CountyCode,
        endpoint: &Endpoint,
        reminders: &[Delivery],
    ) -> Result<u64, Fault>;
    /// Sends again what was sent or is dead: it begins a new round. How many.
    async fn redeliver(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        which: &Again,
        now: DateTime<Utc>,
    ) -> Result<u64, Fault>;
    /// One delivery.
    async fn delivery(&self, county: CountyCode, id: Uuid) -> Result<Option<Delivery>, Fault>;
    /// A page of deliveries of an endpoint, by [`Delivery::key`].
    async fn deliveries(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        status: Option<DeliveryStatus>,
        page: &Page,
    ) -> Result<Slice<Delivery>, Fault>;

    /// Keeps a message for ever. One of the same sender under the same id is the same one, or contradicts it.
    async fn keep_message(&self, county: CountyCode, message: &Message) -> Result<Kept, Fault>;
    /// Forged messages kept of a connector since an instant.
    async fn forged_since(
        &self,
        county: CountyCode,
        account: AccountId,
        since: DateTime<Utc>,
    ) -> Result<u64, Fault>;
    /// Messages to be tried now, in order of arrival.
    async fn due_messages(
        &self,
        county: CountyCode,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Message>, Fault>;
    /// Records how a message stands after it was looked at, if it stood as `seen`; whether it did. Once it is
    /// applied, those that wait for the same instruction are tried at once.
    async fn settle_message(
        &self,
        county: CountyCode,
        seen: MessageState,
        message: &Message,
    ) -> Result<bool, Fault>;
    /// One message.
    async fn message(&self, county: CountyCode, id: Uuid) -> Result<Option<Message>, Fault>;
    /// A page of an organisation's messages, in order of arrival.
    async fn messages(
        &self,
        county: CountyCode,
        org: OrgId,
        state: Option<MessageState>,
        page: &Page,
    ) -> Result<Slice<Message>, Fault>;
}

impl Message {
    /// The same where another one stands under its `webhook-id`: kept beside it, in quarantine.
    #[must_use]
    pub fn reused(&self) -> Self {
        let name = format!("{}/{}/{}", self.account, self.message_id, self.body_hash);
        Self {
            id: ids::named("hook-reused", &name),
            state: MessageState::Quarantined,
            code: Some(Quarantine::IdReused),
            settled_at: Some(self.received_at),
            ..self.clone()
        }
    }

    /// Its key in lists: the instant of arrival and the id.
    pub fn key(&self) -> String {
        Page::key_in_time(self.received_at, self.id)
    }
}
