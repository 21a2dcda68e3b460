//! The work queue (待办): claims that wait for one of the caller's duties.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::types::connection::{self, ClaimConnection, PageArgs};
use crate::visit::{Visit, sees_scheme};
use async_graphql::{Context, Object};
use engine::limits::PAGE_MAX;
use engine::{Caller, ClaimFilter, Page};
use lifecycle::{Claim, CommandKind, Scheme, Status, TABLE, available_actions, duty};
use std::sync::Arc;

/// Pages that are looked through for one page of the queue: bounded work for one request.
const ROUNDS_MAX: usize = 10;

/// Whether a claim waits for this command. The others are standing rights (withdraw, object,
/// recover, name another payee) or reports of what the bank may do any day: they are open in many
/// statuses and nobody waits for them.
const fn is_awaited(command: CommandKind) -> bool {
    use CommandKind as C;
    match command {
        C::DraftReferral
        | C::LodgeAppeal
        | C::AttachDocument
        | C::RaiseObjection
        | C::ChangePayee
        | C::WithdrawClaim
        | C::StartRecovery
        | C::MarkPayoutUnknown
        | C::ReportPayoutReturned => false,
        C::AmendReferral
        | C::ReferCase
        | C::ReturnReferral
        | C::AcceptReferral
        | C::AssignSurvey
        | C::RecordFinding
        | C::RecordVerification
        | C::DeclareIneligible
        | C::PreviewNotice
        | C::OpenPublicNotice
        | C::RecordPublicationProof
        | C::ResolveObjection
        | C::CloseNotice
        | C::CountyReviewClaim
        | C::ApproveClaim
        | C::SecondApproveClaim
        | C::ReserveWaiting
        | C::RejectClaim
        | C::SendBackClaim
        | C::ConfirmPayee
        | C::InstructPayout
        | C::ConfirmPayout
        | C::ReportPayoutFailure
        | C::ReconcilePayout
        | C::ReinstatePayout
        | C::CloseClaim
        | C::RecordRecovery
        | C::WriteOffRecovery
        | C::ConfirmWriteOff
        | C::IssueRefusalLetter
        | C::DecideAppeal => true,
    }
}

/// The statuses in which some scheme gives this caller an awaited command.
fn statuses(caller: &Caller, schemes: &[Arc<Scheme>]) -> Vec<Status> {
    let gives = |command: CommandKind| {
        schemes
            .iter()
            .flat_map(|scheme| scheme.duties_of(command))
            .any(|held| caller.holds(*held) && !duty::forbidden(command, *held))
    };
    Status::ALL
        .iter()
        .copied()
        .filter(|status| {
            TABLE
                .iter()
                .filter(|row| row.from == Some(*status) && is_awaited(row.command))
                .any(|row| gives(row.command))
        })
        .collect()
}

/// Whether a claim waits for this caller.
fn waits(claim: &Claim, caller: &Caller, schemes: &[Arc<Scheme>]) -> bool {
    schemes
        .iter()
        .find(|scheme| scheme.id == claim.scheme)
        .is_some_and(|scheme| {
            available_actions(claim, &caller.actor(), scheme)
                .into_iter()
                .any(is_awaited)
        })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Failure 35: nothing that a status awaits is offered to nobody.
    #[test]
    fn every_status_that_is_not_final_awaits_somebody() {
        for status in Status::ALL.iter().filter(|status| !status.is_final()) {
            let awaited = TABLE
                .iter()
                .filter(|row| row.from == Some(*status) && is_awaited(row.command))
                .any(|row| {
                    duty::standard(row.command)
                        .iter()
                        .any(|duty| !duty.is_system())
                });
            assert_eq!(awaited, *status != Status::Closed, "{status}");
        }
    }
}
