//! Queries of bulk work.

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::bulk::{BulkOperation, ReferralBatch};
use crate::types::scalars::Uuid;
use crate::visit::Visit;
use async_graphql::{Context, ID, Object};
use engine::bulk::BatchId;

/// Queries of bulk work.
#[derive(Default)]
pub struct BulkQueries;

#[Object]
impl BulkQueries {
    /// How far a batch of the caller's own account is; null with `NOT_FOUND` if no line of it was seen.
    async fn referral_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key of `referBatch`.")] batch_key: Uuid,
    ) -> Result<Option<ReferralBatch>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let batch = BatchId {
            county: caller.scope.county,
            account: caller.account,
            key: batch_key.0,
        };
        let store = visit.office.desk.store();
        let progress = store.batch_progress(&batch).await?;
        let found = progress.map(|progress| ReferralBatch::of(batch_key, progress));
        found.map(Some).ok_or_else(ApiError::not_found)
    }

    /// An export of the caller's own account; null with `NOT_FOUND` if there is none.
    async fn bulk_operation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id.")] id: ID,
    ) -> Result<Option<BulkOperation>, ApiError> {
        let visit = Visit::of(ctx)?;
        visit.caller()?;
        let id = node_id::decode_as(Kind::Bulk, &id).ok_or_else(ApiError::not_found)?;
        let found = BulkOperation::find(visit, id).await?;
        found.map(Some).ok_or_else(ApiError::not_found)
    }
}
