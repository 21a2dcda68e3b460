//! What connectors say (`POST /hooks/v1/{connector}`, or the mutation `receiveBankMessage`): verified over its raw
//! bytes, kept for ever, and then applied.
//!
//! What a message does follows from the message and from the history of the instruction it names, never from when or
//! how often it came: a repetition finds that the books already say so; one that came early waits for what must come
//! before it; whatever contradicts the instruction or an earlier message is quarantined and moves no money. Messages
//! become commands and go through the desk like any other.

use super::signature::is_genuine;
use super::{HookKey, Kept, Message, MessageState, Quarantine};
use crate::access::{Answer, Refusal};
use crate::caller::Caller;
use crate::desk::{Desk, Submission};
use crate::household::{IdNumber, holds_private};
use crate::identity::{Holder, Pass, PassId, PassKind, Presented, Rules};
use crate::ids;
use crate::limits;
use crate::ports::{Fault, Outcome, Page, Recorded, Slice};
use crate::{Grant, sight};
use benefits::Fen;
use chrono::{DateTime, Duration, Utc};
use lifecycle::phase::payout::{BankSays, Meaning, PaymentStatus, instruction_in, meaning};
use lifecycle::{AccountId, Claim, Command, CountyCode, Duty, Happening, PayeeId, PersonId};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration as Wait;
use tokio::sync::watch;
use uuid::Uuid;

/// A message as it comes in: three headers and the raw body.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untaken {
    /// There is no such connector, or no key of its own fits: not told apart.
    Forged,
    /// Its timestamp lies too far from the clock.
    Stale,
    /// Id, timestamp or body are not what they must be.
    Malformed,
}

/// A message that was taken: how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The message.
    pub message: Message,
    /// Whether it was there already.
    pub again: bool,
}

/// A connector: an account that may report what became of payments.
#[derive(Debug, Clone)]
struct Connector {
    caller: Caller,
    keys: Vec<HookKey>,
}

/// What a payee is called towards a bank: it follows from the version of the payee that was approved, and tells nothing
/// of account or holder.
pub fn payee_fingerprint(payee: PayeeId) -> String {
    let mut hash = ids::sha256(format!("payee version\n{payee}"));
    hash.truncate(32);
    hash
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    data: WireData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireData {
    instruction_no: String,
    amount_fen: Option<String>,
    payee_fingerprint: Option<String>,
    bank_ref: Option<String>,
    reason: Option<String>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    instruction_no: String,
    amount: Option<Fen>,
    payee_fingerprint: Option<String>,
    what: Said,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Succeeded { bank_ref: String },
    Failed { reason: String },
    Returned { bank_ref: String },
}

/// Fields that hold numbers by nature: of the bank and of ours.
const NUMBERS: &[&str] = &[
    "instructionNo",
    "amountFen",
    "payeeFingerprint",
    "timestamp",
];

/// Whether a text of the message holds what has no place there. A bank's reference may be a long number, but no
/// identity number.
fn tells_private(name: &str, value: &Value) -> bool {
    match value {
        Value::String(text) if name == "bankRef" => IdNumber::parse(text).is_ok(),
        Value::String(text) => !NUMBERS.contains(&name) && holds_private(text),
        Value::Number(number) => holds_private(&number.to_string()),
        Value::Array(items) => items.iter().any(|item| tells_private(name, item)),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| holds_private(name) || tells_private(name, value)),
        Value::Null | Value::Bool(_) => false,
    }
}

