//! Commands (imperative): what a caller may ask to happen to a claim.

use crate::coded;
use crate::phase::approval::Uplift;
use crate::phase::payout::BankOutcome;
use crate::phase::referral::Case;
use crate::phase::refusal::{Delivery, RefusalLine};
use crate::phase::verification::{Evidence, Flag, LossFacts, Votes};
use crate::{
    BillKey, Check, ClaimId, Duty, HouseholdId, NoticeId, ObjectionId, PayeeId, PaymentId,
    PersonId, SchemeId,
};
use benefits::Fen;
use chrono::NaiveDate;

coded! {
    /// The kind of a command: its name without its contents.
    CommandKind {
        DraftReferral = "DRAFT_REFERRAL" "拟稿",
        AmendReferral = "AMEND_REFERRAL" "修改推送",
        ReferCase = "REFER_CASE" "推送",
        ReturnReferral = "RETURN_REFERRAL" "退回补正",
        AcceptReferral = "ACCEPT_REFERRAL" "受理",
        AssignSurvey = "ASSIGN_SURVEY" "派查勘",
        RecordFinding = "RECORD_FINDING" "登记核查",
        AttachDocument = "ATTACH_DOCUMENT" "补充材料",
        RecordVerification = "RECORD_VERIFICATION" "核定理算",
        DeclareIneligible = "DECLARE_INELIGIBLE" "认定不符合",
        PreviewNotice = "PREVIEW_NOTICE" "预览公示",
        OpenPublicNotice = "OPEN_PUBLIC_NOTICE" "发布公示",
        RecordPublicationProof = "RECORD_PUBLICATION_PROOF" "登记张贴证明",
        RaiseObjection = "RAISE_OBJECTION" "提出异议",
        ResolveObjection = "RESOLVE_OBJECTION" "处理异议",
        CloseNotice = "CLOSE_NOTICE" "公示期满",
        CountyReviewClaim = "COUNTY_REVIEW_CLAIM" "县级审定",
        ApproveClaim = "APPROVE_CLAIM" "审批通过",
        SecondApproveClaim = "SECOND_APPROVE_CLAIM" "复核审批",
        ReserveWaiting = "RESERVE_WAITING" "待资金预留",
        RejectClaim = "REJECT_CLAIM" "拒赔",
        SendBackClaim = "SEND_BACK_CLAIM" "退回复查",
        ChangePayee = "CHANGE_PAYEE" "变更收款人",
        ConfirmPayee = "CONFIRM_PAYEE" "确认收款人",
        InstructPayout = "INSTRUCT_PAYOUT" "下达付款指令",
        ConfirmPayout = "CONFIRM_PAYOUT" "确认到账",
        ReportPayoutFailure = "REPORT_PAYOUT_FAILURE" "付款失败",
        ReportPayoutReturned = "REPORT_PAYOUT_RETURNED" "退票",
        MarkPayoutUnknown = "MARK_PAYOUT_UNKNOWN" "结果不明",
        ReconcilePayout = "RECONCILE_PAYOUT" "对账",
        ReinstatePayout = "REINSTATE_PAYOUT" "恢复待付",
        WithdrawClaim = "WITHDRAW_CLAIM" "撤回",
        CloseClaim = "CLOSE_CLAIM" "归档",
        StartRecovery = "START_RECOVERY" "启动追回",
        RecordRecovery = "RECORD_RECOVERY" "登记追回",
        IssueRefusalLetter = "ISSUE_REFUSAL_LETTER" "送达拒赔通知",
        LodgeAppeal = "LODGE_APPEAL" "提出申诉",
        DecideAppeal = "DECIDE_APPEAL" "处理申诉",
        WriteOffRecovery = "WRITE_OFF_RECOVERY" "提议核销",
        ConfirmWriteOff = "CONFIRM_WRITE_OFF" "确认核销",
    }
}

