//! Queries of payment batches and bank files.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::bank::{BankFileNode, BatchNode};
use crate::types::connection::{Connection, PageArgs};
use crate::visit::Visit;
use async_graphql::{Context, ID, Object};
use engine::{Page, Scope};
use lifecycle::{Scheme, SchemeId};
use std::sync::Arc;

/// Queries of payment batches and bank files.
#[derive(Default)]
pub struct BankQueries;

/// A scheme whose insurer's books the caller sees.
pub async fn books(visit: &Visit, scheme: &ID) -> Result<Arc<Scheme>, ApiError> {
    let id = node_id::decode_as(Kind::Scheme, scheme).ok_or_else(ApiError::not_found)?;
    let scheme = visit.scheme(SchemeId(id)).await?;
    let scope = &visit.caller()?.scope;
    let scheme = scheme
        .filter(|it| scope.covers_books_of(it.county, it.insurer))
        .ok_or_else(ApiError::not_found)?;
    // The second lock shows its pool to the same people: whoever does not see that has no books here.
    let store = visit.office.desk.store();
    let flows = store.pool_flows(scheme.county, scheme.pool_id).await?;
    flows.ok_or_else(ApiError::not_found)?;
    Ok(scheme)
}

/// The caller's scope, narrowed to the insurer of a scheme.
fn of_insurer(visit: &Visit, scheme: &Scheme) -> Result<Scope, ApiError> {
    Ok(Scope {
        insurer: Some(scheme.insurer),
        ..visit.caller()?.scope.clone()
    })
}

/// A batch the caller sees.
pub async fn batch(visit: &Visit, id: &ID) -> Result<BatchNode, ApiError> {
    let id = node_id::decode_as(Kind::PaymentBatch, id).ok_or_else(ApiError::not_found)?;
    let scope = &visit.caller()?.scope;
    let batch = visit.office.desk.store().payment_batch(scope, id).await?;
    let batch = batch.ok_or_else(ApiError::not_found)?;
    Ok(batch.into())
}

/// A bank file the caller sees.
pub async fn file(visit: &Visit, id: &ID) -> Result<BankFileNode, ApiError> {
    let id = node_id::decode_as(Kind::BankFile, id).ok_or_else(ApiError::not_found)?;
    let scope = &visit.caller()?.scope;
    let file = visit.office.desk.store().bank_file(scope, id).await?;
    let file = file.ok_or_else(ApiError::not_found)?;
    Ok(file.into())
}

#[Object]
impl BankQueries {
    /// A batch of payments. Null with `NOT_FOUND` if there is none in the caller's scope.
    async fn payment_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] batch_id: ID,
    ) -> Result<Option<BatchNode>, ApiError> {
        Ok(Some(batch(Visit::of(ctx)?, &batch_id).await?))
    }

    /// The batches of the insurer that runs a scheme, by time; for whoever has the whole county. Null with `NOT_FOUND`
    /// if there is no such scheme in the caller's scope.
    async fn payment_batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A version of a scheme the insurer runs.")] scheme_id: ID,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<BatchNode>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let scheme = books(visit, &scheme_id).await?;
        let binding = Binding::new("paymentBatches", &scheme.insurer, visit.caller()?);
        let page = args.parse(&binding)?;
        let scope = of_insurer(visit, &scheme)?;
        let slice = visit
            .office
            .desk
            .store()
            .payment_batches(&scope, &page)
            .await?;
        let rows = slice.rows.into_iter().map(|(it, tally)| {
            let key = Page::key_in_time(it.made.at, it.id);
            (key, BatchNode::listed(it, tally))
        });
        let rows: Vec<_> = rows.collect();
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }

    /// A file of the bank with its queues. Null with `NOT_FOUND` if there is none in the caller's scope.
    async fn bank_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] file_id: ID,
    ) -> Result<Option<BankFileNode>, ApiError> {
        Ok(Some(file(Visit::of(ctx)?, &file_id).await?))
    }

    /// The bank's files of the insurer that runs a scheme, by time; for whoever has the whole county. Null with
    /// `NOT_FOUND` if there is no such scheme in the caller's scope.
    async fn bank_files(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A version of a scheme the insurer runs.")] scheme_id: ID,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<BankFileNode>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let scheme = books(visit, &scheme_id).await?;
        let binding = Binding::new("bankFiles", &scheme.insurer, visit.caller()?);
        let page = args.parse(&binding)?;
        let scope = of_insurer(visit, &scheme)?;
        let slice = visit.office.desk.store().bank_files(&scope, &page).await?;
        let rows = slice.rows.into_iter().map(|(it, queues)| {
            let key = Page::key_in_time(it.read.at, it.id);
            (key, BankFileNode::listed(it, queues))
        });
        let rows: Vec<_> = rows.collect();
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }
}
