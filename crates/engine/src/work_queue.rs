//! The work queue (待办): which claims wait for whom.

use crate::caller::Caller;
use lifecycle::{Claim, CommandKind, Scheme, Status, TABLE, available_actions, duty};
use std::sync::Arc;

/// Whether a claim waits for this command. The others are standing rights (withdraw, object,
/// recover, name another payee) or reports of what the bank may do any day: they are open in many
/// statuses and nobody waits for them.
pub const fn is_awaited(command: CommandKind) -> bool {
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
        | C::RejectClaim
        | C::SendBackClaim
        | C::ConfirmPayee
        | C::InstructPayout
        | C::ConfirmPayout
        | C::ReportPayoutFailure
        | C::ReconcilePayout
        | C::ReinstatePayout
        | C::CloseClaim
        | C::ReserveWaiting
        | C::RecordRecovery
        | C::WriteOffRecovery
        | C::ConfirmWriteOff
        | C::IssueRefusalLetter
        | C::DecideAppeal => true,
    }
}

/// The statuses in which some scheme gives this caller an awaited command.
pub fn statuses(caller: &Caller, schemes: &[Arc<Scheme>]) -> Vec<Status> {
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
pub fn waits(claim: &Claim, caller: &Caller, schemes: &[Arc<Scheme>]) -> bool {
    schemes
        .iter()
        .find(|scheme| scheme.id == claim.scheme)
        .is_some_and(|scheme| {
            available_actions(claim, &caller.actor(), scheme)
                .into_iter()
                .any(is_awaited)
        })
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
