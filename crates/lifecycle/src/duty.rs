//! Who may do what: duties (岗位) and the map from command to duty.
//!
//! The standard map below is what a scheme begins with; a scheme may move a command to another
//! duty (data), within what [`forbidden`] rules out for every county.

use crate::CommandKind;
use crate::coded;

coded! {
    /// A duty (岗位) a person or a system holds. Separation is by person: see invariant 4.
    Duty {
        TownshipCaseworker = "TOWNSHIP_CASEWORKER" "乡镇经办",
        CountyCaseworker = "COUNTY_CASEWORKER" "县级经办",
        CountySupervisor = "COUNTY_SUPERVISOR" "县级主管",
        CountyReviewer = "COUNTY_REVIEWER" "县级审定",
        InsurerHandler = "INSURER_HANDLER" "保险经办",
        Surveyor = "SURVEYOR" "查勘员",
        Approver = "APPROVER" "核赔人",
        Finance = "FINANCE" "保险财务",
        BankConnector = "BANK_CONNECTOR" "银行接口",
        Timer = "TIMER" "定时任务",
        NoticeRenderer = "NOTICE_RENDERER" "公示发布",
        Auditor = "AUDITOR" "审计监督",
        Administrator = "ADMINISTRATOR" "系统管理",
    }
}

impl Duty {
    /// A duty held by a program, never by a person.
    pub const fn is_system(self) -> bool {
        match self {
            Self::BankConnector | Self::Timer | Self::NoticeRenderer => true,
            Self::TownshipCaseworker
            | Self::CountyCaseworker
            | Self::CountySupervisor
            | Self::CountyReviewer
            | Self::InsurerHandler
            | Self::Surveyor
            | Self::Approver
            | Self::Finance
            | Self::Auditor
            | Self::Administrator => false,
        }
    }
}

/// The standard duty map: the duties, any one of which lets a caller give the command.
pub const fn standard(command: CommandKind) -> &'static [Duty] {
    use CommandKind as C;
    use Duty as D;
    match command {
        C::DraftReferral | C::AmendReferral | C::ReferCase => {
            &[D::TownshipCaseworker, D::CountyCaseworker]
        }
        C::ReturnReferral | C::AcceptReferral | C::AssignSurvey | C::DeclareIneligible => {
            &[D::InsurerHandler]
        }
        C::RecordFinding => &[D::Surveyor, D::TownshipCaseworker, D::CountyCaseworker],
        C::AttachDocument => &[
            D::TownshipCaseworker,
            D::CountyCaseworker,
            D::InsurerHandler,
            D::Surveyor,
            D::Finance,
        ],
        C::RecordVerification => &[D::Surveyor],
        C::PreviewNotice => &[
            D::CountyCaseworker,
            D::CountySupervisor,
            D::TownshipCaseworker,
        ],
        C::OpenPublicNotice => &[D::CountyCaseworker],
        C::RecordPublicationProof => &[
            D::NoticeRenderer,
            D::TownshipCaseworker,
            D::CountyCaseworker,
        ],
        C::RaiseObjection => &[
            D::TownshipCaseworker,
            D::CountyCaseworker,
            D::CountySupervisor,
        ],
        // What is written off is the county's money.
        C::ResolveObjection | C::DecideAppeal | C::ConfirmWriteOff => &[D::CountySupervisor],
        C::CloseNotice => &[D::Timer, D::CountySupervisor],
        C::CountyReviewClaim => &[D::CountyReviewer],
        C::ApproveClaim
        | C::SecondApproveClaim
        | C::RejectClaim
        | C::SendBackClaim
        | C::ReserveWaiting => &[D::Approver],
        C::ChangePayee | C::ConfirmPayee => &[D::InsurerHandler],
        C::InstructPayout
        | C::ReinstatePayout
        | C::ReconcilePayout
        | C::RecordRecovery
        | C::WriteOffRecovery => &[D::Finance],
        C::ConfirmPayout | C::ReportPayoutFailure | C::ReportPayoutReturned => {
            &[D::BankConnector, D::Finance]
        }
        C::MarkPayoutUnknown => &[D::Timer, D::Finance],
        C::WithdrawClaim | C::LodgeAppeal => &[D::TownshipCaseworker, D::CountyCaseworker],
        C::CloseClaim => &[D::CountyCaseworker, D::InsurerHandler],
        C::StartRecovery => &[D::CountySupervisor, D::InsurerHandler],
        C::IssueRefusalLetter => &[D::InsurerHandler, D::CountyCaseworker],
    }
}