fn read(body: &[u8]) -> Result<Report, Quarantine> {
    let value: Value = serde_json::from_slice(body).map_err(|_| {
        let text = String::from_utf8_lossy(body);
        if holds_private(&text) {
            Quarantine::PrivateInText
        } else {
            Quarantine::Unreadable
        }
    })?;
    if tells_private("", &value) {
        return Err(Quarantine::PrivateInText);
    }
    let wire: Wire = serde_json::from_value(value).map_err(|_| Quarantine::Unreadable)?;
    let WireData {
        instruction_no,
        amount_fen,
        payee_fingerprint,
        bank_ref,
        reason,
    } = wire.data;
    let named = |text: Option<String>| {
        text.filter(|it| !it.trim().is_empty() && it.chars().count() <= limits::TEXT_CHARS_MAX)
            .ok_or(Quarantine::Unreadable)
    };
    let instruction_no = named(Some(instruction_no))?;
    let amount = amount_fen
        .map(|text| {
            text.parse()
                .map(Fen::new)
                .map_err(|_| Quarantine::Unreadable)
        })
        .transpose()?;
    let what = match wire.kind.as_str() {
        "payout.succeeded" => Said::Succeeded {
            bank_ref: named(bank_ref)?,
        },
        "payout.failed" => Said::Failed {
            reason: named(reason)?,
        },
        "payout.returned" => Said::Returned {
            bank_ref: named(bank_ref)?,
        },
        _ => return Err(Quarantine::Unreadable),
    };
    // Whoever says that money moved says how much, and to whom.
    let moved = matches!(what, Said::Succeeded { .. } | Said::Returned { .. });
    if moved && (amount.is_none() || payee_fingerprint.is_none()) {
        return Err(Quarantine::Unreadable);
    }
    Ok(Report {
        instruction_no,
        amount,
        payee_fingerprint,
        what,
    })
}

/// What became of an instruction, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Open,
    Unknown,
    Paid { bank_ref: String },
    Failed,
    Returned { paid_ref: String, bank_ref: String },
    Recovered { bank_ref: String },
}

/// An instruction in the log, and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Instruction {
    amount: Fen,
    payee: PayeeId,
    instructed_by: Vec<PersonId>,
    fate: Fate,
}

fn find_instruction(history: &[Recorded], wanted: &str) -> Option<Instruction> {
    let mut found: Option<Instruction> = None;
    for entry in history {
        let next = match (&entry.event.what, found.as_mut()) {
            (
                Happening::PayoutInstructed {
                    instruction_no,
                    amount,
                    payee,
                    payment: _,
                },
                before,
            ) => {
                if before.is_some() {
                    break;
                }
                if instruction_no == wanted {
                    found = Some(Instruction {
                        amount: *amount,
                        payee: *payee,
                        instructed_by: entry.event.stamp.persons().collect(),
                        fate: Fate::Open,
                    });
                }
                continue;
            }
            (_, None) => continue,
            (what, Some(own)) => match what {
                Happening::PayoutConfirmed { bank_ref } => (
                    own,
                    Fate::Paid {
                        bank_ref: bank_ref.clone(),
                    },
                ),
                Happening::PayoutFailed { .. } => (own, Fate::Failed),
                Happening::PayoutUnknown { .. } => (own, Fate::Unknown),
                Happening::PayoutReturned { bank_ref } => {
                    let paid_ref = match &own.fate {
                        Fate::Paid { bank_ref } => bank_ref.clone(),
                        _ => String::new(),
                    };
                    (
                        own,
                        Fate::Returned {
                            paid_ref,
                            bank_ref: bank_ref.clone(),
                        },
                    )
                }
                Happening::RecoveryStarted { .. } => match &own.fate {
                    Fate::Paid { bank_ref } => {
                        let bank_ref = bank_ref.clone();
                        (own, Fate::Recovered { bank_ref })
                    }
                    _ => continue,
                },
                // Whatever else happens to a claim tells nothing of its payment.
                _ => continue,
            },
        };
        let (own, fate) = next;
        own.fate = fate;
    }
    found
}

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The books say what it says.
    Settled,
    /// It becomes this command.
    Give(Command),
    /// It came before what it is about.
    Wait(Quarantine),
    /// A person must look.
    Quarantine(Quarantine),
}