/// A new draft referral (推送拟稿).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftReferral {
    /// The id the claim will have.
    pub id: ClaimId,
    /// The scheme version it will keep.
    pub scheme: SchemeId,
    /// The household.
    pub household: HouseholdId,
    /// What is claimed.
    pub case: Case,
    /// The earlier claim of the same event that it goes on with.
    pub follows: Option<ClaimId>,
}

/// A command with its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "fields are named for what they hold; each variant is documented"
)]
pub enum Command {
    /// Begins a claim.
    DraftReferral(DraftReferral),
    /// Replaces what a draft or returned referral claims.
    AmendReferral { case: Case },
    /// Refers the case to the insurer.
    ReferCase,
    /// Returns a referral for correction, with reasons.
    ReturnReferral { reasons: Vec<String> },
    /// Accepts the referral.
    AcceptReferral,
    /// Gives the survey to a surveyor.
    AssignSurvey { surveyor: PersonId },
    /// Records one check of verification.
    RecordFinding {
        check: Check,
        on: NaiveDate,
        passed: bool,
        votes: Option<Votes>,
        evidence: Vec<Evidence>,
        flags: Vec<Flag>,
    },
    /// Hands in a document.
    AttachDocument { evidence: Evidence },
    /// Accepts the facts and computes the benefit.
    RecordVerification { facts: LossFacts },
    /// Refuses the claim: the household does not qualify.
    DeclareIneligible { lines: Vec<RefusalLine> },
    /// A second person has seen the notice as it will be posted.
    PreviewNotice { content_hash: String },
    /// Posts the notice.
    OpenPublicNotice { notice: NoticeId },
    /// Proves that the notice hangs, unchanged.
    RecordPublicationProof {
        content_hash: String,
        evidence: Evidence,
    },
    /// Raises an objection; late ones are accepted until the money is instructed.
    RaiseObjection {
        objection: ObjectionId,
        grounds: String,
    },
    /// Decides an objection.
    ResolveObjection {
        objection: ObjectionId,
        upheld: bool,
        findings: String,
    },
    /// Closes a notice that ran its full term.
    CloseNotice,
    /// Records the county's review (审定).
    CountyReviewClaim,
    /// Approves the claim; the caller confirms the benefit, the payee and the dossier that were seen.
    ApproveClaim {
        benefit: Fen,
        uplift: Option<Uplift>,
        payee: PayeeId,
        dossier: String,
    },
    /// The second approval above a limit; the same is confirmed.
    SecondApproveClaim {
        amount: Fen,
        payee: PayeeId,
        dossier: String,
    },
    /// Gives the first that waits the pool's money; the caller echoes the amount that was seen.
    ReserveWaiting { amount: Fen },
    /// Refuses the claim with reasons.
    RejectClaim { lines: Vec<RefusalLine> },
    /// Sends the claim back to verification with questions.
    SendBackClaim { questions: Vec<String> },
    /// Names another payee; voids notice and approval.
    ChangePayee { payee: PayeeId },
    /// A second person confirms the new payee.
    ConfirmPayee { payee: PayeeId },
    /// Orders the payment; the caller echoes amount and payee that were seen.
    InstructPayout {
        payment: PaymentId,
        amount: Fen,
        payee: PayeeId,
    },
    /// The bank's confirmation, or a statement line entered by a second person.
    ConfirmPayout {
        instruction_no: String,
        amount: Fen,
        bank_ref: String,
    },
    /// A proven failure.
    ReportPayoutFailure {
        instruction_no: String,
        reason: String,
    },
    /// A return after confirmation (退票).
    ReportPayoutReturned {
        instruction_no: String,
        amount: Fen,
        bank_ref: String,
    },
    /// Nobody knows whether the money arrived.
    MarkPayoutUnknown { reason: String },
    /// Statement evidence settles an unknown payment.
    ReconcilePayout { outcome: BankOutcome },
    /// Makes a failed or returned payment payable again.
    ReinstatePayout { payee: PayeeId },
    /// The household or office withdraws.
    WithdrawClaim { reason: String },
    /// Archives a paid claim, or a refused one whose household was told and can appeal no more.
    CloseClaim { archive_no: String },
    /// Begins to recover a wrong payment.
    StartRecovery { reason: String },
    /// Money has come back: all that is outstanding, or a part.
    RecordRecovery { amount: Fen, bank_ref: String },
    /// The letter of a refusal reached the household; the caller echoes the hash of what was handed over.
    IssueRefusalLetter {
        content_hash: String,
        delivered_on: NaiveDate,
        delivery: Delivery,
        handed_to: String,
    },
    /// The household does not agree with the refusal.
    LodgeAppeal { grounds: String },
    /// Decides the appeal.
    DecideAppeal { upheld: bool, findings: String },
    /// Proposes to write off what is outstanding; the caller echoes the amount that was seen.
    WriteOffRecovery { amount: Fen, reason: String },
    /// A second person confirms the write-off.
    ConfirmWriteOff { amount: Fen },
}

