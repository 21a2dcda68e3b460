//! Lists of claims: `claims`, `claimStatusSummary`, and the page they share.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{self, ClaimConnection, PageArgs};
use crate::types::enums::{Peril, Phase, Status};
use crate::types::event::count;
use crate::types::scalars::{Date, DateTime, Fen};
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use engine::limits::LIST_ITEMS_MAX;
use engine::{ClaimFilter, StatusCount};
use lifecycle::{RegionCode, SchemeId};

/// Which claims. Conditions add up; a list means any of its values, and an empty list any at all.
#[derive(InputObject, Debug, Default)]
#[graphql(name = "ClaimFilter")]
pub struct ClaimFilterInput {
    /// In any of these statuses.
    statuses: Option<Vec<Status>>,
    /// In any of these phases.
    phases: Option<Vec<Phase>>,
    /// Of any of these perils.
    perils: Option<Vec<Peril>>,
    /// In this county, township or village: a region code of 6, 9 or 12 digits.
    region: Option<String>,
    /// Of this scheme version.
    scheme_id: Option<ID>,
    /// Event on or after this day.
    event_from: Option<Date>,
    /// Event on or before this day.
    event_to: Option<Date>,
    /// Begun at or after this instant.
    opened_from: Option<DateTime>,
    /// Begun before this instant.
    opened_before: Option<DateTime>,
    /// Something is due on or after this day.
    due_from: Option<Date>,
    /// Something is due on or before this day.
    due_to: Option<Date>,
}

impl ClaimFilterInput {
    /// The filter; `None` if it can match nothing.
    fn parse(self) -> Result<Option<ClaimFilter>, ApiError> {
        let Self {
            statuses,
            phases,
            perils,
            region,
            scheme_id,
            event_from,
            event_to,
            opened_from,
            opened_before,
            due_from,
            due_to,
        } = self;
        let statuses = statuses.unwrap_or_default();
        let phases = phases.unwrap_or_default();
        let perils = perils.unwrap_or_default();
        if [statuses.len(), phases.len(), perils.len()]
            .iter()
            .any(|length| *length > LIST_ITEMS_MAX)
        {
            return Err(ApiError::invalid("a list of the filter is too long"));
        }
        let statuses: Vec<lifecycle::Status> = statuses.into_iter().map(Into::into).collect();
        let phases: Vec<lifecycle::Phase> = phases.into_iter().map(Into::into).collect();
        let chosen: Vec<lifecycle::Status> = lifecycle::Status::ALL
            .iter()
            .copied()
            .filter(|status| statuses.is_empty() || statuses.contains(status))
            .filter(|status| phases.is_empty() || phases.contains(&status.phase()))
            .collect();
        let scheme = match scheme_id {
            None => None,
            Some(id) => match node_id::decode_as(Kind::Scheme, &id) {
                Some(uuid) => Some(SchemeId(uuid)),
                None => return Ok(None),
            },
        };
        let region = self::region(region)?;
        let all = chosen.len() == lifecycle::Status::ALL.len();
        Ok((!chosen.is_empty()).then(|| ClaimFilter {
            statuses: if all { Vec::new() } else { chosen },
            perils: perils.into_iter().map(Into::into).collect(),
            region,
            scheme,
            household: None,
            event_from: event_from.map(|day| day.0),
            event_to: event_to.map(|day| day.0),
            opened_from: opened_from.map(|at| at.0),
            opened_before: opened_before.map(|at| at.0),
            due_from: due_from.map(|day| day.0),
            due_to: due_to.map(|day| day.0),
        }))
    }
}

/// A region code of a filter.
pub fn region(code: Option<String>) -> Result<Option<RegionCode>, ApiError> {
    code.map(RegionCode::new)
        .transpose()
        .map_err(|_| ApiError::invalid("region is a code of 6, 9 or 12 digits"))
}

/// One page of the claims a filter names, within the caller's scope.
pub async fn page(
    visit: &Visit,
    filter: ClaimFilter,
    args: PageArgs,
) -> Result<ClaimConnection, ApiError> {
    let caller = visit.caller()?;
    let binding = Binding::new("claims", &filter, caller);
    let page = args.parse(&binding)?;
    let store = visit.office.desk.store();
    let slice = store.claims(&caller.scope, &filter, &page).await?;
    Ok(connection::claims(slice.rows, slice.more, &page, &binding))
}

/// Claims and money in one status.
#[derive(SimpleObject, Debug, Clone)]
pub struct ClaimStatusCount {
    /// The status.
    status: Status,
    /// Its phase.
    phase: Phase,
    /// How many claims.
    claims: i32,
    /// The sum of the benefits that stand: approved, else assessed; 0 before an assessment and after
    /// an end without money.
    amount_fen: Fen,
}

impl From<StatusCount> for ClaimStatusCount {
    fn from(it: StatusCount) -> Self {
        let StatusCount {
            status,
            claims,
            amount,
        } = it;
        Self {
            status: status.into(),
            phase: status.phase().into(),
            claims: count(claims),
            amount_fen: Fen(amount),
        }
    }
}

/// Queries of lists of claims.
#[derive(Default)]
pub struct ClaimQueries;

#[Object]
impl ClaimQueries {
    /// The claims the caller may see, by claim number; null with an error if it cannot be read.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which claims; all if omitted.")] filter: Option<ClaimFilterInput>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor, made under the same filter.")] after: Option<
            String,
        >,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor, made under the same filter.")] before: Option<
            String,
        >,
    ) -> Result<Option<ClaimConnection>, ApiError> {
        let visit = Visit::of(ctx)?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = visit.caller()?;
        if let Some(filter) = filter.unwrap_or_default().parse()? {
            page(visit, filter, args).await.map(Some)
        } else {
            let binding = Binding::new("claims", &ClaimFilter::default(), caller);
            let page = args.parse(&binding)?;
            Ok(Some(connection::claims(Vec::new(), false, &page, &binding)))
        }
    }

    /// Claims and money by status, of what the caller may see; null with an error if it cannot be
    /// read.
    async fn claim_status_summary(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which claims; all if omitted.")] filter: Option<ClaimFilterInput>,
    ) -> Result<Option<Vec<ClaimStatusCount>>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let Some(filter) = filter.unwrap_or_default().parse()? else {
            return Ok(Some(Vec::new()));
        };
        let store = visit.office.desk.store();
        let counts = store.status_counts(&caller.scope, &filter).await?;
        Ok(Some(
            counts.into_iter().map(ClaimStatusCount::from).collect(),
        ))
    }
}
