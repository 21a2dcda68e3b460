//! The closed lists of the field as GraphQL enums. Each mirrors a list of `lifecycle`, value by value;
//! the conversions are exhaustive both ways, so a new value there breaks the build here.

use async_graphql::Enum;

/// The status (状态) of a claim. New values may be added: tolerate unknown ones.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Status")]
pub enum Status {
    /// 拟稿: being written by the office.
    Draft,
    /// 已推送: waits for the insurer.
    Referred,
    /// 退回补正: returned to the office for correction, with reasons.
    Returned,
    /// 已受理: accepted by the insurer, no surveyor yet.
    Accepted,
    /// 核查中: checks are being recorded.
    Verifying,
    /// 已核定: facts accepted, benefit computed.
    Verified,
    /// 不符合: refused, the household does not qualify; a letter is due, then it may appeal.
    Ineligible,
    /// 公示中: the public notice hangs.
    NoticeOpen,
    /// 公示期满: the notice ran its full term; waits for approval.
    NoticeClosed,
    /// 待资金: approved; waits in its pool's queue, nothing is reserved.
    AwaitingFunds,
    /// 已审批: approved, money reserved.
    Approved,
    /// 已拒赔: refused after the notice; a letter is due, then the household may appeal.
    Rejected,
    /// 付款中: the payment is ordered, not yet confirmed.
    Instructed,
    /// 结果不明: nobody knows whether the money arrived.
    PayUnknown,
    /// 付款失败: the payment failed; the money is still reserved.
    PayFailed,
    /// 已赔付: the money arrived.
    Paid,
    /// 退票: the money came back.
    PayReturned,
    /// 已归档: paid and archived.
    Closed,
    /// 追回中: a wrong payment is being recovered.
    Recovering,
    /// 已追回: the whole amount came back.
    Recovered,
    /// 已核销: what could not be recovered was written off.
    WrittenOff,
    /// 已撤回: withdrawn by household or office.
    Withdrawn,
    /// 申诉中: the household appealed against the refusal.
    Appealed,
    /// 申诉驳回: the refusal stands; a letter is due.
    AppealDismissed,
    /// 拒赔归档: refused, told, and archived.
    RefusalClosed,
}

/// The phase (阶段) of a claim. Their order is fixed.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Phase")]
pub enum Phase {
    /// 推送: referral.
    Referral,
    /// 核查: verification.
    Verification,
    /// 公示: public notice.
    PublicNotice,
    /// 审批: approval.
    Approval,
    /// 赔付: payout.
    Payout,
    /// 拒赔: what follows on a refusal that is appealed against or archived.
    Refusal,
}

/// The peril (致贫原因): why a household is referred.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Peril")]
pub enum Peril {
    /// 因病: illness.
    Illness,
    /// 因学: schooling.
    Schooling,
    /// 因灾: disaster.
    Disaster,
    /// 意外: accident.
    Accident,
}

/// In what relation to the insured somebody is paid (收款人与被保障人的关系).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::PayeeRelation")]
pub enum PayeeRelation {
    /// 本人: the insured.
    Insured,
    /// 户主: the head of the household.
    Head,
    /// 家庭成员: another member of the household.
    Family,
    /// 监护人: the guardian of a child or of somebody without full capacity.
    Guardian,
    /// 法定继承人: an heir of an insured who has died; registered with papers.
    Heir,
}

/// By which means it was checked that an account is in the payee's name (户名核验方式), the weakest first.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::NameCheckMeans")]
pub enum NameCheckMeans {
    /// 户名比对: the program compared the names when the payee was entered.
    NamesCompared,
    /// 查验证件: somebody saw identity document and bank card.
    DocumentSeen,
    /// 银行回复: the bank answered.
    BankReply,
}

/// A check (核查环节) of verification. Which are held, and in which order, is scheme data.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Check")]
pub enum Check {
    /// 数据比对: data comparison.
    DataComparison,
    /// 入户查勘: field visit.
    FieldVisit,
    /// 民主评议: village evaluation.
    VillageEvaluation,
    /// 乡镇审核: township review.
    TownshipReview,
}

