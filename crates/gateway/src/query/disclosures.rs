//! The list of who has read what.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::disclosure::DisclosureConnection;
use crate::visit::Visit;
use async_graphql::{Context, ID, Object};
use engine::disclosure::DisclosureFilter;
use engine::limits::PAGE_MAX;
use lifecycle::{HouseholdId, PersonId};

/// Queries of disclosures.
#[derive(Default)]
pub struct DisclosureQueries;

#[Object]
impl DisclosureQueries {
    /// Who has read which private value, when and why (查看记录), of the households in the caller's
    /// region, the newest first; an insurer's own sees what its people have read. Null with an error
    /// if it cannot be read.
    async fn disclosures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this household.")] household_id: Option<ID>,
        #[graphql(desc = "Only by this person.")] person_id: Option<ID>,
        #[graphql(desc = "Rows, 1 to 100.")] first: i32,
        #[graphql(desc = "Rows after this cursor, made under the same filter.")] after: Option<
            String,
        >,
    ) -> Result<Option<DisclosureConnection>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let first = u32::try_from(first)
            .ok()
            .filter(|it| (1..=PAGE_MAX).contains(it))
            .ok_or_else(|| ApiError::invalid("first must be 1 to 100"))?;
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
            before: None,
        };
        let binding = Binding::of(&format!("disclosures\n{filter:?}\n{:?}", caller.scope));
        if caller.scope.insurer.is_some() {
            let people = visit.people().await?.iter();
            let own = people.filter(|it| it.org == caller.org);
            filter.among = Some(own.map(|it| it.id).collect());
        }
        let has_previous = after.is_some();
        if let Some(after) = after {
            let place = binding.number(&after)?.parse();
            let foreign = "the cursor does not belong to this list";
            filter.before = Some(place.map_err(|_| ApiError::invalid(foreign))?);
        }
        let store = visit.office.desk.store();
        let mut rows = store
            .disclosures(caller.scope.county, &filter, first + 1)
            .await?;
        let wanted = usize::try_from(first).unwrap_or(usize::MAX);
        let has_next = rows.len() > wanted;
        rows.truncate(wanted);
        let cursor = |row: &engine::disclosure::Disclosed| binding.cursor(&row.seq.to_string());
        Ok(Some(DisclosureConnection::new(
            &rows,
            cursor,
            has_next,
            has_previous,
        )))
    }
}