/// The one judgement: by the report and the instruction's history alone.
fn judge(report: &Report, instruction: Option<&Instruction>) -> Step {
    let Some(instruction) = instruction else {
        return Step::Wait(Quarantine::UnknownInstruction);
    };
    let as_instructed = report.amount.is_none_or(|it| it == instruction.amount)
        && report
            .payee_fingerprint
            .as_ref()
            .is_none_or(|it| *it == payee_fingerprint(instruction.payee));
    if !as_instructed {
        return Step::Quarantine(Quarantine::Mismatch);
    }
    // A person reconciles what nobody knows.
    if instruction.fate == Fate::Unknown {
        return Step::Quarantine(Quarantine::ToReconcile);
    }
    match meaning(report.what.says(), instruction.fate.status()) {
        Meaning::Early => Step::Wait(Quarantine::OutOfOrder),
        Meaning::News => Step::Give(report.command(instruction.amount)),
        // The same under another reference of the bank is not the same.
        Meaning::Known if report.what.bank_ref() == instruction.fate.known_ref(&report.what) => {
            Step::Settled
        }
        Meaning::Known | Meaning::Contradiction => Step::Quarantine(Quarantine::Contradiction),
    }
}

impl Said {
    const fn says(&self) -> BankSays {
        match self {
            Self::Succeeded { .. } => BankSays::Settled,
            Self::Failed { .. } => BankSays::Failed,
            Self::Returned { .. } => BankSays::Returned,
        }
    }

    /// The bank's reference of money that moved.
    fn bank_ref(&self) -> Option<&str> {
        match self {
            Self::Succeeded { bank_ref } | Self::Returned { bank_ref } => Some(bank_ref),
            Self::Failed { .. } => None,
        }
    }
}

impl Fate {
    const fn status(&self) -> PaymentStatus {
        match self {
            Self::Open => PaymentStatus::Instructed,
            Self::Unknown => PaymentStatus::Unknown,
            Self::Paid { .. } => PaymentStatus::Paid,
            Self::Failed => PaymentStatus::Failed,
            Self::Returned { .. } => PaymentStatus::Returned,
            Self::Recovered { .. } => PaymentStatus::Recovered,
        }
    }

    /// The reference under which the books know what is said again.
    fn known_ref(&self, said: &Said) -> Option<&str> {
        match (self, said) {
            (Self::Returned { bank_ref, .. }, Said::Returned { .. })
            | (Self::Paid { bank_ref } | Self::Recovered { bank_ref }, _) => Some(bank_ref),
            (Self::Returned { paid_ref, .. }, _) => Some(paid_ref),
            (Self::Open | Self::Unknown | Self::Failed, _) => None,
        }
    }
}

impl Report {
    /// The command it stands for.
    fn command(&self, amount: Fen) -> Command {
        let instruction_no = self.instruction_no.clone();
        match &self.what {
            Said::Succeeded { bank_ref } => Command::ConfirmPayout {
                instruction_no,
                amount,
                bank_ref: bank_ref.clone(),
            },
            Said::Failed { reason } => Command::ReportPayoutFailure {
                instruction_no,
                reason: reason.clone(),
            },
            Said::Returned { bank_ref } => Command::ReportPayoutReturned {
                instruction_no,
                amount,
                bank_ref: bank_ref.clone(),
            },
        }
    }
}

impl Desk {
    /// Somebody of staff with organisation and duties, also those for a time.
    pub(super) async fn holder(
        &self,
        county: CountyCode,
        person: PersonId,
    ) -> Result<Option<Holder>, Fault> {
        let people = self.store().people(county).await?;
        let Some(person) = people.into_iter().find(|it| it.id == person) else {
            return Ok(None);
        };
        let orgs = self.store().orgs(county).await?;
        let Some(org) = orgs.into_iter().find(|it| it.id == person.org) else {
            return Ok(None);
        };
        let mut assignments = self.store().assignments(county).await?;
        assignments.retain(|it| it.person == person.id);
        Ok(Some(Holder {
            person,
            org,
            assignments,
        }))
    }

