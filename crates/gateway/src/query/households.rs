//! The list of households.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::query::claims::region;
use crate::types::connection::{Connection, PageArgs};
use crate::types::household::HouseholdNode;
use crate::visit::Visit;
use async_graphql::{Context, InputObject, Object};
use engine::HouseholdFilter;
use engine::limits::TEXT_CHARS_MAX;
use std::sync::Arc;

/// Which households. Conditions add up.
#[derive(InputObject, Debug, Default)]
#[graphql(name = "HouseholdFilter")]
pub struct HouseholdFilterInput {
    /// In this county, township or village: a region code of 6, 9 or 12 digits.
    region: Option<String>,
    /// Of this household type (户类型), as the national list names it.
    kind: Option<String>,
    /// Whether it stands on the list of monitored households (动态监测户).
    listed: Option<bool>,
}

impl HouseholdFilterInput {
    /// The filter.
    pub fn parse(self) -> Result<HouseholdFilter, ApiError> {
        let Self {
            region: code,
            kind,
            listed,
        } = self;
        let long = |kind: &String| kind.chars().count() > TEXT_CHARS_MAX;
        if kind.as_ref().is_some_and(long) {
            return Err(ApiError::invalid("kind is too long"));
        }
        Ok(HouseholdFilter {
            region: region(code)?,
            kind,
            listed,
        })
    }
}

/// Queries of lists of households.
#[derive(Default)]
pub struct HouseholdQueries;

#[Object]
impl HouseholdQueries {
    /// The households of the caller's region, in no meaningful but a stable order; an insurer sees
    /// those it has a claim of. Null with an error if they cannot be read.
    async fn households(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which households; all if omitted.")] filter: Option<HouseholdFilterInput>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<HouseholdNode>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let filter = filter.unwrap_or_default().parse()?;
        let binding = Binding::new("households", &filter, caller);
        let page = args.parse(&binding)?;
        let store = visit.office.desk.store();
        let slice = store.households(&caller.scope, &filter, &page).await?;
        let rows = slice
            .rows
            .into_iter()
            .map(|it| (it.id.to_string(), HouseholdNode(Arc::new(it))));
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }
}
