//! GraphQL over WebSocket, protocol `graphql-transport-ws`. Every operation passes the guard, as over
//! HTTP; close codes are those of the protocol.

use crate::door::{Guest, bearer};
use crate::errors::{ApiError, ErrorCode};
use crate::feed::{HEARTBEAT, SUBSCRIPTIONS_MAX, Seat};
use crate::messages::Language;
use crate::service::{Gate, Params, Refused, Telling, bound_refusal, bounded_json, until_stopped};
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use engine::limits::BODY_BYTES_MAX;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to say who it is.
const INIT_TIME: Duration = Duration::from_secs(3);
/// Between two questions whether the session still holds.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// Characters of an operation's id.
const ID_CHARS_MAX: usize = 128;
/// Operations of one socket at a time: its subscriptions, and some queries.
const OPERATIONS_MAX: usize = 2 * SUBSCRIPTIONS_MAX as usize;
/// Results that wait to be sent; then the operation waits.
const WAITING_MAX: usize = 16;

/// Why a socket is closed.
type Closing = (u16, &'static str);

const FORBIDDEN: Closing = (4403, "Forbidden");
const GOING_AWAY: Closing = (1001, "Going away");

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    ConnectionInit { payload: Option<Value> },
    Ping { payload: Option<Value> },
    Pong {},
    Subscribe { id: String, payload: Params },
    Complete { id: String },
}

/// What an operation's task has to send.
enum ToSend {
    Next(String, String),
    /// The operation has ended; errors before execution are its last word.
    End(String, Option<Value>),
}

/// An operation under way.
struct Operation {
    task: AbortHandle,
    /// Left when the operation is taken off the socket: an aborted task ends a moment later, and whoever
    /// completes a subscription may begin the next one at once.
    _seat: Option<Seat>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A socket before and after its client said who it is.
pub struct Socket {
    gate: Arc<Gate>,
    /// Whom the headers of the opening named.
    opened_by: Option<Guest>,
    /// Where it comes from, if that is known.
    address: Option<IpAddr>,
    language: Language,
    request_id: String,
    guest: Option<Guest>,
    /// A seat of the socket's own, so that an account does not open any number of them.
    seat: Option<Seat>,
    operations: HashMap<String, Operation>,
    sender: mpsc::Sender<ToSend>,
}

/// Opens a socket.
pub fn open(
    gate: Arc<Gate>,
    upgrade: WebSocketUpgrade,
    opened_by: Option<Guest>,
    address: Option<IpAddr>,
    language: Language,
    request_id: String,
) -> Response {
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(BODY_BYTES_MAX)
        .max_frame_size(BODY_BYTES_MAX)
        .on_upgrade(async move |mut stream| {
            let (sender, receiver) = mpsc::channel(WAITING_MAX);
            let mut socket = Socket {
                gate,
                opened_by,
                address,
                language,
                request_id,
                guest: None,
                seat: None,
                operations: HashMap::new(),
                sender,
            };
            let closing = if stream.protocol().is_some_and(|it| it == PROTOCOL) {
                socket.speak(&mut stream, receiver).await
            } else {
                Some((4406, "Subprotocol not acceptable"))
            };
            // Every seat is free before the client can know that the socket has ended.
            drop(socket);
            if let Some((code, reason)) = closing {
                let reason = reason.into();
                let _ = stream
                    .send(Message::Close(Some(CloseFrame { code, reason })))
                    .await;
            }
        })
}

impl Socket {
    /// Speaks until the client hangs up (`None`) or there is a reason to close.
    async fn speak(
        &mut self,
        stream: &mut WebSocket,
        mut to_send: mpsc::Receiver<ToSend>,
    ) -> Option<Closing> {
        let stopped = until_stopped(self.gate.stopped.clone());
        let init_time = tokio::time::sleep(INIT_TIME);
        tokio::pin!(stopped, init_time);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.reset();
        let mut ask = tokio::time::interval(ASK_EVERY);
        let mut unheard: u32 = 0;
        loop {
            let done = tokio::select! {
                message = stream.recv() => {
                    unheard = 0;
                    match message {
                        Some(Ok(Message::Text(text))) => self.hear(stream, &text).await,
                        Some(Ok(Message::Binary(_))) => Err(Some((4400, "Invalid message received"))),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(None),
                    }
                }
                Some(sent) = to_send.recv() => self.send(stream, sent).await,
                () = &mut init_time, if self.guest.is_none() => {
                    Err(Some((4408, "Connection initialisation timeout")))
                }
                _ = ask.tick(), if self.guest.is_some() => self.still_holds().await,
                _ = heartbeat.tick() => {
                    unheard += 1;
                    if unheard > 2 {
                        // Nothing was heard of it, not even an answer to a ping.
                        Err(None)
                    } else {
                        say(stream, Message::Ping(Bytes::new())).await
                    }
                }
                () = &mut stopped => Err(Some(GOING_AWAY)),
            };
            if let Err(closing) = done {
                return closing;
            }
        }
    }