    /// The caller that an account's messages act as; `None` unless it is a connector's.
    async fn connector(
        &self,
        county: CountyCode,
        account: AccountId,
        person: PersonId,
    ) -> Result<Option<Caller>, Fault> {
        let Some(holder) = self.holder(county, person).await? else {
            return Ok(None);
        };
        let now = self.clock().now();
        let ends_at = now + Duration::seconds(1);
        let pass = Pass {
            id: PassId(account.0),
            account,
            kind: PassKind::Key,
            label: String::new(),
            grants: vec![Grant::Read, Grant::Act],
            duties: Some(vec![Duty::BankConnector]),
            region: None,
            on_behalf_of: None,
            second_factor: false,
            opened_at: now,
            seen_at: now,
            renewed_at: now,
            ends_at,
            ended_at: None,
        };
        let presented = Presented {
            county,
            pass,
            secret_ends_at: ends_at,
            holder,
            absent: None,
        };
        Ok(presented.caller(now, &Rules::default()))
    }

    /// Takes a message of the connector with this login. Whoever knows the login and not the key is told no more than
    /// whoever knows neither.
    pub async fn receive_from(
        &self,
        login: &str,
        incoming: Incoming<'_>,
    ) -> Result<Result<Taken, Untaken>, Fault> {
        let known = async {
            let Some((county, account)) = self.store().account(login).await? else {
                return Ok(None);
            };
            let Some(caller) = self.connector(county, account.id, account.person).await? else {
                return Ok(None);
            };
            let keys = self.store().hook_keys(county, account.id.0).await?;
            Ok::<_, Fault>(Some(Connector { caller, keys }))
        };
        match sight::system(known).await? {
            Some(connector) => self.receive(&connector, incoming).await,
            None => Ok(Err(Untaken::Forged)),
        }
    }

    /// Takes a message that a connector hands over itself: the signature is asked for all the same.
    pub async fn receive_of(
        &self,
        caller: &Caller,
        incoming: Incoming<'_>,
    ) -> Result<Result<Taken, Untaken>, Fault> {
        let (county, account) = (caller.scope.county, caller.account);
        let Some(own) = self.connector(county, account, caller.person).await? else {
            return Ok(Err(Untaken::Forged));
        };
        let keys = self.store().hook_keys(county, account.0).await?;
        self.receive(&Connector { caller: own, keys }, incoming)
            .await
    }

    async fn receive(
        &self,
        connector: &Connector,
        incoming: Incoming<'_>,
    ) -> Result<Result<Taken, Untaken>, Fault> {
        let now = self.clock().now();
        let Incoming {
            id,
            timestamp,
            signature,
            body,
        } = incoming;
        let is_id = !id.is_empty()
            && id.len() <= limits::HOOK_ID_CHARS_MAX
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        let (true, Ok(at), true) = (
            is_id,
            timestamp.parse::<i64>(),
            body.len() <= limits::HOOK_BODY_BYTES_MAX,
        ) else {
            return Ok(Err(Untaken::Malformed));
        };
        let caller = connector.caller.clone();
        let (county, account) = (caller.scope.county, caller.account);
        let body_hash = ids::sha256(body);
        let name = format!("{account}/{id}");
        let mut message = Message {
            id: ids::named("hook-message", &name),
            org: caller.org,
            account,
            message_id: id.to_owned(),
            body_hash: body_hash.clone(),
            body: String::new(),
            instruction_no: None,
            received_at: now,
            state: MessageState::Waiting,
            code: None,
            tries: 0,
            next_at: now,
            settled_at: None,
            closed: None,
        };
        let outside = self.outside().now();
        if !is_genuine(&connector.keys, id, at, now, body, signature) {
            // Evidence, not the message: anybody can send any number of anything.
            message.id = ids::named("hook-forged", &format!("{name}/{body_hash}"));
            quarantine(&mut message, Quarantine::Forged, now);
            let store = self.store();
            let keep = async {
                let since = now - Duration::days(1);
                if store.forged_since(county, account, since).await?
                    < limits::HOOK_FORGED_PER_DAY_MAX
                {
                    store.keep_message(county, &message).await?;
                }
                Ok::<_, Fault>(())
            };
            sight::within(&caller, keep).await?;
            tracing::warn!(connector = %account, "a forged message");
            return Ok(Err(Untaken::Forged));
        }
        if (outside.timestamp() - at).abs() > limits::HOOK_SKEW_SECONDS_MAX {
            return Ok(Err(Untaken::Stale));
        }
        let said = read(body);
        let text = String::from_utf8(body.to_vec());
        match (said, text) {
            (Ok(report), Ok(text)) => {
                message.instruction_no = Some(report.instruction_no);
                message.body = text;
            }
            (Err(code), text) => {
                if code == Quarantine::Unreadable {
                    message.body = text.unwrap_or_default();
                }
                quarantine(&mut message, code, now);
            }
            (Ok(_), Err(_)) => quarantine(&mut message, Quarantine::Unreadable, now),
        }
        let store = self.shared_store();
        let work = async move {
            let kept = store.keep_message(county, &message).await?;
            Ok::<_, Fault>(match kept {
                Kept::First | Kept::Reused => Taken {
                    again: false,
                    message,
                },
                Kept::Again(known) => Taken {
                    again: true,
                    message: *known,
                },
            })
        };
        // A task of its own, as for a command: a sender who hangs up leaves nothing half done.
        let task = async { tokio::spawn(sight::carried(work)).await };
        sight::within(&caller, task)
            .await
            .map_err(|fault| Fault::store("the message's task ended", fault))?
            .map(Ok)
    }