/// What may be done to a claim: the mutation of the same name.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::CommandKind")]
pub enum ClaimAction {
    /// 拟稿: begins a claim.
    DraftReferral,
    /// 修改推送: replaces what a draft or returned referral claims.
    AmendReferral,
    /// 推送: refers the case to the insurer.
    ReferCase,
    /// 退回补正: returns a referral for correction, with reasons.
    ReturnReferral,
    /// 受理: accepts the referral.
    AcceptReferral,
    /// 派查勘: gives the survey to a surveyor.
    AssignSurvey,
    /// 登记核查: records one check of verification.
    RecordFinding,
    /// 补充材料: hands in a document.
    AttachDocument,
    /// 核定理算: accepts the facts and computes the benefit.
    RecordVerification,
    /// 认定不符合: refuses the claim: the household does not qualify.
    DeclareIneligible,
    /// 预览公示: a second person has seen the notice as it will be posted.
    PreviewNotice,
    /// 发布公示: posts the notice.
    OpenPublicNotice,
    /// 登记张贴证明: proves that the notice hangs, unchanged.
    RecordPublicationProof,
    /// 提出异议: raises an objection; late ones are accepted until the money is instructed.
    RaiseObjection,
    /// 处理异议: decides an objection.
    ResolveObjection,
    /// 公示期满: closes a notice that ran its full term.
    CloseNotice,
    /// 县级审定: records the county's review (审定).
    CountyReviewClaim,
    /// 审批通过: approves the claim; the caller echoes the benefit that was seen.
    ApproveClaim,
    /// 复核审批: the second approval above the limit.
    SecondApproveClaim,
    /// 待资金预留: gives the first that waits the pool's money; the caller echoes the amount that was seen.
    ReserveWaiting,
    /// 拒赔: refuses the claim with reasons.
    RejectClaim,
    /// 退回复查: sends the claim back to verification with questions.
    SendBackClaim,
    /// 变更收款人: names another payee; voids notice and approval.
    ChangePayee,
    /// 确认收款人: a second person confirms the new payee.
    ConfirmPayee,
    /// 下达付款指令: orders the payment; the caller echoes amount and payee that were seen.
    InstructPayout,
    /// 确认到账: the bank's confirmation, or a statement line entered by a second person.
    ConfirmPayout,
    /// 付款失败: a proven failure.
    ReportPayoutFailure,
    /// 退票: a return after confirmation (退票).
    ReportPayoutReturned,
    /// 结果不明: nobody knows whether the money arrived.
    MarkPayoutUnknown,
    /// 对账: statement evidence settles an unknown payment.
    ReconcilePayout,
    /// 恢复待付: makes a failed or returned payment payable again.
    ReinstatePayout,
    /// 撤回: the household or office withdraws.
    WithdrawClaim,
    /// 归档: archives a paid claim, or a refused one whose household was told and can appeal no more.
    CloseClaim,
    /// 启动追回: begins to recover a wrong payment.
    StartRecovery,
    /// 登记追回: money has come back, all that is outstanding or a part.
    RecordRecovery,
    /// 送达拒赔通知: the letter of a refusal, or of a dismissed appeal, reached the household.
    IssueRefusalLetter,
    /// 提出申诉: the household does not agree with the refusal.
    LodgeAppeal,
    /// 处理申诉: decides the appeal.
    DecideAppeal,
    /// 提议核销: proposes to write off what is outstanding.
    WriteOffRecovery,
    /// 确认核销: a second person confirms the write-off.
    ConfirmWriteOff,
}

/// Who must act next on a claim, and so uses the days.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::days::Holder")]
pub enum Holder {
    /// 村: the notice hangs in the village.
    Village,
    /// 乡镇: drafts, corrects and refers.
    Township,
    /// 县级主管部门: previews and posts the notice, reviews.
    CountyOffice,
    /// 保险公司: accepts, surveys, assesses, approves, orders payment.
    Insurer,
    /// 银行: pays, or finds out what became of a payment.
    Bank,
    /// 农户: brings another account, pays back what was paid wrongly, or may appeal.
    Household,
    /// 异议处理: everything waits for an objection.
    Objection,
    /// 申诉处理: the appeal waits for its decision.
    Appeal,
    /// 已办结: nothing is left to be done.
    Nobody,
}

/// What is due of a claim.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::days::Due")]
pub enum Due {
    /// 办理时限: the term that the scheme sets for the status.
    Term,
    /// 公示期满: the notice ends and can be closed.
    Notice,
    /// 告知书送达: the letter that tells a refusal.
    Letter,
}

