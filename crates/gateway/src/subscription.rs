//! Subscriptions: what happens, as it happens, in the caller's scope.

use crate::errors::{ApiError, ErrorCode};
use crate::feed::{self, Feed, Thread};
use crate::node_id::{self, Kind};
use crate::types::enums::EventKind;
use crate::types::event::count;
use crate::types::scalars::DateTime;
use crate::visit::Visit;
use async_graphql::{Context, ID, SimpleObject};
use engine::ports::Happened;
use futures_util::Stream;
use lifecycle::ClaimId;
use std::sync::Arc;

/// The root of subscriptions.
#[derive(Debug, Default)]
pub struct Subscription;

/// Something that happened to a claim the caller may see. Thin: what it means is read with `claim`.
#[derive(SimpleObject, Debug, Clone)]
pub struct ClaimEventNote {
    /// The claim.
    claim_id: ID,
    /// The event's place in the claim's history, from 1; the claim's version right after it.
    seq: i32,
    /// What happened.
    #[graphql(name = "type")]
    kind: EventKind,
    /// When, by the server's clock.
    recorded_at: DateTime,
    /// Where to go on after it: `after` of a later subscription.
    cursor: String,
}

impl From<&Happened> for ClaimEventNote {
    fn from(happened: &Happened) -> Self {
        Self {
            claim_id: node_id::encode(Kind::Claim, happened.claim.0),
            seq: count(happened.version),
            kind: happened.kind.into(),
            recorded_at: DateTime(happened.at),
            cursor: feed::cursor(happened.claim, happened.version),
        }
    }
}

/// Following what happens. Over server-sent events, or a WebSocket that speaks
/// `graphql-transport-ws`; at most five at a time for a caller and process.
#[async_graphql::Subscription]
impl Subscription {
    /// Events of the claims in the caller's scope, in the order they were recorded, none left out and
    /// none twice. Whoever comes back with the last cursor misses nothing. The caller's authority is
    /// looked at anew before every event; the stream ends with `UNAUTHENTICATED` within a second
    /// after the session has ended.
    async fn claim_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Events after this cursor, of an event or of `claimEventCursor`; \"\" from the first \
                    event on; from now on if omitted. A `Last-Event-ID` header goes before it."
        )]
        after: Option<String>,
        #[graphql(desc = "Only this claim's events.")] claim_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<ClaimEventNote, ApiError>>, ApiError> {
        let internal = || ApiError::new(ErrorCode::Internal, "internal error");
        let visit = ctx.data_opt::<Arc<Visit>>().ok_or_else(internal)?;
        let feed = ctx.data_opt::<Arc<Feed>>().ok_or_else(internal)?;
        let thread = ctx.data_opt::<Arc<Thread>>().ok_or_else(internal)?;
        let claim = match &claim_id {
            None => None,
            Some(id) => {
                let uuid = node_id::decode_as(Kind::Claim, id).ok_or_else(ApiError::not_found)?;
                let (id, scope) = (ClaimId(uuid), &visit.caller()?.scope);
                let found = visit.office.desk.store().claim(scope, id).await?;
                Some(found.ok_or_else(ApiError::not_found)?.id)
            }
        };
        let follower = feed
            .follow(Arc::clone(visit), Arc::clone(thread), after, claim)
            .await?;
        Ok(futures_util::stream::unfold(
            follower,
            async |mut follower| {
                let next = follower.next().await?;
                Some((next.map(|it| ClaimEventNote::from(&it)), follower))
            },
        ))
    }
}