/// What no scheme may allow: a surveyor who decides, a program that does more than it was made for,
/// an auditor who acts, an administrator of accounts who touches a claim (invariants 4 and 11).
pub const fn forbidden(command: CommandKind, duty: Duty) -> bool {
    use CommandKind as C;
    match duty {
        Duty::Timer => !matches!(command, C::CloseNotice | C::MarkPayoutUnknown),
        Duty::NoticeRenderer => !matches!(command, C::RecordPublicationProof),
        Duty::BankConnector => !matches!(
            command,
            C::ConfirmPayout
                | C::ReportPayoutFailure
                | C::ReportPayoutReturned
                | C::MarkPayoutUnknown
        ),
        Duty::Auditor | Duty::Administrator => true,
        Duty::Surveyor => is_judgement(command),
        // What is written off is the county's money.
        Duty::InsurerHandler | Duty::Approver | Duty::Finance => {
            matches!(command, C::ConfirmWriteOff)
        }
        Duty::TownshipCaseworker
        | Duty::CountyCaseworker
        | Duty::CountySupervisor
        | Duty::CountyReviewer => false,
    }
}

/// Whether a command judges what the survey found, or what became of the money.
const fn is_judgement(command: CommandKind) -> bool {
    use CommandKind as C;
    match command {
        C::DeclareIneligible
        | C::ResolveObjection
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
        | C::ReportPayoutReturned
        | C::ReconcilePayout
        | C::ReinstatePayout
        | C::RecordRecovery
        | C::WriteOffRecovery
        | C::ConfirmWriteOff
        | C::DecideAppeal => true,
        C::DraftReferral
        | C::AmendReferral
        | C::ReferCase
        | C::ReturnReferral
        | C::AcceptReferral
        | C::AssignSurvey
        | C::RecordFinding
        | C::AttachDocument
        | C::RecordVerification
        | C::PreviewNotice
        | C::OpenPublicNotice
        | C::RecordPublicationProof
        | C::RaiseObjection
        | C::CloseNotice
        | C::ChangePayee
        | C::MarkPayoutUnknown
        | C::WithdrawClaim
        | C::CloseClaim
        | C::StartRecovery
        | C::IssueRefusalLetter
        | C::LodgeAppeal => false,
    }
}

/// Whether a command makes money payable or paid, or gives it up: a timer never gives one (invariant 11).
pub const fn moves_towards_payment(command: CommandKind) -> bool {
    use CommandKind as C;
    match command {
        C::ApproveClaim
        | C::SecondApproveClaim
        | C::ReserveWaiting
        | C::InstructPayout
        | C::ConfirmPayout
        | C::ReconcilePayout
        | C::ReinstatePayout
        | C::WriteOffRecovery
        | C::ConfirmWriteOff => true,
        C::DraftReferral
        | C::AmendReferral
        | C::ReferCase
        | C::ReturnReferral
        | C::AcceptReferral
        | C::AssignSurvey
        | C::RecordFinding
        | C::AttachDocument
        | C::RecordVerification
        | C::DeclareIneligible
        | C::PreviewNotice
        | C::OpenPublicNotice
        | C::RecordPublicationProof
        | C::RaiseObjection
        | C::ResolveObjection
        | C::CloseNotice
        | C::CountyReviewClaim
        | C::RejectClaim
        | C::SendBackClaim
        | C::ChangePayee
        | C::ConfirmPayee
        | C::ReportPayoutFailure
        | C::ReportPayoutReturned
        | C::MarkPayoutUnknown
        | C::WithdrawClaim
        | C::CloseClaim
        | C::StartRecovery
        | C::RecordRecovery
        | C::IssueRefusalLetter
        | C::LodgeAppeal
        | C::DecideAppeal => false,
    }
}