    /// Applies what waits in a county. How many messages were settled. A message that cannot be served keeps none of
    /// the others; its fault is reported after them.
    pub async fn apply_messages(&self, county: CountyCode) -> Result<usize, Fault> {
        let now = self.clock().now();
        let due = self
            .store()
            .due_messages(county, now, limits::HOOK_MESSAGES_AT_ONCE);
        let (mut settled, mut first_fault) = (0, None);
        for message in due.await? {
            match self.apply(county, message).await {
                Ok(done) => settled += usize::from(done),
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        first_fault.map_or(Ok(settled), Err)
    }

    async fn apply(&self, county: CountyCode, mut message: Message) -> Result<bool, Fault> {
        let now = self.clock().now();
        let step = self.step(county, &message).await?;
        message.tries += 1;
        match step {
            Step::Settled => {
                message.state = MessageState::Applied;
                message.settled_at = Some(now);
            }
            Step::Wait(late)
                if now - message.received_at >= Duration::hours(limits::HOOK_WAIT_HOURS_MAX) =>
            {
                quarantine(&mut message, late, now);
            }
            Step::Wait(_) => {
                let seconds = 1_i64 << message.tries.min(16);
                message.next_at =
                    now + Duration::seconds(seconds.min(limits::HOOK_WAIT_SECONDS_MAX));
            }
            Step::Quarantine(code) => quarantine(&mut message, code, now),
            // The claim moved on meanwhile: looked at again at once.
            Step::Give(_) => message.next_at = now,
        }
        if message.state == MessageState::Quarantined {
            let code = message.code.map(Quarantine::code);
            tracing::error!(message = %message.id, code, "a bank's message is in quarantine");
        }
        self.store()
            .settle_message(county, MessageState::Waiting, &message)
            .await
    }

    /// What a message comes to now; a command is given on the way.
    async fn step(&self, county: CountyCode, message: &Message) -> Result<Step, Fault> {
        let Ok(report) = read(message.body.as_bytes()) else {
            return Ok(Step::Quarantine(Quarantine::Unreadable));
        };
        let accounts = self.store().accounts(county).await?;
        let account = accounts.into_iter().find(|it| it.id == message.account);
        let caller = match account {
            Some(account) => self.connector(county, account.id, account.person).await?,
            None => None,
        };
        let Some(caller) = caller else {
            return Ok(Step::Quarantine(Quarantine::ConnectorEnded));
        };
        let Some((claim, history)) = self.claim_of(&caller, &report.instruction_no).await? else {
            return Ok(Step::Wait(Quarantine::UnknownInstruction));
        };
        let step = judge(
            &report,
            find_instruction(&history, &report.instruction_no).as_ref(),
        );
        let Step::Give(command) = step.clone() else {
            return Ok(step);
        };
        let submission = Submission {
            claim: Some((claim.id, claim.version)),
            key: ids::named("hook", &format!("{}/{}", message.id, claim.version)),
            command,
        };
        Ok(match self.submit(&caller, submission).await? {
            Outcome::Done { .. } => Step::Settled,
            Outcome::Stale { .. } => step,
            Outcome::Blocked(blocked) => {
                tracing::warn!(message = %message.id, code = blocked.code(), "a bank's message was refused");
                Step::Quarantine(Quarantine::Refused)
            }
            Outcome::NotFound | Outcome::KeyReused => Step::Quarantine(Quarantine::Refused),
        })
    }

    async fn claim_of(
        &self,
        caller: &Caller,
        instruction_no: &str,
    ) -> Result<Option<(Claim, Vec<Recorded>)>, Fault> {
        let Some((_, number)) = instruction_in(instruction_no).filter(|it| it.0 == instruction_no)
        else {
            return Ok(None);
        };
        let found = self.store().claim_by_number(&caller.scope, number).await?;
        let Some(claim) = found else {
            return Ok(None);
        };
        let history = self.store().history(&caller.scope, claim.id).await?;
        Ok(Some((claim, history)))
    }

    /// A page of the messages to the caller's organisation.
    pub async fn messages(
        &self,
        caller: &Caller,
        state: Option<MessageState>,
        page: &Page,
    ) -> Result<Slice<Message>, Fault> {
        let county = caller.scope.county;
        self.store().messages(county, caller.org, state, page).await
    }

    /// Closes a message that was quarantined: whoever looked at it says why. Not the one who ordered the payment.
    pub async fn close_message(&self, caller: &Caller, id: Uuid, reason: &str) -> Answer<Message> {
        let county = caller.scope.county;
        let found = self.store().message(county, id).await?;
        let Some(mut message) = found.filter(|it| it.org == caller.org) else {
            return Ok(Err(Refusal::NotFound));
        };
        if let Some(no) = &message.instruction_no
            && let Some((_, history)) = self.claim_of(caller, no).await?
            && let Some(instruction) = find_instruction(&history, no)
        {
            let actor = caller.actor();
            if actor
                .persons()
                .any(|it| instruction.instructed_by.contains(&it))
            {
                return Ok(Err(Refusal::Own));
            }
        }
        if message.state != MessageState::Quarantined {
            return Ok(Err(Refusal::Invalid {
                field: "messageId",
                reason: "NOT_QUARANTINED",
            }));
        }
        message.state = MessageState::Closed;
        message.closed = Some((caller.person, reason.to_owned()));
        let seen = MessageState::Quarantined;
        if self.store().settle_message(county, seen, &message).await? {
            Ok(Ok(message))
        } else {
            Ok(Err(Refusal::Invalid {
                field: "messageId",
                reason: "NOT_QUARANTINED",
            }))
        }
    }
}

/// Between two looks at what waits.
const LOOK_EVERY: Wait = Wait::from_millis(500);

/// Applies what comes in, in every county, until it is told to stop.
pub async fn keep_applying(desk: Desk, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        match desk.store().counties().await {
            Ok(counties) => {
                for county in counties {
                    if let Err(fault) = desk.apply_messages(county).await {
                        tracing::error!(%fault, "applying messages");
                    }
                }
            }
            Err(fault) => tracing::error!(%fault, "looking for counties"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.changed() => {}
        }
    }
}

fn quarantine(message: &mut Message, code: Quarantine, now: DateTime<Utc>) {
    message.state = MessageState::Quarantined;
    message.code = Some(code);
    message.settled_at = Some(now);
}
