//! The catalogue of expected refusals: for each code what people read, in Chinese and English.
//!
//! `{name}` stands for a parameter. `graphql/codes.md` is generated from here.

use crate::errors::ErrorCode;
use async_graphql::{Enum, SimpleObject};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use benefits::Fen;
use chrono::{DateTime, FixedOffset, Utc};
use engine::bank_file::LineClass;
use lifecycle::pool::PoolOrderStatus;
use lifecycle::scheme::YearDate;
use lifecycle::{Blocked, Check, CommandKind, Duty, NameCheckMeans, Param, Status};

/// A language of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// 简体中文, the default.
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The language a request prefers.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(header) = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
        else {
            return Self::default();
        };
        let mut best = (0, Self::default());
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1_000, weight);
            let language = match tag.split('-').next() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                Some(_) | None => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// A quality value in thousandths, without floating point: `0.8` is 800.
pub(crate) fn weight(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{decimals:0<3.3}").parse().unwrap_or(0);
    let whole: u16 = whole.parse().unwrap_or(0);
    whole
        .saturating_mul(1_000)
        .saturating_add(thousandths)
        .min(1_000)
}

macro_rules! catalogue {
    ($($variant:ident = $code:tt on $field:literal { $zh:tt $en:tt })+) => {
        /// Why a mutation was not carried out; nothing was written. Common to all mutations of a
        /// claim: `STALE_VERSION`, `INVALID_STATE`, `DUTY_MISSING`, `SELF_DEALING`, VALIDATION; others are
        /// listed with the mutation. New values may be added: tolerate unknown ones.
        #[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
        pub enum UserErrorCode { $(#[doc = $zh] #[doc = $en] $variant,)+ }

        impl UserErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code.
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code,)+ } }

            /// The input field it is about, unless a parameter says.
            const fn field(self) -> &'static str { match self { $(Self::$variant => $field,)+ } }

            /// The text with its placeholders.
            pub const fn template(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::Chinese) => $zh,
                      (Self::$variant, Language::English) => $en,)+
                }
            }
        }
    };
}