    async fn hear(&mut self, stream: &mut WebSocket, text: &str) -> Result<(), Option<Closing>> {
        let invalid = Err(Some((4400, "Invalid message received")));
        if crate::guard::scan_body(text.as_bytes()).is_err() {
            return invalid;
        }
        let Ok(said) = serde_json::from_str::<Said>(text) else {
            return invalid;
        };
        match said {
            Said::ConnectionInit { .. } if self.guest.is_some() => {
                Err(Some((4429, "Too many initialisation requests")))
            }
            Said::ConnectionInit { payload } => {
                let guest = self.identify(payload.as_ref()).await;
                let account = guest.caller.as_ref().map(|caller| caller.account);
                let Some(account) = account else {
                    return Err(Some(FORBIDDEN));
                };
                self.seat = self.gate.seat_of_socket(account);
                if self.seat.is_none() {
                    return Err(Some((4429, "Too many sockets")));
                }
                self.guest = Some(guest);
                tell(stream, &json!({ "type": "connection_ack" })).await
            }
            Said::Ping { payload } => {
                let pong = match payload {
                    Some(payload) => json!({ "type": "pong", "payload": payload }),
                    None => json!({ "type": "pong" }),
                };
                tell(stream, &pong).await
            }
            Said::Pong {} => Ok(()),
            Said::Subscribe { id, payload } => {
                let Some(guest) = self.guest.clone() else {
                    return Err(Some((4401, "Unauthorized")));
                };
                if id.is_empty() || id.chars().count() > ID_CHARS_MAX {
                    return invalid;
                }
                if self.operations.contains_key(&id) {
                    return Err(Some((4409, "Subscriber already exists for this id")));
                }
                match self.begin(id.clone(), payload, guest) {
                    Ok(()) => Ok(()),
                    Err(mut refused) => {
                        bound_refusal(&mut refused.errors, &self.request_id);
                        let error = json!({ "id": id, "type": "error", "payload": refused.errors });
                        tell(stream, &error).await
                    }
                }
            }
            Said::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
        }
    }

    /// Whoever the init message names, else the headers of the opening.
    async fn identify(&self, payload: Option<&Value>) -> Guest {
        let text = |name: &str| payload.and_then(|it| it.get(name)).and_then(Value::as_str);
        let authorization = text("Authorization").or_else(|| text("authorization"));
        let token = authorization.map(bearer).or_else(|| text("token"));
        let guest = match token {
            Some(token) => Guest::with_token(&self.gate.office, token, self.address)
                .await
                .ok(),
            None => self.opened_by.clone(),
        };
        guest.unwrap_or_else(|| Guest::nobody(self.address))
    }

    fn begin(&mut self, id: String, params: Params, guest: Guest) -> Result<(), Refused> {
        if self.operations.len() >= OPERATIONS_MAX {
            return Err(Refused::new(
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::TooManySubscriptions,
                "too many operations on this socket",
            ));
        }
        let telling = Telling {
            language: self.language,
            request_id: self.request_id.clone(),
            by_get: false,
            after: None,
        };
        let admitted = self.gate.admit(&params)?;
        let mut job = self.gate.begin(params, admitted, guest, telling)?;
        let seat = job.take_seat();
        let mut answers = Box::pin(self.gate.stream(job));
        let sender = self.sender.clone();
        let name = id.clone();
        let task = tokio::spawn(tracing::Instrument::in_current_span(async move {
            let mut refused = None;
            while let Some((answer, _)) = answers.next().await {
                // A document that does not fit is the protocol's `error`, not a result.
                let unfit = answer.data == async_graphql::Value::Null && unfit(&answer);
                if unfit {
                    refused = serde_json::to_value(&answer.errors).ok();
                    break;
                }
                let Ok(json) = bounded_json(&answer) else {
                    break;
                };
                if sender.send(ToSend::Next(name.clone(), json)).await.is_err() {
                    return;
                }
            }
            let _ = sender.send(ToSend::End(name, refused)).await;
        }));
        let task = task.abort_handle();
        self.operations.insert(id, Operation { task, _seat: seat });
        Ok(())
    }

    async fn send(&mut self, stream: &mut WebSocket, sent: ToSend) -> Result<(), Option<Closing>> {
        match sent {
            // The client may have completed it while this waited.
            ToSend::Next(id, _) | ToSend::End(id, _) if !self.operations.contains_key(&id) => {
                Ok(())
            }
            ToSend::Next(id, json) => {
                let id = Value::from(id);
                let text = format!(r#"{{"id":{id},"type":"next","payload":{json}}}"#);
                say(stream, Message::text(text)).await
            }
            ToSend::End(id, refused) => {
                self.operations.remove(&id);
                let message = match refused {
                    Some(errors) => json!({ "id": id, "type": "error", "payload": errors }),
                    None => json!({ "id": id, "type": "complete" }),
                };
                tell(stream, &message).await
            }
        }
    }

    async fn still_holds(&self) -> Result<(), Option<Closing>> {
        let token = self.guest.as_ref().and_then(|guest| guest.token.as_deref());
        let Some(token) = token else {
            return Err(Some(FORBIDDEN));
        };
        match self.gate.office.access.going_on(token).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Some(FORBIDDEN)),
            Err(fault) => {
                // Logged there; the client comes back with its cursor.
                drop(ApiError::from(fault));
                Err(Some((1011, "Internal error")))
            }
        }
    }
}

/// Whether nothing was executed.
fn unfit(answer: &async_graphql::Response) -> bool {
    let invalid = ErrorCode::ValidationFailed.code();
    let mut codes = answer.errors.iter().filter_map(crate::errors::code_of);
    codes.any(|code| code == invalid)
}

async fn tell(stream: &mut WebSocket, message: &Value) -> Result<(), Option<Closing>> {
    say(stream, Message::text(message.to_string())).await
}

async fn say(stream: &mut WebSocket, message: Message) -> Result<(), Option<Closing>> {
    stream.send(message).await.map_err(|_| None)
}