impl Command {
    /// Its kind.
    pub const fn kind(&self) -> CommandKind {
        use CommandKind as K;
        match self {
            Self::DraftReferral(_) => K::DraftReferral,
            Self::AmendReferral { .. } => K::AmendReferral,
            Self::ReferCase => K::ReferCase,
            Self::ReturnReferral { .. } => K::ReturnReferral,
            Self::AcceptReferral => K::AcceptReferral,
            Self::AssignSurvey { .. } => K::AssignSurvey,
            Self::RecordFinding { .. } => K::RecordFinding,
            Self::AttachDocument { .. } => K::AttachDocument,
            Self::RecordVerification { .. } => K::RecordVerification,
            Self::DeclareIneligible { .. } => K::DeclareIneligible,
            Self::PreviewNotice { .. } => K::PreviewNotice,
            Self::OpenPublicNotice { .. } => K::OpenPublicNotice,
            Self::RecordPublicationProof { .. } => K::RecordPublicationProof,
            Self::RaiseObjection { .. } => K::RaiseObjection,
            Self::ResolveObjection { .. } => K::ResolveObjection,
            Self::CloseNotice => K::CloseNotice,
            Self::CountyReviewClaim => K::CountyReviewClaim,
            Self::ApproveClaim { .. } => K::ApproveClaim,
            Self::SecondApproveClaim { .. } => K::SecondApproveClaim,
            Self::ReserveWaiting { .. } => K::ReserveWaiting,
            Self::RejectClaim { .. } => K::RejectClaim,
            Self::SendBackClaim { .. } => K::SendBackClaim,
            Self::ChangePayee { .. } => K::ChangePayee,
            Self::ConfirmPayee { .. } => K::ConfirmPayee,
            Self::InstructPayout { .. } => K::InstructPayout,
            Self::ConfirmPayout { .. } => K::ConfirmPayout,
            Self::ReportPayoutFailure { .. } => K::ReportPayoutFailure,
            Self::ReportPayoutReturned { .. } => K::ReportPayoutReturned,
            Self::MarkPayoutUnknown { .. } => K::MarkPayoutUnknown,
            Self::ReconcilePayout { .. } => K::ReconcilePayout,
            Self::ReinstatePayout { .. } => K::ReinstatePayout,
            Self::WithdrawClaim { .. } => K::WithdrawClaim,
            Self::CloseClaim { .. } => K::CloseClaim,
            Self::StartRecovery { .. } => K::StartRecovery,
            Self::RecordRecovery { .. } => K::RecordRecovery,
            Self::IssueRefusalLetter { .. } => K::IssueRefusalLetter,
            Self::LodgeAppeal { .. } => K::LodgeAppeal,
            Self::DecideAppeal { .. } => K::DecideAppeal,
            Self::WriteOffRecovery { .. } => K::WriteOffRecovery,
            Self::ConfirmWriteOff { .. } => K::ConfirmWriteOff,
        }
    }