/// How near a deadline is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::deadline::DueState")]
pub enum DueState {
    /// 即将到期: its last day is at most so many working days away, today included.
    DueSoon,
    /// 已逾期: its last day is over.
    Overdue,
}

/// What happened to a claim. New values may be added: tolerate unknown ones.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::EventKind")]
pub enum EventKind {
    /// 已拟稿: a referral was drafted; the claim begins.
    ReferralDrafted,
    /// 已修改: what is claimed was replaced.
    ReferralAmended,
    /// 已推送: the case was referred to the insurer.
    CaseReferred,
    /// 已退回补正: the insurer returned the referral for correction.
    ReferralReturned,
    /// 已受理: the insurer accepted the referral.
    ReferralAccepted,
    /// 已派查勘: a surveyor was assigned.
    SurveyAssigned,
    /// 已登记核查: a check was recorded.
    FindingRecorded,
    /// 已补充材料: a document was handed in.
    DocumentAttached,
    /// 已核定理算: facts were accepted and the benefit computed.
    VerificationRecorded,
    /// 认定不符合: the household does not qualify.
    DeclaredIneligible,
    /// 公示已预览: a second person previewed the notice.
    NoticePreviewed,
    /// 公示开始: the notice was posted.
    PublicNoticeOpened,
    /// 张贴已证明: a proof of publication was recorded.
    PublicationProved,
    /// 收到异议: an objection was raised.
    ObjectionRaised,
    /// 异议成立: an objection was upheld: the case is verified again.
    ObjectionUpheld,
    /// 异议不成立: an objection was dismissed.
    ObjectionDismissed,
    /// 公示期满: the notice ran its full term.
    NoticeClosed,
    /// 县级已审定: the county reviewed the claim.
    CountyReviewed,
    /// 初审通过: a first approval above the limit of one approver.
    FirstApprovalGiven,
    /// 审批通过: the claim was approved; money is reserved.
    ClaimApproved,
    /// 审批通过待资金: the claim was approved, and waits for the pool's money.
    ApprovalQueued,
    /// 复核通过待资金: the second approval was given, and the claim waits for the pool's money.
    SecondApprovalQueued,
    /// 待资金已预留: the first that waited was given the money; it is reserved.
    WaitingReserved,
    /// 复核通过: the second approval was given; money is reserved.
    SecondApprovalGiven,
    /// 拒赔: the claim was rejected.
    ClaimRejected,
    /// 退回复查: the approver sent the claim back.
    ClaimSentBack,
    /// 收款人变更: another payee was named; notice and approval are void.
    PayeeChanged,
    /// 收款人已确认: a second person confirmed the new payee.
    PayeeConfirmed,
    /// 已下达付款指令: the payment was ordered.
    PayoutInstructed,
    /// 已到账: the money arrived.
    PayoutConfirmed,
    /// 付款失败: the payment failed.
    PayoutFailed,
    /// 退票: the money came back (退票).
    PayoutReturned,
    /// 付款结果不明: nobody knows whether the money arrived.
    PayoutUnknown,
    /// 恢复待付: a failed or returned payment became payable again.
    PayoutReinstated,
    /// 已撤回: the claim was withdrawn.
    ClaimWithdrawn,
    /// 已归档: the claim was archived.
    ClaimClosed,
    /// 启动追回: recovery of a wrong payment began.
    RecoveryStarted,
    /// 追回一笔: a part came back.
    RecoveryRecorded,
    /// 提议核销: it was proposed to write off what is outstanding.
    WriteOffProposed,
    /// 已核销: a second person confirmed; what is outstanding is written off.
    RecoveryWrittenOff,
    /// 已追回: all that was outstanding came back.
    RecoveryCompleted,
    /// 拒赔通知已送达: the letter of a refusal, or of a dismissed appeal, reached the household.
    RefusalLetterIssued,
    /// 收到申诉: the household appealed against the refusal.
    AppealLodged,
    /// 申诉成立: the appeal was upheld: the case is taken up again.
    AppealUpheld,
    /// 申诉驳回: the appeal was dismissed: the refusal stands.
    AppealDismissed,
}

