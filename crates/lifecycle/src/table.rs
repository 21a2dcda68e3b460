//! The lawful transitions as data. The diagram in README, the SQL trigger, `availableActions` and
//! the tests come from here; a test holds that `decide` and this table say the same.

use crate::{CommandKind, EventKind, Status};

/// One lawful transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The status before; `None` where the claim begins.
    pub from: Option<Status>,
    /// The command.
    pub command: CommandKind,
    /// The event it makes.
    pub event: EventKind,
    /// The status after.
    pub to: Status,
}

macro_rules! table {
    ($($from:ident + $command:ident = $event:ident -> $to:ident;)+) => {
        &[$(Transition { from: table!(@from $from), command: CommandKind::$command, event: EventKind::$event, to: Status::$to },)+]
    };
    (@from Nothing) => { None };
    (@from $from:ident) => { Some(Status::$from) };
}

/// The lawful transitions. What is not here does not happen.
pub const TABLE: &[Transition] = table! {
    // REFERRAL
    Nothing + DraftReferral = ReferralDrafted -> Draft;
    Draft + AmendReferral = ReferralAmended -> Draft;
    Returned + AmendReferral = ReferralAmended -> Draft;
    Draft + ReferCase = CaseReferred -> Referred;
    Referred + ReturnReferral = ReferralReturned -> Returned;
    Referred + AcceptReferral = ReferralAccepted -> Accepted;
    // VERIFICATION
    Accepted + AssignSurvey = SurveyAssigned -> Verifying;
    Verifying + AssignSurvey = SurveyAssigned -> Verifying;
    Verifying + RecordFinding = FindingRecorded -> Verifying;
    Verifying + RecordVerification = VerificationRecorded -> Verified;
    Accepted + DeclareIneligible = DeclaredIneligible -> Ineligible;
    Verifying + DeclareIneligible = DeclaredIneligible -> Ineligible;
    Verified + DeclareIneligible = DeclaredIneligible -> Ineligible;
    // documents, until the money is settled
    Draft + AttachDocument = DocumentAttached -> Draft;
    Referred + AttachDocument = DocumentAttached -> Referred;
    Returned + AttachDocument = DocumentAttached -> Returned;
    Accepted + AttachDocument = DocumentAttached -> Accepted;
    Verifying + AttachDocument = DocumentAttached -> Verifying;
    Verified + AttachDocument = DocumentAttached -> Verified;
    NoticeOpen + AttachDocument = DocumentAttached -> NoticeOpen;
    NoticeClosed + AttachDocument = DocumentAttached -> NoticeClosed;
    AwaitingFunds + AttachDocument = DocumentAttached -> AwaitingFunds;
    Approved + AttachDocument = DocumentAttached -> Approved;
    Instructed + AttachDocument = DocumentAttached -> Instructed;
    PayUnknown + AttachDocument = DocumentAttached -> PayUnknown;
    PayFailed + AttachDocument = DocumentAttached -> PayFailed;
    Paid + AttachDocument = DocumentAttached -> Paid;
    PayReturned + AttachDocument = DocumentAttached -> PayReturned;
    // PUBLIC_NOTICE
    Verified + PreviewNotice = NoticePreviewed -> Verified;
    Verified + OpenPublicNotice = PublicNoticeOpened -> NoticeOpen;
    NoticeOpen + RecordPublicationProof = PublicationProved -> NoticeOpen;
    NoticeOpen + RaiseObjection = ObjectionRaised -> NoticeOpen;
    NoticeClosed + RaiseObjection = ObjectionRaised -> NoticeClosed;
    AwaitingFunds + RaiseObjection = ObjectionRaised -> AwaitingFunds;
    Approved + RaiseObjection = ObjectionRaised -> Approved;
    PayFailed + RaiseObjection = ObjectionRaised -> PayFailed;
    PayReturned + RaiseObjection = ObjectionRaised -> PayReturned;
    NoticeOpen + ResolveObjection = ObjectionDismissed -> NoticeOpen;
    NoticeClosed + ResolveObjection = ObjectionDismissed -> NoticeClosed;
    AwaitingFunds + ResolveObjection = ObjectionDismissed -> AwaitingFunds;
    Approved + ResolveObjection = ObjectionDismissed -> Approved;
    PayFailed + ResolveObjection = ObjectionDismissed -> PayFailed;
    PayReturned + ResolveObjection = ObjectionDismissed -> PayReturned;
    NoticeOpen + ResolveObjection = ObjectionUpheld -> Verifying;
    NoticeClosed + ResolveObjection = ObjectionUpheld -> Verifying;
    AwaitingFunds + ResolveObjection = ObjectionUpheld -> Verifying;
    Approved + ResolveObjection = ObjectionUpheld -> Verifying;
    PayFailed + ResolveObjection = ObjectionUpheld -> Verifying;
    PayReturned + ResolveObjection = ObjectionUpheld -> Verifying;
    NoticeOpen + CloseNotice = NoticeClosed -> NoticeClosed;
    // APPROVAL
    NoticeClosed + CountyReviewClaim = CountyReviewed -> NoticeClosed;
    NoticeClosed + ApproveClaim = ClaimApproved -> Approved;
    NoticeClosed + ApproveClaim = FirstApprovalGiven -> NoticeClosed;
    NoticeClosed + SecondApproveClaim = SecondApprovalGiven -> Approved;
    NoticeClosed + ApproveClaim = ApprovalQueued -> AwaitingFunds;
    NoticeClosed + SecondApproveClaim = SecondApprovalQueued -> AwaitingFunds;
    AwaitingFunds + ReserveWaiting = WaitingReserved -> Approved;
    AwaitingFunds + RejectClaim = ClaimRejected -> Rejected;
    AwaitingFunds + SendBackClaim = ClaimSentBack -> Verifying;
    AwaitingFunds + ChangePayee = PayeeChanged -> Verifying;
    NoticeClosed + RejectClaim = ClaimRejected -> Rejected;
    NoticeClosed + SendBackClaim = ClaimSentBack -> Verifying;
    Verifying + ChangePayee = PayeeChanged -> Verifying;
    Verified + ChangePayee = PayeeChanged -> Verifying;
    NoticeOpen + ChangePayee = PayeeChanged -> Verifying;
    NoticeClosed + ChangePayee = PayeeChanged -> Verifying;
    Approved + ChangePayee = PayeeChanged -> Verifying;
    PayFailed + ChangePayee = PayeeChanged -> Verifying;
    PayReturned + ChangePayee = PayeeChanged -> Verifying;
    Verifying + ConfirmPayee = PayeeConfirmed -> Verifying;
    // PAYOUT
    Approved + InstructPayout = PayoutInstructed -> Instructed;
    Instructed + ConfirmPayout = PayoutConfirmed -> Paid;
    Instructed + ReportPayoutFailure = PayoutFailed -> PayFailed;
    Instructed + MarkPayoutUnknown = PayoutUnknown -> PayUnknown;
    PayUnknown + ReconcilePayout = PayoutConfirmed -> Paid;
    PayUnknown + ReconcilePayout = PayoutFailed -> PayFailed;
    Paid + ReportPayoutReturned = PayoutReturned -> PayReturned;
    Closed + ReportPayoutReturned = PayoutReturned -> PayReturned;
    PayFailed + ReinstatePayout = PayoutReinstated -> Approved;
    PayReturned + ReinstatePayout = PayoutReinstated -> Approved;
    Paid + CloseClaim = ClaimClosed -> Closed;
    Paid + StartRecovery = RecoveryStarted -> Recovering;
    Closed + StartRecovery = RecoveryStarted -> Recovering;
    Recovering + RecordRecovery = RecoveryRecorded -> Recovering;
    Recovering + RecordRecovery = RecoveryCompleted -> Recovered;
    Recovering + WriteOffRecovery = WriteOffProposed -> Recovering;
    Recovering + ConfirmWriteOff = RecoveryWrittenOff -> WrittenOff;
    // REFUSAL
    Ineligible + IssueRefusalLetter = RefusalLetterIssued -> Ineligible;
    Rejected + IssueRefusalLetter = RefusalLetterIssued -> Rejected;
    AppealDismissed + IssueRefusalLetter = RefusalLetterIssued -> AppealDismissed;
    Ineligible + LodgeAppeal = AppealLodged -> Appealed;
    Rejected + LodgeAppeal = AppealLodged -> Appealed;
    Appealed + DecideAppeal = AppealUpheld -> Accepted;
    Appealed + DecideAppeal = AppealUpheld -> Verifying;
    Appealed + DecideAppeal = AppealDismissed -> AppealDismissed;
    Ineligible + CloseClaim = ClaimClosed -> RefusalClosed;
    Rejected + CloseClaim = ClaimClosed -> RefusalClosed;
    AppealDismissed + CloseClaim = ClaimClosed -> RefusalClosed;
    // any state before INSTRUCTED, and those in which a payment failed or came back
    Draft + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    Referred + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    Returned + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    Accepted + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    Verifying + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    Verified + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    NoticeOpen + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    NoticeClosed + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    AwaitingFunds + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    Approved + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    PayFailed + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
    PayReturned + WithdrawClaim = ClaimWithdrawn -> Withdrawn;
};

/// The commands a status allows, each once, in the table's order.
pub fn allowed(status: Status) -> impl Iterator<Item = CommandKind> {
    CommandKind::ALL.iter().copied().filter(move |command| {
        TABLE
            .iter()
            .any(|row| row.from == Some(status) && row.command == *command)
    })
}
