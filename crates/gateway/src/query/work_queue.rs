//! The work queue (待办): claims that wait for one of the caller's duties.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::types::connection::{self, ClaimConnection, PageArgs};
use crate::visit::{Visit, sees_scheme};
use async_graphql::{Context, Object};
use engine::limits::PAGE_MAX;
use engine::work_queue::{statuses, waits};
use engine::{ClaimFilter, Page};

/// Pages that are looked through for one page of the queue: bounded work for one request.
const ROUNDS_MAX: usize = 10;

/// The work queue.
#[derive(Default)]
pub struct WorkQueueQueries;

#[Object]
impl WorkQueueQueries {
    /// Claims that wait for one of the caller's duties, by claim number; null with an error if it
    /// cannot be read. What may be done to many claims at any time (withdraw, object, name another
    /// payee) does not put them here. A page may hold fewer rows than asked for although more
    /// follow.
    async fn work_queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<ClaimConnection>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let store = visit.office.desk.store();
        let mut schemes = store.schemes(caller.scope.county).await?;
        schemes.retain(|scheme| sees_scheme(caller, scheme));
        let filter = ClaimFilter {
            statuses: statuses(caller, &schemes),
            ..ClaimFilter::default()
        };
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let binding = Binding::new("workQueue", &filter, caller);
        let page = args.parse(&binding)?;
        let wanted = usize::try_from(page.size).unwrap_or(usize::MAX);
        let mut look = Page {
            size: PAGE_MAX,
            ..page.clone()
        };
        let mut rows = Vec::new();
        let mut reached = None;
        let mut more = !filter.statuses.is_empty();
        let mut rounds = 0;
        while more && rows.len() < wanted && rounds < ROUNDS_MAX {
            let mut slice = store.claims(&caller.scope, &filter, &look).await?;
            if page.from_end {
                slice.rows.reverse();
            }
            more = slice.more;
            rounds += 1;
            for claim in slice.rows {
                if rows.len() == wanted {
                    more = true;
                    break;
                }
                reached = Some(claim.number.clone());
                if waits(&claim, caller, &schemes) {
                    rows.push(claim);
                }
            }
            if page.from_end {
                look.before.clone_from(&reached);
            } else {
                look.after.clone_from(&reached);
            }
        }
        if page.from_end {
            rows.reverse();
        }
        let reached = reached.map(|number| binding.cursor(&number));
        let connection = connection::claims(rows, more, &page, &binding);
        Ok(Some(connection.reaching(reached, page.from_end)))
    }
}
