//! Events of a claim, without their private contents.

use crate::errors::ApiError;
use crate::types::enums::EventKind;
use crate::types::scalars::DateTime;
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, SimpleObject};
use engine::{Receipt, Recorded};
use lifecycle::PersonId;

/// Something that happened to a claim. Events are never changed or deleted.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct ClaimEvent {
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
            seq: count(receipt.version),
            kind: receipt.event.into(),
            recorded_at: DateTime(receipt.recorded_at),
            by,
            on_behalf_of,
        }
    }
}

/// A count as GraphQL's `Int`.
pub fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