/// A duty (岗位) that a person or a system holds.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Duty")]
pub enum Duty {
    /// 乡镇经办: township caseworker.
    TownshipCaseworker,
    /// 县级经办: county caseworker.
    CountyCaseworker,
    /// 县级主管: county supervisor.
    CountySupervisor,
    /// 县级审定: county reviewer.
    CountyReviewer,
    /// 保险经办: insurer handler.
    InsurerHandler,
    /// 查勘员: surveyor.
    Surveyor,
    /// 核赔人: approver.
    Approver,
    /// 保险财务: finance.
    Finance,
    /// 银行接口: bank connector.
    BankConnector,
    /// 定时任务: timer.
    Timer,
    /// 公示发布: notice renderer.
    NoticeRenderer,
    /// 审计监督: auditor.
    Auditor,
    /// 系统管理: administrator of accounts; gives no right on any claim.
    Administrator,
}

/// Why a claim is refused (拒赔原因). New values may be added: tolerate unknown ones.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::phase::refusal::RefusalCode")]
pub enum RefusalCode {
    /// 该户不在保障对象名单内: the household is not on the list of those covered.
    NotListed,
    /// 事件不在保险期间内: the event lies outside the time of cover.
    OutsideCover,
    /// 不属于保障的致贫原因: the peril is not covered.
    PerilNotCovered,
    /// 自付费用没有超过起付线: the loss does not exceed the deductible.
    BelowDeductible,
    /// 必需的材料没有交齐: documents that are needed were not handed in.
    EvidenceMissing,
    /// 申报的情况经核查不属实: what was stated proved wrong.
    FactsDisproved,
    /// 应由有责任的第三方承担: a third party is liable and pays.
    ThirdPartyLiable,
    /// 收入或财产不符合条件: income or property is above what the scheme allows.
    MeansExceeded,
    /// 民主评议没有通过: the village evaluation was not passed.
    EvaluationNotPassed,
    /// 同一损失已由其他途径赔付: the same loss was paid elsewhere, or claimed twice.
    PaidElsewhere,
    /// 其他原因: another reason, as the facts say.
    Other,
}

/// How a letter came to the household (送达方式).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::phase::refusal::Delivery")]
pub enum Delivery {
    /// 当面送达: handed over in person.
    HandedOver,
    /// 同住成年家属代收: left with an adult of the family who lives there.
    LeftWithFamily,
    /// 邮寄送达: posted.
    Posted,
}

/// What a letter tells.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::letter::LetterKind")]
pub enum LetterKind {
    /// 拒赔通知书: the refusal.
    Refusal,
    /// 申诉决定通知书: that the appeal was dismissed.
    AppealDismissed,
}

/// How the days of a term are counted.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Counting")]
pub enum Counting {
    /// 自然日: calendar days.
    CalendarDays,
    /// 工作日: working days.
    WorkingDays,
}

/// The step at which a document is due (材料应交环节).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::DueStep")]
pub enum DueStep {
    /// 推送: `referCase` wants it.
    Referral,
    /// 核查: `recordVerification` wants it.
    Verification,
    /// 公示: `openPublicNotice` wants it.
    PublicNotice,
    /// 审批: `approveClaim` wants it.
    Approval,
    /// 赔付: `instructPayout` wants it.
    Payout,
    /// 归档: `closeClaim` wants it.
    Archive,
}

/// Who hands a document in (材料提供方).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::Supplier")]
pub enum Supplier {
    /// 农户: the household.
    Household,
    /// 村: the village.
    Village,
    /// 乡镇: the township.
    Township,
    /// 县级: the county.
    County,
    /// 保险公司: the insurer.
    Insurer,
}

/// The date that fixes the policy year (归属年度的依据日期).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::YearDate")]
pub enum YearDate {
    /// 票据日期: the date of each bill.
    Bill,
    /// 出院或事发日期: the day of the event.
    Event,
    /// 申请推送日期: the day of referral.
    Application,
    /// 审批日期: the day of approval.
    Approval,
}

/// The months whose income is counted (收入核算期).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::IncomeWindow")]
pub enum IncomeWindow {
    /// 上一自然年度: the calendar year before the application.
    PreviousYear,
    /// 申请前十二个月: the twelve whole months before the month of application.
    RollingYear,
}

/// What the votes of an evaluation are measured against.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::VoteBase")]
pub enum VoteBase {
    /// 到会人数: persons present.
    Present,
    /// 投票人数: votes cast.
    Cast,
}

