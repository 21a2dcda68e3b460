//! Events of a claim, without their private contents.

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::enums::EventKind;
use crate::types::scalars::DateTime;
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use engine::{Receipt, Recorded};
use lifecycle::{ClaimId, PersonId};

/// Something that happened to a claim. Events are never changed or deleted.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct ClaimEvent {
    /// The node id.
    #[graphql(owned)]
    pub id: ID,
    /// Its place in the claim's history, from 1; the claim's version right after it.
    seq: i32,
    /// What happened.
    #[graphql(name = "type")]
    kind: EventKind,
    /// When, by the server's clock.
    recorded_at: DateTime,
    #[graphql(skip)]
    by: PersonId,
    #[graphql(skip)]
    on_behalf_of: Option<PersonId>,
}

#[ComplexObject]
impl ClaimEvent {
    /// The name of the person (or timer) who did it; null if the person is not known any more.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }

    /// The name of that person's organisation; null for a timer.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.organisation_of(self.by).await
    }

    /// The name of the person in whose place it was done, if delegated.
    async fn on_behalf_of(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        match self.on_behalf_of {
            Some(person) => Visit::of(ctx)?.person_name(person).await,
            None => Ok(None),
        }
    }
}

impl From<&Recorded> for ClaimEvent {
    fn from(recorded: &Recorded) -> Self {
        let stamp = &recorded.event.stamp;
        Self {
            id: event_id(recorded.claim, recorded.version),
            seq: count(recorded.version),
            kind: recorded.event.what.kind().into(),
            recorded_at: DateTime(stamp.at),
            by: stamp.by,
            on_behalf_of: stamp.on_behalf_of,
        }
    }
}

impl ClaimEvent {
    /// The event a mutation made.
    pub fn of_receipt(receipt: &Receipt, by: PersonId, on_behalf_of: Option<PersonId>) -> Self {
        Self {
            id: event_id(receipt.claim, receipt.version),
            seq: count(receipt.version),
            kind: receipt.event.into(),
            recorded_at: DateTime(receipt.recorded_at),
            by,
            on_behalf_of,
        }
    }
}

fn event_id(claim: ClaimId, version: u32) -> ID {
    let place = uuid::Uuid::from_u128(u128::from(version));
    node_id::encode_part(Kind::Event, claim.0, place)
}

/// A count as GraphQL's `Int`.
pub fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
