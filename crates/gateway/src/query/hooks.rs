//! Queries of webhooks.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{Connection, PageArgs};
use crate::types::hooks::{
    BankMessage, BankMessageState, WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint,
};
use crate::visit::Visit;
use async_graphql::{Context, ID, Object};

/// Queries of webhooks.
#[derive(Default)]
pub struct HookQueries;

#[Object]
impl HookQueries {
    /// Where one's own organisation is told of its claims. For administrators.
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<WebhookEndpoint>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let binding = Binding::new("webhookEndpoints", &caller.org, caller);
        let page = args.parse(&binding)?;
        let mut rows = Vec::new();
        for endpoint in visit.office.desk.endpoints(caller).await? {
            let key = endpoint.id.to_string();
            rows.push((key, WebhookEndpoint::read(visit, endpoint).await?));
        }
        Ok(Connection::of_keyed(rows, &page, &binding))
    }

    /// What became of events on their way to an endpoint, by the time of the event; `last` for the newest. For
    /// administrators. `NOT_FOUND` outside one's own organisation.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection has four of its own"
    )]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id of the endpoint.")] endpoint_id: ID,
        #[graphql(desc = "Only these; null for all.")] status: Option<WebhookDeliveryStatus>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<WebhookDelivery>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let id =
            node_id::decode_as(Kind::Endpoint, &endpoint_id).ok_or_else(ApiError::not_found)?;
        let binding = Binding::new("webhookDeliveries", &(id, status), caller);
        let page = args.parse(&binding)?;
        let status = status.map(Into::into);
        let found = visit
            .office
            .desk
            .deliveries(caller, id, status, &page)
            .await?;
        let slice = found.map_err(|_| ApiError::not_found())?;
        let rows = slice.rows.into_iter();
        let rows = rows.map(|row| (row.key(), WebhookDelivery::from(row)));
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }

    /// What the connectors of one's own organisation said, in order of arrival; those in quarantine wait for somebody
    /// to look.
    async fn bank_messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these; null for all.")] state: Option<BankMessageState>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<BankMessage>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let binding = Binding::new("bankMessages", &(caller.org, state), caller);
        let page = args.parse(&binding)?;
        let state = state.map(Into::into);
        let slice = visit.office.desk.messages(caller, state, &page).await?;
        let rows = slice.rows.into_iter();
        let rows = rows.map(|row| (row.key(), BankMessage::from(row)));
        Ok(Connection::of(rows, slice.more, &page, &binding))
    }
}