/// What becomes of a pool's surplus at the year's end (结余处理).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::Surplus")]
pub enum Surplus {
    /// 余额结转下年: carried over to the next year.
    CarriedOver,
    /// 多退少补: returned to the county.
    Returned,
}

/// Who makes up a pool's shortage (超赔处理).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::Shortage")]
pub enum Shortage {
    /// 县级补足: the county tops up.
    CountyTopsUp,
    /// 保险公司承担: the insurer bears it.
    InsurerBears,
}

/// What became of an objection (异议).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::ObjectionStatus")]
pub enum ObjectionStatus {
    /// 处理中: open.
    Open,
    /// 成立: upheld.
    Upheld,
    /// 不成立: dismissed.
    Dismissed,
}

/// What an order of a pool does.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::pool::PoolOrderKind")]
pub enum PoolOrderKind {
    /// 操作员录入: entered by the operator at the machine; there is no second person.
    OperatorFunding,
    /// 缴入保费: premium.
    Premium,
    /// 补足资金: a top-up.
    TopUp,
    /// 年度核算: the settlement of the year.
    Settlement,
}

/// How an order of a pool stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::pool::PoolOrderStatus")]
pub enum PoolOrderStatus {
    /// 待确认: waits for a second person.
    Pending,
    /// 已入账: posted.
    Posted,
    /// 已作废: voided.
    Voided,
}

/// What became of a line of a batch of payments.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::payment_batch::PaymentEnd")]
pub enum PaymentEnd {
    /// 待下达: chosen, not yet submitted.
    Waiting,
    /// 已下达: its instruction is written.
    Instructed,
    /// 未通过: it may not be paid, or was changed since it was chosen.
    Failed,
    /// 已跳过: nothing is to be paid any more.
    Skipped,
}

/// What a line of a bank's file says of a payment.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::phase::payout::BankSays")]
pub enum BankSays {
    /// 成功: the money arrived.
    Settled,
    /// 失败: it did not, and cannot any more.
    Failed,
    /// 退票: it arrived and came back.
    Returned,
    /// 处理中: the bank does not know yet.
    Unknown,
}

/// The queue a line of a bank's file lands in.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::bank_file::LineClass")]
pub enum LineClass {
    /// 到账: it arrived, as instructed. Posted.
    Confirmed,
    /// 失败: it failed. Posted.
    Failed,
    /// 退票: it came back. Posted.
    Returned,
    /// 结果不明: nobody knows. Posted.
    Unknown,
    /// 金额不符: another amount than instructed. Closed by a person.
    WrongAmount,
    /// 重复: told before, by this file or another. Closed by a person.
    Duplicate,
    /// 缺行: instructed by the batch, and the file does not name it. Closed by a person.
    Missing,
    /// 无此指令: no instruction of this number is known. Closed by a person.
    UnknownReference,
    /// 相互矛盾: it cannot be true together with what was proved before. Closed by a person.
    Contradiction,
}

/// What was done about a line of a bank's file.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::bank_file::LineState")]
pub enum LineState {
    /// 待处理: nothing yet.
    Open,
    /// 已入账: its command was accepted.
    Posted,
    /// 已关闭: a person closed it, with a reason.
    Closed,
}

/// The form of a bank's file.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::bank_file::BankForm")]
pub enum BankForm {
    /// 代发结果表: the bank's result of a batch, a spreadsheet.
    ResultList,
    /// camt.053对账单: ISO 20022 bank-to-customer statement.
    #[graphql(name = "CAMT_053")]
    Camt053,
    /// MT940对账单: SWIFT customer statement.
    #[graphql(name = "MT_940")]
    Mt940,
}

/// In which order claims wait when a pool's money does not suffice; equal ones by their numbers.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::scheme::QueueOrder")]
pub enum QueueOrder {
    /// 公示期满先后: by the day the notice closed.
    NoticeClosed,
    /// 审批先后: by the instant of the approval.
    Approval,
    /// 金额由小到大: the smallest sum first.
    SmallestFirst,
    /// 人群类别次序: by population group as the scheme lists them, then by the day the notice closed.
    Group,
}

/// Why a claim goes on with an earlier one of the same event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::phase::referral::FollowKind")]
pub enum FollowKind {
    /// 先行救助后结算: the event's bills came after an advance was paid.
    Settlement,
    /// 补充救助: further costs after a paid claim.
    Supplement,
    /// 重新受理: the earlier claim ended without money, and there are new facts.
    Reopened,
}

