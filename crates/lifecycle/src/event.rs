//! Events (past tense): what happened to a claim. One command makes one event.

use crate::coded;
use crate::letter::Letter;
use crate::notice::NoticeLine;
use crate::phase::approval::Uplift;
use crate::phase::referral::{Case, Follows};
use crate::phase::refusal::{Delivery, RefusalLine};
use crate::phase::verification::{Evidence, Flag, LossFacts, Votes};
use crate::{
    Check, ClaimId, CountyCode, HouseholdId, NoticeId, ObjectionId, OrgId, PayeeId, PaymentId,
    PersonId, RegionCode, SchemeId,
};
use benefits::{Assessment, Fen};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The person who acted.
    pub by: PersonId,
    /// In whose place, if delegated.
    pub on_behalf_of: Option<PersonId>,
    /// The instant, from the server's clock.
    pub at: DateTime<Utc>,
}

impl Stamp {
    /// The persons behind the act: both count when duties are separated.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> + '_ {
        std::iter::once(self.by).chain(self.on_behalf_of)
    }
}

/// What a claim begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The claim's id.
    pub id: ClaimId,
    /// The county.
    pub county: CountyCode,
    /// The number, as people say it.
    pub number: String,
    /// The scheme version it keeps.
    pub scheme: SchemeId,
    /// The insurer.
    pub insurer: OrgId,
    /// The household.
    pub household: HouseholdId,
    /// The household's village.
    pub village: RegionCode,
    /// The policy year.
    pub policy_year: i32,
    /// What is claimed.
    pub case: Case,
    /// The earlier claim of the same event that it goes on with.
    pub follows: Option<Follows>,
}

/// An event: what happened, who did it, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Who, when.
    pub stamp: Stamp,
    /// What.
    pub what: Happening,
    /// The legal day by which the status it leads to should end, if the scheme sets a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<NaiveDate>,
}