catalogue! {
    InvalidState = "INVALID_STATE" on "claimId" { "案件当前状态为“{status}”,不能{command}" "the claim is {status}; {command} is not possible now" }
    StaleVersion = "STALE_VERSION" on "expectedVersion" { "案件已被他人更新,请刷新后再办理" "the claim has moved on; read it again" }
    DutyMissing = "DUTY_MISSING" on "claimId" { "您的岗位不能{command}" "your duties do not allow {command}" }
    DutyConflict = "DUTY_CONFLICT" on "claimId" { "职责分离:您已是或不是本案的“{actedAs}”,须由他人办理" "segregation of duties ({actedAs}): somebody else must do this" }
    SelfDealing = "SELF_DEALING" on "claimId" { "您与该户有利害关系,应当回避" "you have an interest in this household and must abstain" }
    ConflictOfInterest = "CONFLICT_OF_INTEREST" on "surveyorId" { "该查勘员与该户有利害关系,应当回避" "the surveyor has an interest in this household" }
    NotQualified = "NOT_QUALIFIED" on "surveyorId" { "该人员不具备“{duty}”岗位" "this person does not hold the duty {duty}" }
    Validation = "VALIDATION" on "input" { "“{field}”填写有误:{reason}" "{field} is not valid: {reason}" }
    DuplicateElsewhere = "DUPLICATE_ELSEWHERE" on "eventOn" { "同一成员的同一事件已有案件,该案件不在您的查看范围内,请与县防贫办核对" "the same event is already claimed, out of what you may see: ask the county office" }
    AdvanceStands = "ADVANCE_STANDS" on "followsClaimId" { "该成员同类原因的先行救助 {number} 尚未结算:费用须接续该案或其后的案件申报,事件日期与该案相同" "the advance {number} for the same member and peril is not settled: go on with it, or with the last claim that does, under its day of the event" }
    DuplicateEvent = "DUPLICATE_EVENT" on "eventOn" { "同一成员的同一事件已有案件 {number}" "the same event is already claimed as {number}" }
    MissingBasis = "MISSING_BASIS" on "basis" { "缺少村级评议决议,不能推送" "the village decision is missing" }
    HouseholdNotListed = "HOUSEHOLD_NOT_LISTED" on "householdId" { "该户不在监测对象名单内" "the household is not on the list of monitored households" }
    NotCovered = "NOT_COVERED" on "claimId" { "不在保险责任范围内:{reason}" "the scheme does not cover this: {reason}" }
    CheckOrder = "CHECK_ORDER" on "check" { "核查环节顺序不符,下一环节应为“{expected}”" "the next check must be {expected}" }
    EvidenceMissing = "EVIDENCE_MISSING" on "evidence" { "缺少材料:{kinds}" "evidence is missing: {kinds}" }
    OutsidePolicyYear = "OUTSIDE_POLICY_YEAR" on "claimId" { "{date}不在保单年度({from}至{to})内" "the {date} date lies outside the policy year, {from} to {to}" }
    IncomeWindow = "INCOME_WINDOW" on "income" { "收入核算期应为{from}至{to}" "income must be looked into from {from} to {to}" }
    OverIncomeLine = "OVER_INCOME_LINE" on "income" { "人均收入高于保障线{lineFen}元" "income per head lies above the line of {lineFen} yuan" }
    FlagStands = "FLAG_STANDS" on "flags" { "疑点尚未排除:{flags};请说明排除理由,或登记为未通过" "not rebutted: {flags}; give the reason, or record the check as not passed" }
    QuorumMissing = "QUORUM_MISSING" on "votes" { "到会人数不足,至少{presentMin}人" "at least {presentMin} persons must be present" }
    InsuredDeceased = "INSURED_DECEASED" on "claimId" { "被保险人已于{diedOn}去世,早于事件发生日" "the insured member died on {diedOn}, before the event" }
    PayeeDeceased = "PAYEE_DECEASED" on "payeeId" { "收款人已去世,请变更收款人" "the payee has died; name another" }
    OtherCompensationRequired = "OTHER_COMPENSATION_REQUIRED" on "otherCompensationFen" { "须说明是否获得其他赔偿(没有则填0)" "state other compensation, also when it is nothing" }
    BillTaken = "BILL_TAKEN" on "bills" { "有{bills}张票据已经理赔过或重复填写,一张票据只赔一次" "{bills} bill(s) were compensated before or stand twice" }
    NoBenefit = "NO_BENEFIT" on "claimId" { "理算金额为零,无可赔付" "the computed benefit is zero" }
    AssessmentFailed = "ASSESSMENT_FAILED" on "claimId" { "无法理算:{reason}" "the benefit cannot be computed: {reason}" }
    PayeeUnconfirmed = "PAYEE_UNCONFIRMED" on "claimId" { "收款人变更尚待第二人确认" "the payee's change awaits a second person" }
    AccountNameMismatch = "ACCOUNT_NAME_MISMATCH" on "payeeId" { "账户户名与收款人姓名不符" "the account is not in the payee's name" }
    NameCheckDue = "NAME_CHECK_DUE" on "payeeId" { "收款账户户名须在{daysMax}天内核验过,方式至少为“{means}”" "the account's name must have been checked within {daysMax} days, at least by {means}" }
    RelationMismatch = "RELATION_MISMATCH" on "payeeId" { "收款人登记的身份与本案被保障人不符" "the payee's relation is not to the insured of this claim" }
    HeirRequired = "HEIR_REQUIRED" on "payeeId" { "被保障人已去世,请登记法定继承人(附死亡证明、亲属关系证明、继承人协议)并变更收款人" "the insured has died: register an heir with death certificate, proof of relation and the heirs' agreement, and change the payee" }
    AccountShared = "ACCOUNT_SHARED" on "payeeId" { "该账户已被其他农户使用" "another household uses this account" }
    PayeeUnknown = "PAYEE_UNKNOWN" on "payeeId" { "收款人不存在或不属于该户" "the payee is unknown or not of this household" }
    SecondPersonRequired = "SECOND_PERSON_REQUIRED" on "claimId" { "须由另一人办理" "a second person must do this" }
    PreviewRequired = "PREVIEW_REQUIRED" on "claimId" { "公示内容须先由另一人预览确认" "a second person must first preview the notice as it now stands" }
    ContentChanged = "CONTENT_CHANGED" on "contentHash" { "内容与核对时不一致" "the content is not what was seen" }
    NoticePrivate = "NOTICE_PRIVATE" on "claimId" { "要公开或送达的内容含有个人隐私(字段 {field})" "the notice or letter would show private data ({field})" }
    PrivateInText = "PRIVATE_IN_TEXT" on "input" { "“{field}”中疑似有身份证号、银行账号或手机号,这些请填在专门的栏目里" "{field} holds what looks like an identity number, an account or a phone number; these have fields of their own" }
    NothingRecorded = "NOTHING_RECORDED" on "field" { "没有登记这一项" "nothing of this kind is on record" }
    RevealsExhausted = "REVEALS_EXHAUSTED" on "field" { "今天查看隐私信息已达{limit}次上限,请明天再办或联系管理员" "the {limit} private values an account may read in a day are used up" }
    PeriodIncomplete = "PERIOD_INCOMPLETE" on "claimId" { "公示期未满,至{closesAt}" "the notice runs until {closesAt}" }
    ProofMissing = "PROOF_MISSING" on "claimId" { "张贴证明不足:已有{have}份,需要{need}份" "proofs of publication: {have} of {need}" }
    ObjectionOpen = "OBJECTION_OPEN" on "claimId" { "尚有{objections}件公示异议未处理" "{objections} objection(s) are open" }
    ObjectionUnknown = "OBJECTION_UNKNOWN" on "objectionId" { "没有这件待处理的异议" "there is no such open objection" }
    ReviewRequired = "REVIEW_REQUIRED" on "claimId" { "须先经县级审定" "the county must review the claim first" }
    OverLimit = "OVER_LIMIT" on "claimId" { "超过单人审批权限{limitFen}元" "above one approver's limit of {limitFen} yuan" }
    BeyondAuthority = "BEYOND_AUTHORITY" on "claimId" { "超过您的审批权限{limitFen}元,须由更高权限人员审批" "beyond your authority of {limitFen} yuan, even with a second approver" }
    OverTwelveMonthLimit = "OVER_TWELVE_MONTH_LIMIT" on "claimId" { "该户近十二个月已获批{approvedFen}元,加本案超过单人审批权限{limitFen}元" "the household was approved {approvedFen} yuan in twelve months: with this claim above one approver's limit of {limitFen} yuan" }
    BeyondTwelveMonthAuthority = "BEYOND_TWELVE_MONTH_AUTHORITY" on "claimId" { "该户近十二个月已获批{approvedFen}元,加本案超过您的审批权限{limitFen}元,须由更高权限人员审批" "the household was approved {approvedFen} yuan in twelve months: with this claim beyond your authority of {limitFen} yuan, even with a second approver" }
    DossierChanged = "DOSSIER_CHANGED" on "claimId" { "审批所依据的卷宗已变,须由初审人重新审批" "what was approved is not what stands: the first approver approves anew" }
    AssessmentStale = "ASSESSMENT_STALE" on "claimId" { "其后年度内又有费用获批,或前案款项有变,须退回重新核定理算" "what it was computed on has changed (other losses of the year, an earlier claim of the event): send it back and verify again" }
    NoFirstApproval = "NO_FIRST_APPROVAL" on "claimId" { "没有待复核的初审" "no first approval awaits a second" }
    OverAssessment = "OVER_ASSESSMENT" on "benefitFen" { "金额与理算结果{assessedFen}元不符或超出" "the amount does not agree with the assessment of {assessedFen} yuan" }
    CapExceeded = "CAP_EXCEEDED" on "claimId" { "超过封顶线,剩余额度{remainingFen}元" "a cap would be passed; {remainingFen} yuan remain" }
    PoolInsufficient = "POOL_INSUFFICIENT" on "claimId" { "资金池余额不足,可用{availableFen}元" "the pool holds only {availableFen} yuan" }
    NotFirst = "NOT_FIRST" on "claimId" { "前面还有案件等待资金,不能插队" "another claim waits for the pool's money before this one" }
    ClaimsWaiting = "CLAIMS_WAITING" on "schemeId" { "尚有{claims}件已审批案件等待资金,共{sumFen}元" "{claims} approved claim(s) wait for money, {sumFen} yuan" }
    OverOutstanding = "OVER_OUTSTANDING" on "amountFen" { "超过尚未追回的{outstandingFen}元" "more than the {outstandingFen} yuan that are outstanding" }
    ReferenceTaken = "REFERENCE_TAKEN" on "bankRef" { "该银行流水已登记过追回" "the bank's reference was recorded for a recovery before" }
    NoWriteOff = "NO_WRITE_OFF" on "claimId" { "没有待确认的核销" "no write-off waits for a second person" }
    PremiumExceeded = "PREMIUM_EXCEEDED" on "amountFen" { "超过应缴保费,还可缴{remainingFen}元" "more than the premium of the year; {remainingFen} yuan may still be paid in" }
    PoolSettled = "POOL_SETTLED" on "schemeId" { "本年度已核算,不能再入账或审批" "the year is settled" }
    NotBalanced = "NOT_BALANCED" on "schemeId" { "尚有{claims}件案件的款项未了:已预留{reservedFen}元,在途{inFlightFen}元" "money waits for {claims} claim(s): {reservedFen} yuan reserved, {inFlightFen} yuan in flight" }
    YearNotOver = "YEAR_NOT_OVER" on "schemeId" { "保单年度至{to},期满后方可核算" "the contract year runs until {to}" }
    NextPoolMissing = "NEXT_POOL_MISSING" on "schemeId" { "{year}年度尚无可转入的同一方案资金池,请先发布下年度方案" "there is no open pool of the same scheme for {year}; publish it first" }
    OrderPending = "ORDER_PENDING" on "schemeId" { "尚有{orders}笔资金指令待确认或作废" "{orders} order(s) wait to be confirmed or voided" }
    OrderDecided = "ORDER_DECIDED" on "orderId" { "该指令{orderStatus},不能再办理" "the order is {orderStatus}" }
    SettlementChanged = "SETTLEMENT_CHANGED" on "orderId" { "核算指令下达后账目有变,请作废后重新核算" "the books moved since the settlement was ordered: void it and order it again" }
    NothingApproved = "NOTHING_APPROVED" on "input" { "没有可付款的案件" "no claim waits for payment" }
    NotApproved = "NOT_APPROVED" on "claimIds" { "有案件不是本方案下审批通过待付款的案件:{claims}" "not approved claims of the scheme: {claims}" }
    BatchTooLarge = "BATCH_TOO_LARGE" on "claimIds" { "超过一批的上限500笔,请分批" "more than the 500 lines of a batch: make several" }
    TotalsDiffer = "TOTALS_DIFFER" on "totalFen" { "与控制总数不符:现为{count}笔、{sumFen}元,请核对后再确认" "the totals are {count} and {sumFen} yuan: compare, and confirm those" }
    NotOwnBatch = "NOT_OWN_BATCH" on "batchId" { "只能由生成该批次的账号下达" "only the account that made the batch instructs it" }
    FileUnreadable = "FILE_UNREADABLE" on "content" { "文件无法读入:{reason}" "the file cannot be read: {reason}" }
    QueueNotPosted = "QUEUE_NOT_POSTED" on "class" { "该队列({class})不入账,请逐条核实后关闭" "lines of {class} are not posted: look into them and close them" }
    LineNotOpen = "LINE_NOT_OPEN" on "lineNo" { "该行已处理" "the line was posted or closed" }
    Mismatch = "MISMATCH" on "input" { "“{field}”与记录不符" "{field} differs from what is recorded" }
    Contradiction = "CONTRADICTION" on "claimId" { "回报与已证实的结果矛盾,请核实" "the report contradicts what is proven" }
    AlreadyInstructed = "ALREADY_INSTRUCTED" on "claimId" { "上一笔付款结果不明,不能再次付款" "the outcome of the last payment is not known" }
    LivenessStale = "LIVENESS_STALE" on "claimId" { "收款人生存核验已超过{daysMax}天,请重新核验" "the payee's liveness check is older than {daysMax} days" }
    ClauseUnknown = "CLAUSE_UNKNOWN" on "lines" { "本案所用方案没有这一条款" "the claim's scheme has no such clause" }
    LetterMissing = "LETTER_MISSING" on "claimId" { "尚未向农户送达通知书" "the household was not told by letter" }
    LetterIssued = "LETTER_ISSUED" on "claimId" { "通知书已经送达,没有待送达的" "the letter went out before; none is owed" }
    AppealTimeRuns = "APPEAL_TIME_RUNS" on "claimId" { "申诉期未满,至{lastDay}止" "the household may appeal until {lastDay}" }
    AppealTimeOver = "APPEAL_TIME_OVER" on "claimId" { "申诉期已于{lastDay}届满" "the time for an appeal ended on {lastDay}" }
    CalendarMissing = "CALENDAR_MISSING" on "claimId" { "缺少{year}年节假日安排,不能计算期限" "the calendar holds no days of {year}" }
    KeyReused = "KEY_REUSED" on "lineNo" { "同一事件、行号或表单已办理过,内容与本次不同" "this event, line or form was handled before with other contents" }
    WrongCredentials = "WRONG_CREDENTIALS" on "login" { "账号或口令不正确" "login or password is wrong" }
    SecondFactorRequired = "SECOND_FACTOR_REQUIRED" on "login" { "请再输入第二因素的验证码" "a code of the second factor must follow" }
    WrongCode = "WRONG_CODE" on "code" { "验证码不对或已用过" "the code is wrong or was used" }
    NoDuty = "NO_DUTY" on "login" { "您目前没有有效的岗位,请联系管理员" "you hold no duty today; ask your administrator" }
    WeakPassword = "WEAK_PASSWORD" on "password" { "口令不符合要求({reason})" "the password may not be used ({reason})" }
    LinkEnded = "LINK_ENDED" on "token" { "链接已失效或已用过" "the link has ended or was used" }
    OwnRights = "OWN_RIGHTS" on "login" { "不能更改自己的权限" "nobody changes their own rights" }
}

