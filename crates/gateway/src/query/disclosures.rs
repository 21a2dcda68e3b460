//! The list of who has read what.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{Connection, PageArgs};
use crate::types::disclosure::Disclosure;
use crate::visit::Visit;
use async_graphql::{Context, ID, Object};
use engine::disclosure::DisclosureFilter;
use lifecycle::{HouseholdId, PersonId};

/// Queries of disclosures.
#[derive(Default)]
pub struct DisclosureQueries;

#[Object]
impl DisclosureQueries {
    /// Who has read which private value, when and why (查看记录), of the households in the caller's
    /// region, in the order of reading: `last` gives the newest. An insurer's own sees what its people
    /// have read. Null with an error if it cannot be read.
    #[expect(clippy::too_many_arguments, reason = "a filter and a page")]
    async fn disclosures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this household.")] household_id: Option<ID>,
        #[graphql(desc = "Only by this person.")] person_id: Option<ID>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Disclosure>>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let decoded = |kind, id: Option<ID>| match id {
            None => Ok(None),
            Some(id) => node_id::decode_as(kind, &id)
                .map(Some)
                .ok_or_else(ApiError::not_found),
        };
        let mut filter = DisclosureFilter {
            household: decoded(Kind::Household, household_id)?.map(HouseholdId),
            person: decoded(Kind::Person, person_id)?.map(PersonId),
            among: None,
            region: Some(caller.scope.region.clone()),
        };
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let binding = Binding::new("disclosures", &filter, caller);
        let page = args.parse(&binding)?;
        if caller.scope.insurer.is_some() {
            let people = visit.people().await?.iter();
            let own = people.filter(|it| it.org == caller.org);
            filter.among = Some(own.map(|it| it.id).collect());
        }
        let store = visit.office.desk.store();
        let slice = store
            .disclosures(caller.scope.county, &filter, &page)
            .await?;
        let rows = slice.rows.iter();
        let rows = rows.map(|it| (it.key(), Disclosure::from(it)));
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }
}