macro_rules! happenings {
    ($($(#[$meta:meta])* $variant:ident $(($payload:ty))? $({ $($(#[$fmeta:meta])* $field:ident: $type:ty),* })? = $code:literal $zh:literal,)+) => {
        coded! {
            /// The kind of an event.
            EventKind { $($variant = $code $zh,)+ }
        }

        /// What happened.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "fields are named for what they hold; each variant is documented")]
        pub enum Happening { $($(#[$meta])* #[serde(rename = $code)] $variant $(($payload))? $({ $($(#[$fmeta])* $field: $type),* })?,)+ }

        impl Happening {
            /// Its kind.
            pub const fn kind(&self) -> EventKind {
                match self { $(happenings!(@pattern $variant $(($payload))? $({ $($field),* })?) => EventKind::$variant,)+ }
            }
        }
    };
    (@pattern $variant:ident ($payload:ty)) => { Self::$variant(..) };
    (@pattern $variant:ident { $($field:ident),* }) => { Self::$variant { .. } };
    (@pattern $variant:ident) => { Self::$variant };
}

happenings! {
    /// A referral was drafted; the claim begins.
    ReferralDrafted(Box<Opening>) = "REFERRAL_DRAFTED" "已拟稿",
    /// What is claimed was replaced.
    ReferralAmended { case: Case } = "REFERRAL_AMENDED" "已修改",
    /// The case was referred to the insurer.
    CaseReferred = "CASE_REFERRED" "已推送",
    /// The insurer returned the referral for correction.
    ReferralReturned { reasons: Vec<String> } = "REFERRAL_RETURNED" "已退回补正",
    /// The insurer accepted the referral.
    ReferralAccepted = "REFERRAL_ACCEPTED" "已受理",
    /// A surveyor was assigned.
    SurveyAssigned { surveyor: PersonId } = "SURVEY_ASSIGNED" "已派查勘",
    /// A check was recorded.
    FindingRecorded { check: Check, on: NaiveDate, passed: bool, votes: Option<Votes>, evidence: Vec<Evidence>, #[serde(default)] flags: Vec<Flag> } = "FINDING_RECORDED" "已登记核查",
    /// A document was handed in.
    DocumentAttached { evidence: Evidence } = "DOCUMENT_ATTACHED" "已补充材料",
    /// Facts were accepted and the benefit computed.
    VerificationRecorded { facts: Box<LossFacts>, assessment: Box<Assessment>, payee: PayeeId } = "VERIFICATION_RECORDED" "已核定理算",
    /// The household does not qualify.
    DeclaredIneligible { lines: Vec<RefusalLine>, letter_due_on: NaiveDate } = "DECLARED_INELIGIBLE" "认定不符合",
    /// A second person previewed the notice.
    NoticePreviewed { content_hash: String } = "NOTICE_PREVIEWED" "公示已预览",
    /// The notice was posted.
    PublicNoticeOpened { notice: NoticeId, line: Box<NoticeLine>, content_hash: String, posted_on: NaiveDate, last_day: NaiveDate, closes_at: DateTime<Utc> } = "PUBLIC_NOTICE_OPENED" "公示开始",
    /// A proof of publication was recorded.
    PublicationProved { content_hash: String, evidence: Evidence } = "PUBLICATION_PROVED" "张贴已证明",
    /// An objection was raised.
    ObjectionRaised { objection: ObjectionId, grounds: String } = "OBJECTION_RAISED" "收到异议",
    /// An objection was upheld: the case is verified again.
    ObjectionUpheld { objection: ObjectionId, findings: String } = "OBJECTION_UPHELD" "异议成立",
    /// An objection was dismissed.
    ObjectionDismissed { objection: ObjectionId, findings: String } = "OBJECTION_DISMISSED" "异议不成立",
    /// The notice ran its full term.
    NoticeClosed = "NOTICE_CLOSED" "公示期满",
    /// The county reviewed the claim.
    CountyReviewed = "COUNTY_REVIEWED" "县级已审定",
    /// A first approval above a limit of one approver.
    FirstApprovalGiven { benefit: Fen, uplift: Option<Uplift>, amount: Fen, payee: PayeeId, dossier: String } = "FIRST_APPROVAL_GIVEN" "初审通过",
    /// The claim was approved; money is reserved.
    ClaimApproved { benefit: Fen, uplift: Option<Uplift>, amount: Fen, payee: PayeeId, dossier: String } = "CLAIM_APPROVED" "审批通过",
    /// The claim was approved, and waits for the pool's money.
    ApprovalQueued { benefit: Fen, uplift: Option<Uplift>, amount: Fen, payee: PayeeId, rank: String, dossier: String } = "APPROVAL_QUEUED" "审批通过待资金",
    /// The second approval was given, and the claim waits for the pool's money.
    SecondApprovalQueued { rank: String, dossier: String } = "SECOND_APPROVAL_QUEUED" "复核通过待资金",
    /// The first that waited was given the money: it is reserved.
    WaitingReserved = "WAITING_RESERVED" "待资金已预留",
    /// The second approval was given; money is reserved.
    SecondApprovalGiven { dossier: String } = "SECOND_APPROVAL_GIVEN" "复核通过",
    /// The claim was rejected.
    ClaimRejected { lines: Vec<RefusalLine>, letter_due_on: NaiveDate } = "CLAIM_REJECTED" "拒赔",
    /// The approver sent the claim back.
    ClaimSentBack { questions: Vec<String> } = "CLAIM_SENT_BACK" "退回复查",
    /// Another payee was named; notice and approval are void.
    PayeeChanged { payee: PayeeId } = "PAYEE_CHANGED" "收款人变更",
    /// A second person confirmed the new payee.
    PayeeConfirmed { payee: PayeeId } = "PAYEE_CONFIRMED" "收款人已确认",
    /// The payment was ordered.
    PayoutInstructed { payment: PaymentId, instruction_no: String, amount: Fen, payee: PayeeId } = "PAYOUT_INSTRUCTED" "已下达付款指令",
    /// The money arrived.
    PayoutConfirmed { bank_ref: String } = "PAYOUT_CONFIRMED" "已到账",
    /// The payment failed.
    PayoutFailed { reason: String } = "PAYOUT_FAILED" "付款失败",
    /// The money came back (退票).
    PayoutReturned { bank_ref: String } = "PAYOUT_RETURNED" "退票",
    /// Nobody knows whether the money arrived.
    PayoutUnknown { reason: String } = "PAYOUT_UNKNOWN" "付款结果不明",
    /// A failed or returned payment became payable again.
    PayoutReinstated = "PAYOUT_REINSTATED" "恢复待付",
    /// The claim was withdrawn.
    ClaimWithdrawn { reason: String } = "CLAIM_WITHDRAWN" "已撤回",
    /// The claim was archived.
    ClaimClosed { archive_no: String } = "CLAIM_CLOSED" "已归档",
    /// Recovery of a wrong payment began.
    RecoveryStarted { reason: String } = "RECOVERY_STARTED" "启动追回",
    /// A part came back.
    RecoveryRecorded { amount: Fen, bank_ref: String } = "RECOVERY_RECORDED" "追回一笔",
    /// It was proposed to write off what is outstanding.
    WriteOffProposed { amount: Fen, reason: String } = "WRITE_OFF_PROPOSED" "提议核销",
    /// A second person confirmed: what is outstanding is written off.
    RecoveryWrittenOff = "RECOVERY_WRITTEN_OFF" "已核销",
    /// All that was outstanding came back.
    RecoveryCompleted { bank_ref: String } = "RECOVERY_COMPLETED" "已追回",
    /// The letter of a refusal, or of a dismissed appeal, reached the household.
    RefusalLetterIssued { letter: Box<Letter>, content_hash: String, delivery: Delivery, handed_to: String } = "REFUSAL_LETTER_ISSUED" "拒赔通知已送达",
    /// The household appealed against the refusal.
    AppealLodged { grounds: String } = "APPEAL_LODGED" "收到申诉",
    /// The appeal was upheld: the case is taken up again.
    AppealUpheld { findings: String } = "APPEAL_UPHELD" "申诉成立",
    /// The appeal was dismissed: the refusal stands.
    AppealDismissed { findings: String, letter_due_on: NaiveDate } = "APPEAL_DISMISSED" "申诉驳回",
}
