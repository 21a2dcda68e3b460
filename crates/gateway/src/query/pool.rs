//! Queries of pools.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{Connection, PageArgs};
use crate::types::pool::{PoolNode, PoolStatement, PoolTransfer};
use crate::visit::Visit;
use async_graphql::{Context, ID, Object};
use engine::pool::{PoolBook, movement_of};
use lifecycle::SchemeId;
use std::sync::Arc;

/// Queries of pools.
#[derive(Default)]
pub struct PoolQueries;

/// The book of a scheme's pool, if the caller sees it.
pub async fn book(visit: &Visit, scheme: &ID) -> Result<PoolBook, ApiError> {
    let id = node_id::decode_as(Kind::Scheme, scheme).ok_or_else(ApiError::not_found)?;
    let desk = &visit.office.desk;
    let book = desk.pool_book(visit.caller()?, SchemeId(id)).await?;
    book.ok_or_else(ApiError::not_found)
}

#[Object]
impl PoolQueries {
    /// The pool of a scheme's contract year: balances, terms, what waits for a second person, and when
    /// it runs out. For whoever has the whole county; an insurer sees those of the schemes it runs. Null
    /// with `NOT_FOUND` if there is none in the caller's scope.
    async fn pool(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id of a version of the scheme.")] scheme_id: ID,
    ) -> Result<Option<PoolNode>, ApiError> {
        let book = book(Visit::of(ctx)?, &scheme_id).await?;
        Ok(Some(PoolNode(Arc::new(book))))
    }

    /// The statement of a scheme's contract year (年度核算表). Null with `NOT_FOUND` if there is none in
    /// the caller's scope.
    async fn pool_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id of a version of the scheme.")] scheme_id: ID,
    ) -> Result<Option<PoolStatement>, ApiError> {
        let book = book(Visit::of(ctx)?, &scheme_id).await?;
        Ok(Some(PoolStatement::of(book)))
    }

    /// The transfers of a scheme's pool (资金流水), by time. Null with `NOT_FOUND` if there is none in the
    /// caller's scope.
    async fn pool_transfers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id of a version of the scheme.")] scheme_id: ID,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<PoolTransfer>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let id = node_id::decode_as(Kind::Scheme, &scheme_id).ok_or_else(ApiError::not_found)?;
        let scheme = visit.scheme(SchemeId(id)).await?;
        let scheme = scheme.filter(|it| engine::pool::sees_pool(caller, it));
        let pool = scheme.ok_or_else(ApiError::not_found)?.pool_id;
        let binding = Binding::new("poolTransfers", &pool, caller);
        let page = args.parse(&binding)?;
        let store = visit.office.desk.store();
        let slice = store
            .pool_transfers(caller.scope.county, pool, &page)
            .await?;
        // The second lock hides accounts and transfers alike: what is out of sight is no empty list.
        if slice.rows.is_empty() {
            let flows = store.pool_flows(caller.scope.county, pool).await?;
            flows.ok_or_else(ApiError::not_found)?;
        }
        let mut rows = Vec::with_capacity(slice.rows.len());
        for row in &slice.rows {
            let movement = movement_of(&row.posting)?;
            rows.push((row.key(), PoolTransfer::of(row, movement)));
        }
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }
}