impl UserErrorCode {
    /// The value of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.code() == code)
    }
}

/// A parameter of a refusal.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub struct ErrorParam {
    /// Name; one that ends in `Fen` holds whole fen.
    pub name: String,
    /// Value: a code, a number, fen, a day or an instant, as text.
    pub value: String,
}

/// An expected refusal: nothing was written.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// The stable code.
    pub code: UserErrorCode,
    /// The path to the input field concerned, below `input`.
    pub field: Option<Vec<String>>,
    /// What people read; Chinese, or English if `Accept-Language` prefers it.
    pub message: String,
    /// The parameters of the message, for programs.
    pub params: Vec<ErrorParam>,
}

impl UserError {
    /// A refusal with its parameters.
    pub fn new(code: UserErrorCode, params: &[(&'static str, Param)], language: Language) -> Self {
        let mut message = code.template(language).to_owned();
        for (name, param) in params {
            let placeholder = format!("{{{}}}", wire_name(name, param));
            message = message.replace(&placeholder, &spoken(name, param, language));
        }
        let named = params.iter().find_map(|(name, param)| match param {
            Param::Text(field) if *name == "field" => Some(field.clone()),
            Param::Text(_) | Param::Number(_) | Param::Money(_) | Param::Day(_) | Param::At(_) => {
                None
            }
        });
        Self {
            code,
            field: Some(vec![named.unwrap_or_else(|| code.field().to_owned())]),
            message,
            params: params
                .iter()
                .map(|(name, param)| ErrorParam {
                    name: wire_name(name, param),
                    value: match param {
                        Param::Money(fen) => fen.get().to_string(),
                        Param::At(at) => crate::types::scalars::instant_text(*at),
                        Param::Text(_) | Param::Number(_) | Param::Day(_) => param.to_string(),
                    },
                })
                .collect(),
        }
    }

    /// The refusal of a command. `None` for a code that the catalogue does not hold, which a test
    /// rules out.
    pub fn blocked(blocked: &Blocked, language: Language) -> Option<Self> {
        let code = UserErrorCode::from_code(blocked.code())?;
        Some(Self::new(code, &blocked.params(), language))
    }
}

/// What a refusal says in Chinese and in English; nothing for a code that is not known. For pages beside the gateway.
pub fn words(code: &str, params: &[(&'static str, Param)]) -> Option<(String, String)> {
    let code = UserErrorCode::from_code(code)?;
    let says = |language| UserError::new(code, params, language).message;
    Some((says(Language::Chinese), says(Language::English)))
}

/// `closes_at` is `closesAt`; money says its unit.
fn wire_name(name: &str, param: &Param) -> String {
    let mut out = String::with_capacity(name.len() + 3);
    let mut upper = false;
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(character.to_ascii_uppercase());
        } else {
            out.push(character);
        }
    }
    if let Param::Money(_) = param {
        out.push_str("Fen");
    }
    out
}

/// A parameter as people say it.
fn spoken(name: &str, param: &Param, language: Language) -> String {
    match (param, language) {
        (Param::Text(text), Language::Chinese) => chinese(name, text),
        (Param::Text(text), Language::English) => text.clone(),
        (Param::Money(fen), _) => yuan(*fen),
        (Param::At(at), _) => office_time(*at),
        (Param::Number(_) | Param::Day(_), _) => param.to_string(),
    }
}

fn yuan(fen: Fen) -> String {
    fen.to_string()
}

/// An instant as the clock on the office's wall shows it.
fn office_time(at: DateTime<Utc>) -> String {
    FixedOffset::east_opt(8 * 3_600).map_or_else(
        || at.to_rfc3339(),
        |shanghai| {
            at.with_timezone(&shanghai)
                .format("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}

fn chinese(name: &str, text: &str) -> String {
    let term = match name {
        "status" => Status::from_code(text).map(Status::zh),
        "order_status" => PoolOrderStatus::from_code(text).map(PoolOrderStatus::zh),
        "command" => CommandKind::from_code(text).map(CommandKind::zh),
        "expected" => Check::from_code(text).map(Check::zh),
        "duty" => Duty::from_code(text).map(Duty::zh),
        "date" => YearDate::from_code(text).map(YearDate::zh),
        "class" => LineClass::from_code(text).map(LineClass::zh),
        "means" => NameCheckMeans::from_code(text).map(NameCheckMeans::zh),
        _ => None,
    };
    let reading = || match text {
        "REFERRER" => Some("推送人"),
        "SURVEYOR" => Some("查勘员"),
        "NOT_THE_SURVEYOR" => Some("本案指定查勘员(非本人)"),
        "APPROVER" => Some("核赔人"),
        "RESOLVER" => Some("异议处理人"),
        "REVIEWER" => Some("审定人"),
        "PAYER" => Some("付款人"),
        "REFUSER" => Some("拒赔决定人"),
        "APPELLANT" => Some("申诉登记人"),
        "BEFORE_THE_DECISION" => Some("不能早于决定日"),
        "TOO_LONG_AGO" => Some("送达三天内应登记,须重新送达"),
        "NONE" => Some("无"),
        "PERIL" => Some("险种"),
        "DAY" => Some("事件日期"),
        "GROUP" => Some("人群类别"),
        "EMPTY" => Some("不能为空"),
        "MISSING" => Some("未填写"),
        "UNKNOWN" => Some("不存在"),
        "UNCHANGED" => Some("没有变化"),
        "NOT_POSITIVE" => Some("须大于零"),
        "TOO_LARGE" => Some("数值过大"),
        "TOO_LONG" => Some("文字过长"),
        "TOO_MANY" => Some("条目过多"),
        "IN_THE_FUTURE" => Some("不能晚于今天"),
        "NOT_OF_HOUSEHOLD" => Some("不是该户成员"),
        "NOT_A_PHONE" => Some("不是电话号码"),
        "NOT_OF_THIS_FIELD" => Some("与所查项目无关"),
        "TOO_SHORT" => Some("过于简短"),
        "STANDS_ALREADY" => Some("已登记过"),
        "NOT_OF_AN_HEIR" => Some("只有法定继承人才附"),
        "MADE_BY_THE_PROGRAM" => Some("由系统在登记时比对"),
        "NOT_A_SHA256" => Some("材料校验值格式不对"),
        "NOT_AN_EVALUATION" => Some("此环节没有表决"),
        "MORE_THAN_PRESENT" => Some("票数多于到会人数"),
        "VOTES_SAY_OTHERWISE" => Some("与表决结果不符"),
        "NOTHING_TO_CONFIRM" => Some("没有待确认的变更"),
        "NOT_AN_ACCOUNT" => Some("账号应为8至32位数字"),
        "AFTER_THE_CHECK" => Some("不能晚于核验日"),
        "NOT_A_SESSION" => Some("接口密钥不能在此注销"),
        "REGISTERED_ELSEWHERE" => Some("登记在其他村或其他户"),
        "NAME_DIFFERS" => Some("姓名与该身份证号已登记的姓名不同"),
        "NOT_AN_ID_NUMBER" => Some("身份证号不正确"),
        "TWICE" => Some("行号重复或不是正数"),
        "NOT_A_NUMBER" => Some("数值不正确"),
        "ADDRESS_REFUSED" => Some("不能向该地址发送;内网地址须先由运维列入 webhook_allow"),
        "HOST_UNKNOWN" => Some("域名无法解析"),
        "NOT_A_URL" => Some("不是网址"),
        "NOT_AN_AMOUNT" => Some("应以元为单位,最多两位小数"),
        "NOT_A_DAY" => Some("不是日期"),
        "NOT_AN_INSTANT" => Some("不是时间"),
        "ALREADY_CONFIRMED" => Some("已启用"),
        "BEFORE_FROM" => Some("不能早于起始日"),
        "LENGTH" => Some("须填写且不过长"),
        "LETTERS_FIGURES_3_TO_64" => Some("须为3至64个字母、数字"),
        "NOT_0_TO_168" => Some("须为0至168小时"),
        "NOT_1_TO_400" => Some("须为1至400天"),
        "NOT_A_CODE" => Some("代码不正确"),
        "NOT_A_COLLEAGUE" => Some("不是同一单位的人员"),
        "NOT_BASE64" => Some("不是base64编码"),
        "NOT_FOR_ANOTHER_PERSON" => Some("不能为他人开办理权限"),
        "NOT_HELD" => Some("超出本人的岗位或辖区"),
        "NOT_OF_THIS_ORGANISATION" => Some("该单位没有这个岗位"),
        "NOT_WITHIN_A_YEAR" => Some("须在一年之内"),
        "OUTSIDE" => Some("超出所管辖区"),
        "SAME_PERSON" => Some("不能是同一人"),
        "TAKEN" => Some("已被使用"),
        "REVEAL_HOUSEHOLD_FIELD" => Some("查看隐私信息"),
        "REGISTER_PAYEE" => Some("登记收款人"),
        "RECORD_LIVENESS_CHECK" => Some("登记生存核验"),
        _ => None,
    };
    term.or_else(reading).unwrap_or(text).to_owned()
}

/// The reference of all codes, as `graphql/codes.md`.
pub fn codes_markdown() -> String {
    use std::fmt::Write;
    let mut out = String::from(
        "<!-- Generated from crates/gateway/src/messages.rs and errors.rs by `UPDATE_GOLDEN=1 cargo test -p gateway`. -->\n\
         # Codes\n\n\
         ## `userErrors[].code`: expected refusals; nothing was written\n\n\
         | Code | 中文 | English |\n|---|---|---|\n",
    );
    for code in UserErrorCode::ALL {
        let zh = code.template(Language::Chinese);
        let en = code.template(Language::English);
        let _ = writeln!(out, "| `{}` | {zh} | {en} |", code.code());
    }
    out.push_str(
        "\n## `errors[].extensions.code`: authentication, scope, limits, concurrency, internal\n\n\
         | Code | Meaning | Retryable |\n|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        let retryable = if code.retryable() { "yes" } else { "no" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {retryable} |",
            code.code(),
            code.meaning().trim()
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::Value;
    use async_graphql::resolver_utils::enum_value;
    use engine::bank_file::BankRefusal;
    use engine::payment_batch::{BatchRefusal, OrderRefusal, Totals};

    #[test]
    fn every_refusal_has_a_message_in_both_languages() {
        for code in Blocked::CODES {
            assert!(
                UserErrorCode::from_code(code).is_some(),
                "{code} has no message"
            );
        }
        for code in UserErrorCode::ALL {
            let Value::Enum(name) = enum_value(*code) else {
                unreachable!()
            };
            assert_eq!(name.as_str(), code.code());
            assert!(!code.template(Language::Chinese).is_ascii());
            assert!(code.template(Language::English).is_ascii());
        }
    }

    #[test]
    fn every_placeholder_is_filled() {
        let samples = [
            Blocked::InvalidState {
                status: Status::Paid,
                command: CommandKind::ReferCase,
            },
            Blocked::CheckOrder {
                expected: Some(Check::FieldVisit),
            },
            Blocked::OverLimit {
                limit: Fen::from_yuan(50_000),
            },
            Blocked::ProofMissing { have: 1, need: 2 },
            Blocked::LivenessStale { days_max: 30 },
            Blocked::NameCheckDue {
                means: NameCheckMeans::BankReply,
                days_max: 365,
            },
            Blocked::OverTwelveMonthLimit {
                limit: Fen::from_yuan(50_000),
                approved: Fen::from_yuan(40_000),
            },
            Blocked::OverOutstanding {
                outstanding: Fen::from_yuan(100),
            },
            Blocked::Validation {
                field: "reasons",
                reason: "EMPTY",
            },
            Blocked::DutyConflict {
                acted_as: "REFERRER",
            },
        ];
        for blocked in samples {
            for language in [Language::Chinese, Language::English] {
                let error = UserError::blocked(&blocked, language).unwrap();
                assert!(!error.message.contains('{'), "{}", error.message);
            }
        }
        let error = UserError::blocked(
            &Blocked::InvalidState {
                status: Status::Paid,
                command: CommandKind::ReferCase,
            },
            Language::Chinese,
        );
        assert_eq!(error.unwrap().message, "案件当前状态为“已赔付”,不能推送");
        let error = UserError::blocked(
            &Blocked::PoolInsufficient {
                available: Fen::new(620_800),
            },
            Language::English,
        )
        .unwrap();
        assert_eq!(error.params[0].name, "availableFen");
        assert_eq!(error.params[0].value, "620800");
    }

    /// Those of batches and files: what is looked up by its code has a message.
    #[test]
    fn refusals_of_the_bank_have_a_message() {
        let batches = [
            BatchRefusal::NothingApproved,
            BatchRefusal::TooMany,
            BatchRefusal::NotApproved(Vec::new()),
            BatchRefusal::Totals(Totals::default()),
            BatchRefusal::NotOwn,
            BatchRefusal::KeyReused,
        ];
        let files = [
            BankRefusal::NotPosted(LineClass::Missing),
            BankRefusal::Totals(Totals::default()),
            BankRefusal::NotOpen,
            BankRefusal::KeyReused,
        ];
        let told = batches.iter().map(|it| words(it.code(), &it.params()));
        let told = told.chain(files.iter().map(|it| words(it.code(), &it.params())));
        let orders = [OrderRefusal::Nothing, OrderRefusal::PayeeUnknown];
        for told in told.chain(orders.iter().map(|it| words(it.code(), &[]))) {
            let (zh, en) = told.unwrap();
            assert!(!zh.contains('{') && !en.contains('{'), "{zh} {en}");
        }
    }

    /// A queue is named as the page names it.
    #[test]
    fn a_queue_is_named_in_words() {
        let params = [("class", Param::Text(LineClass::Missing.code().into()))];
        let (zh, en) = words("QUEUE_NOT_POSTED", &params).unwrap();
        assert!(zh.contains("(缺行)") && en.contains("MISSING"), "{zh} {en}");
    }

    #[test]
    fn the_preferred_language_is_chosen() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, text.parse().unwrap());
            Language::of(&headers)
        };
        assert_eq!(Language::of(&HeaderMap::new()), Language::Chinese);
        assert_eq!(of("en-GB,en;q=0.9"), Language::English);
        assert_eq!(of("en;q=0.8, zh-CN"), Language::Chinese);
        assert_eq!(of("fr, de"), Language::Chinese);
        assert_eq!(of("zh;q=0.1, en;q=0.75"), Language::English);
    }
}