/// As what money is ordered into a pool.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolFunding {
    /// 缴入保费: premium.
    Premium,
    /// 补足资金: a top-up.
    TopUp,
}

impl From<PoolFunding> for lifecycle::pool::Funding {
    fn from(funding: PoolFunding) -> Self {
        match funding {
            PoolFunding::Premium => Self::Premium,
            PoolFunding::TopUp => Self::TopUp,
        }
    }
}

/// What a transfer of a pool is. New values may be added: tolerate unknown ones.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "lifecycle::Movement")]
pub enum PoolMovement {
    /// 操作员录入资金: entered by the operator at the machine.
    Funded,
    /// 缴入保费: premium came in.
    PremiumPaid,
    /// 补足: a shortage was made up by the county, or money was added.
    ToppedUp,
    /// 上年结转转入: carried in from the year before.
    CarriedIn,
    /// 保险公司承担超赔: a shortage was borne by the insurer.
    InsurerBore,
    /// 审批预留: reserved at approval.
    Reserved,
    /// 预留释放: a reservation was released.
    Released,
    /// 付款在途: a payment was instructed.
    Instructed,
    /// 付款失败退回预留: a payment failed; its money is reserved again.
    PayFailed,
    /// 赔付到账: a payment arrived.
    Paid,
    /// 退票: a payment came back; its money is reserved again.
    PayReturned,
    /// 追回: a wrong payment was recovered, or a part of it.
    Recovered,
    /// 核销: what of a wrong payment will not come back, a cost of the pool.
    WrittenOff,
    /// 计提服务费: the insurer's fee.
    FeeTaken,
    /// 服务费退回: fee given back for what came back after the settlement.
    FeeGivenBack,
    /// 结转下年转出: carried over to the next year.
    CarriedOut,
    /// 结余退回县级: returned to the county.
    SurplusReturned,
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::Value;
    use async_graphql::resolver_utils::enum_value;

    /// The names on the wire are the codes of the field, and the descriptions hold the Chinese term.
    macro_rules! mirrored {
        ($($name:ident = $remote:ty;)+) => {
            #[test]
            fn names_are_codes_and_descriptions_hold_the_term() {
                let source = include_str!("enums.rs");
                $(for value in <$remote>::ALL {
                    let Value::Enum(name) = enum_value($name::from(*value)) else { unreachable!() };
                    assert_eq!(name.as_str(), value.code());
                    assert!(source.contains(&format!("/// {}: ", value.zh())), "{}", value.code());
                    assert_eq!(<$remote>::from($name::from(*value)), *value);
                })+
            }
        };
    }
    mirrored! {
        Status = lifecycle::Status;
        Phase = lifecycle::Phase;
        Peril = lifecycle::Peril;
        PayeeRelation = lifecycle::PayeeRelation;
        NameCheckMeans = lifecycle::NameCheckMeans;
        Check = lifecycle::Check;
        ClaimAction = lifecycle::CommandKind;
        EventKind = lifecycle::EventKind;
        Holder = lifecycle::days::Holder;
        Due = lifecycle::days::Due;
        DueState = engine::deadline::DueState;
        Duty = lifecycle::Duty;
        Counting = lifecycle::Counting;
        ObjectionStatus = lifecycle::ObjectionStatus;
        DueStep = lifecycle::scheme::DueStep;
        Supplier = lifecycle::scheme::Supplier;
        YearDate = lifecycle::scheme::YearDate;
        IncomeWindow = lifecycle::scheme::IncomeWindow;
        VoteBase = lifecycle::scheme::VoteBase;
        Surplus = lifecycle::scheme::Surplus;
        Shortage = lifecycle::scheme::Shortage;
        QueueOrder = lifecycle::scheme::QueueOrder;
        FollowKind = lifecycle::phase::referral::FollowKind;
        PoolOrderKind = lifecycle::pool::PoolOrderKind;
        PoolOrderStatus = lifecycle::pool::PoolOrderStatus;
        PoolMovement = lifecycle::Movement;
        PaymentEnd = engine::payment_batch::PaymentEnd;
        BankSays = lifecycle::phase::payout::BankSays;
        LineClass = engine::bank_file::LineClass;
        LineState = engine::bank_file::LineState;
        BankForm = engine::bank_file::BankForm;
    }
}