    /// The bills a command wants to compensate: looked up before it is judged.
    pub fn bills(&self) -> Vec<BillKey> {
        match self {
            Self::RecordVerification { facts } => {
                facts.bills.iter().map(|bill| bill.key.clone()).collect()
            }
            Self::DraftReferral(_)
            | Self::AmendReferral { .. }
            | Self::ReferCase
            | Self::ReturnReferral { .. }
            | Self::AcceptReferral
            | Self::AssignSurvey { .. }
            | Self::RecordFinding { .. }
            | Self::AttachDocument { .. }
            | Self::DeclareIneligible { .. }
            | Self::PreviewNotice { .. }
            | Self::OpenPublicNotice { .. }
            | Self::RecordPublicationProof { .. }
            | Self::RaiseObjection { .. }
            | Self::ResolveObjection { .. }
            | Self::CloseNotice
            | Self::CountyReviewClaim
            | Self::ApproveClaim { .. }
            | Self::SecondApproveClaim { .. }
            | Self::ReserveWaiting { .. }
            | Self::RejectClaim { .. }
            | Self::SendBackClaim { .. }
            | Self::ChangePayee { .. }
            | Self::ConfirmPayee { .. }
            | Self::InstructPayout { .. }
            | Self::ConfirmPayout { .. }
            | Self::ReportPayoutFailure { .. }
            | Self::ReportPayoutReturned { .. }
            | Self::MarkPayoutUnknown { .. }
            | Self::ReconcilePayout { .. }
            | Self::ReinstatePayout { .. }
            | Self::WithdrawClaim { .. }
            | Self::CloseClaim { .. }
            | Self::StartRecovery { .. }
            | Self::RecordRecovery { .. }
            | Self::WriteOffRecovery { .. }
            | Self::ConfirmWriteOff { .. }
            | Self::IssueRefusalLetter { .. }
            | Self::LodgeAppeal { .. }
            | Self::DecideAppeal { .. } => Vec::new(),
        }
    }

    /// The bank's reference of a recovery: whether it was recorded before is looked up.
    pub fn recovery_ref(&self) -> Option<&str> {
        if let Self::RecordRecovery { bank_ref, .. } = self {
            Some(bank_ref)
        } else {
            None
        }
    }

    /// The payee a command names, whose facts are looked up before it is judged.
    pub const fn payee(&self) -> Option<PayeeId> {
        if let Self::ChangePayee { payee }
        | Self::ConfirmPayee { payee }
        | Self::ApproveClaim { payee, .. }
        | Self::SecondApproveClaim { payee, .. }
        | Self::ReinstatePayout { payee }
        | Self::InstructPayout { payee, .. } = self
        {
            return Some(*payee);
        }
        if let Self::AmendReferral { case } = self {
            return Some(case.payee);
        }
        if let Self::DraftReferral(draft) = self {
            return Some(draft.case.payee);
        }
        None
    }

    /// The hash of the dossier that whoever approves saw.
    pub fn dossier(&self) -> Option<&str> {
        if let Self::ApproveClaim { dossier, .. } | Self::SecondApproveClaim { dossier, .. } = self
        {
            Some(dossier)
        } else {
            None
        }
    }

    /// The person a command names for a task, whose interests and duties are looked up.
    pub const fn named_person(&self) -> Option<PersonId> {
        if let Self::AssignSurvey { surveyor } = self {
            Some(*surveyor)
        } else {
            None
        }
    }
}

coded! {
    /// The door through which a caller came.
    Door {
        Person = "PERSON" "人工",
        System = "SYSTEM" "系统",
    }
}

/// Who gives an order: one person, possibly for another. Both count when duties are separated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The person that acts.
    pub person: PersonId,
    /// The person in whose place, if delegated.
    pub on_behalf_of: Option<PersonId>,
    /// The duties held, here and now.
    pub duties: Vec<Duty>,
    /// Person or system.
    pub door: Door,
}

impl Actor {
    /// The persons behind the act.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> + '_ {
        std::iter::once(self.person).chain(self.on_behalf_of)
    }

    /// Whether a duty is held.
    pub fn holds(&self, duty: Duty) -> bool {
        self.duties.contains(&duty)
    }
}

/// A command and who gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who.
    pub actor: Actor,
    /// What.
    pub command: Command,
}
