//! Deadlines (办理时限): what is due soon or overdue.

use crate::cursor::Binding;
use crate::errors::{ApiError, ErrorCode};
use crate::query::claims::region;
use crate::types::connection::{Connection, PageArgs};
use crate::types::days::DueClaim;
use crate::types::enums::DueState;
use crate::visit::Visit;
use async_graphql::{Context, InputObject, Object};
use engine::deadline::DueAsk;
use engine::limits::REMIND_WORKDAYS_MAX;

/// Which deadlines. Conditions add up.
#[derive(InputObject, Debug, Default)]
pub struct DueFilter {
    /// Only these; null for both.
    state: Option<DueState>,
    /// Working days before the last day from which on something is due soon, 0 to 20; null for what the installation
    /// says (`remind_workdays`).
    within_workdays: Option<i32>,
    /// Only claims in a status in which one of the caller's duties is awaited.
    mine: Option<bool>,
    /// In this county, township or village: a region code of 6, 9 or 12 digits.
    region: Option<String>,
}

impl DueFilter {
    fn parse(self) -> Result<DueAsk, ApiError> {
        let within = self.within_workdays.map(|days| {
            let days = u16::try_from(days).ok();
            days.filter(|it| *it <= REMIND_WORKDAYS_MAX)
                .ok_or_else(|| ApiError::invalid("withinWorkdays is a number from 0 to 20"))
        });
        Ok(DueAsk {
            state: self.state.map(Into::into),
            within: within.transpose()?,
            mine: self.mine.unwrap_or_default(),
            region: region(self.region)?,
        })
    }
}

/// Queries of deadlines.
#[derive(Default)]
pub struct DeadlineQueries;

#[Object]
impl DeadlineQueries {
    /// Claims of which something is due soon or overdue (到期、逾期), by claim number: the term of the status, the end
    /// of the notice, the letter of a refusal. While an objection is open nothing is due. Null with
    /// `CALENDAR_MISSING` if the calendar lacks a year that must be counted.
    async fn due_claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; null for all.")] filter: Option<DueFilter>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<DueClaim>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let ask = filter.unwrap_or_default().parse()?;
        let binding = Binding::new("dueClaims", &ask, caller);
        let page = args.parse(&binding)?;
        let found = visit.office.desk.due_claims(caller, &ask, &page).await?;
        let slice =
            found.map_err(|fault| ApiError::new(ErrorCode::CalendarMissing, fault.to_string()))?;
        let rows = slice.rows.into_iter();
        let rows = rows.map(|due| (due.claim.number.clone(), DueClaim::from(due)));
        Ok(Some(Connection::of(rows, slice.more, &page, &binding)))
    }
}
