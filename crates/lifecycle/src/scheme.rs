//! A county's scheme (防贫险方案): the contents of the phases, as versioned data.

use crate::coded;
use crate::duty::{self, Duty};
use crate::{
    Blocked, CommandKind, Counting, CountyCode, NameCheckMeans, OrgId, SchemeId, Status, Term,
};
use benefits::{Fen, Rate, Schedule};
use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

coded! {
    /// The peril (致贫原因): why a household is referred.
    Peril {
        Illness = "ILLNESS" "因病",
        Schooling = "SCHOOLING" "因学",
        Disaster = "DISASTER" "因灾",
        Accident = "ACCIDENT" "意外",
    }
}

coded! {
    /// A check (核查环节) that verification may hold, in the order the scheme gives.
    Check {
        DataComparison = "DATA_COMPARISON" "数据比对",
        FieldVisit = "FIELD_VISIT" "入户查勘",
        VillageEvaluation = "VILLAGE_EVALUATION" "民主评议",
        TownshipReview = "TOWNSHIP_REVIEW" "乡镇审核",
    }
}

impl Check {
    /// The duty that records this check.
    pub const fn duty(self) -> Duty {
        match self {
            Self::DataComparison => Duty::CountyCaseworker,
            Self::FieldVisit => Duty::Surveyor,
            Self::VillageEvaluation | Self::TownshipReview => Duty::TownshipCaseworker,
        }
    }
}

coded! {
    /// The step at which a document is due (材料应交环节): the command that ends it wants it.
    DueStep {
        Referral = "REFERRAL" "推送",
        Verification = "VERIFICATION" "核查",
        PublicNotice = "PUBLIC_NOTICE" "公示",
        Approval = "APPROVAL" "审批",
        Payout = "PAYOUT" "赔付",
        Archive = "ARCHIVE" "归档",
    }
}

coded! {
    /// Who hands a document in (材料提供方): whom to ask when it is missing.
    Supplier {
        Household = "HOUSEHOLD" "农户",
        Village = "VILLAGE" "村",
        Township = "TOWNSHIP" "乡镇",
        County = "COUNTY" "县级",
        Insurer = "INSURER" "保险公司",
    }
}

/// A kind of document (材料) that a peril needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRule {
    /// The kind, as people name it: 医疗费用结算单.
    pub kind: String,
    /// How many different ones at least, from 1.
    pub count_min: u16,
    /// Who hands it in.
    pub supplier: Supplier,
    /// When it must be there.
    pub due: DueStep,
    /// Whether an advance needs it, and no other claim.
    pub advance: bool,
}

/// The benefit table of some population groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupTable {
    /// The groups it is for; empty for everybody whom no earlier table names.
    pub groups: Vec<String>,
    /// Whether it is for advances (先行救助): paid before there are bills, and netted from what the event earns later.
    pub advance: bool,
    /// The benefit schedule.
    pub schedule: Schedule,
}

/// The terms of one peril.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerilTerms {
    /// The peril.
    pub peril: Peril,
    /// First day of cover; the event must lie within.
    pub covers_from: NaiveDate,
    /// Last day of cover.
    pub covers_to: NaiveDate,
    /// The benefit tables, the first that fits a household's group counts.
    pub tables: Vec<GroupTable>,
    /// The documents it needs.
    pub documents: Vec<DocumentRule>,
}

impl PerilTerms {
    /// The schedule for a population group, of a claim or of an advance.
    pub fn schedule(&self, group: &str, advance: bool) -> Option<&Schedule> {
        self.tables
            .iter()
            .filter(|table| table.advance == advance)
            .find(|table| table.groups.is_empty() || table.groups.iter().any(|it| it == group))
            .map(|table| &table.schedule)
    }

    /// The schedule with this id: the one an assessment followed.
    pub fn schedule_of(&self, id: &str) -> Option<&Schedule> {
        self.tables
            .iter()
            .map(|table| &table.schedule)
            .find(|schedule| schedule.id == id)
    }

    /// The documents of a claim, or of an advance.
    pub fn documents_of(&self, advance: bool) -> impl Iterator<Item = &DocumentRule> {
        self.documents
            .iter()
            .filter(move |rule| rule.advance == advance)
    }
}

coded! {
    /// The date that fixes the policy year a claim belongs to (归属年度的依据日期).
    YearDate {
        Bill = "BILL" "票据日期",
        Event = "EVENT" "出院或事发日期",
        Application = "APPLICATION" "申请推送日期",
        Approval = "APPROVAL" "审批日期",
    }
}

/// The policy year (保单年度): a natural year, or a contract year (合同年度) from any day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyYear {
    /// Its name: the year it begins in.
    pub year: i32,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// The date that must lie within.
    pub fixed_by: YearDate,
}

impl PolicyYear {
    /// Whether `day` lies within, where `which` is the date that fixes the year.
    pub(crate) fn holds(&self, which: YearDate, day: NaiveDate) -> Result<(), Blocked> {
        if self.fixed_by != which || (self.from <= day && day <= self.to) {
            return Ok(());
        }
        Err(Blocked::OutsidePolicyYear {
            date: which,
            from: self.from,
            to: self.to,
        })
    }
}

coded! {
    /// The months whose income is counted (收入核算期).
    IncomeWindow {
        PreviousYear = "PREVIOUS_YEAR" "上一自然年度",
        RollingYear = "ROLLING_YEAR" "申请前十二个月",
    }
}

/// The income line (收入保障线): base figure **and** multiplier, so that the line can be derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomeTerms {
    /// The base figure per head and year, such as last year's national line.
    pub base: Fen,
    /// Multiplier in basis points: 15 000 is 1.5 times.
    pub multiplier_bp: u32,
    /// The months whose income is counted.
    pub window: IncomeWindow,
    /// The groups it applies to; empty for all. A household in sudden difficulty
    /// (突发严重困难户) may lie above the line.
    pub groups: Vec<String>,
}

impl IncomeTerms {
    /// The line itself, in fen per head and year; parts of a fen are dropped.
    pub fn line(&self) -> Fen {
        let exact = i128::from(self.base.get()) * i128::from(self.multiplier_bp) / 10_000;
        Fen::new(i64::try_from(exact).unwrap_or(i64::MAX))
    }

    /// Whether the line applies to a group.
    pub fn applies_to(&self, group: &str) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|it| it == group)
    }

    /// First and last day of the months that count for an application on `day`.
    pub fn window(&self, day: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let year = day.year() - 1;
        match self.window {
            IncomeWindow::PreviousYear => Some((
                NaiveDate::from_ymd_opt(year, 1, 1)?,
                NaiveDate::from_ymd_opt(year, 12, 31)?,
            )),
            IncomeWindow::RollingYear => {
                let to = day.with_day(1)?.pred_opt()?;
                Some((NaiveDate::from_ymd_opt(year, day.month(), 1)?, to))
            }
        }
    }
}

/// Who is covered (保障对象).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Population groups (人群类别) as the household list names them; empty for all.
    pub groups: Vec<String>,
    /// Whether a household must stand on the monitored list, by a village decision, before it can
    /// be referred; some counties identify nobody in advance (不事先确定).
    pub listed_first: bool,
    /// The income line, if there is one.
    pub income: Option<IncomeTerms>,
    /// Exclusions (排除情形) such as 购买商品房: flags that can be rebutted with a reason, never
    /// silent refusals.
    pub exclusions: Vec<String>,
}

impl Coverage {
    /// Whether a group is covered.
    pub fn covers(&self, group: &str) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|it| it == group)
    }
}

coded! {
    /// What the votes of an evaluation are measured against.
    VoteBase {
        Present = "PRESENT" "到会人数",
        Cast = "CAST" "投票人数",
    }
}

/// When a village evaluation (民主评议) is valid, and when it passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationTerms {
    /// The quorum: persons present at least.
    pub present_min: u16,
    /// The share of votes in favour that passes, as a fraction: 2 of 3.
    pub numerator: u16,
    /// See `numerator`.
    pub denominator: u16,
    /// Whether the share must be exceeded (超过半数) or reached (达到三分之二).
    pub exceeded: bool,
    /// What the share is of.
    pub of: VoteBase,
}

impl EvaluationTerms {
    /// Whether `agree` of `base` votes pass.
    pub fn passes(&self, agree: u16, base: u16) -> bool {
        let have = u32::from(agree) * u32::from(self.denominator);
        let need = u32::from(base) * u32::from(self.numerator);
        base > 0 && (have > need || (have == need && !self.exceeded))
    }
}

/// What a duty may approve (审批权限), in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The duty.
    pub duty: Duty,
    /// The most that one person of this duty may approve alone.
    pub alone_max: Fen,
    /// The most that may be approved with a second approver; `None` for no limit.
    pub second_max: Option<Fen>,
    /// The most that one person may let a household's approvals of twelve months come to; `None`
    /// for no limit.
    pub twelve_months_alone_max: Option<Fen>,
    /// The same with a second approver.
    pub twelve_months_second_max: Option<Fen>,
}

/// The day after which an approval counts into the twelve months up to `today` (近十二个月).
pub fn twelve_months_before(today: NaiveDate) -> NaiveDate {
    today
        .checked_sub_months(Months::new(12))
        .unwrap_or(NaiveDate::MIN)
}

/// How long a claim may stay in a status (办理时限); overdue claims are listed, nothing happens by
/// itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The status.
    pub status: Status,
    /// Counted from the day the status began.
    pub term: Term,
}

coded! {
    /// What becomes of a pool's surplus at the year's end (结余处理).
    Surplus {
        CarriedOver = "CARRIED_OVER" "余额结转下年",
        Returned = "RETURNED" "多退少补",
    }
}

coded! {
    /// Who makes up a shortage (超赔处理).
    Shortage {
        CountyTopsUp = "COUNTY_TOPS_UP" "县级补足",
        InsurerBears = "INSURER_BEARS" "保险公司承担",
    }
}

coded! {
    /// Who is reserved first when a pool's money does not suffice for all (待资金排队次序). Equal ones are
    /// ordered by their claims' numbers.
    QueueOrder {
        NoticeClosed = "NOTICE_CLOSED" "公示期满先后",
        Approval = "APPROVAL" "审批先后",
        SmallestFirst = "SMALLEST_FIRST" "金额由小到大",
        Group = "GROUP" "人群类别次序",
    }
}

/// Premium, pool and fee (保费、资金池、服务费).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolTerms {
    /// How many persons the premium is paid for.
    pub headcount: u32,
    /// What the headcount rests on: 2014年末农村人口的10%.
    pub headcount_basis: String,
    /// Premium per head and year, in fen.
    pub premium: Fen,
    /// The insurer's fee as a share of what was paid out (Wuyang: 15 %).
    pub fee: Rate,
    /// What becomes of a surplus.
    pub surplus: Surplus,
    /// Who makes up a shortage.
    pub shortage: Shortage,
    /// In which order claims wait when the money does not suffice.
    pub queue_order: QueueOrder,
    /// The most that may be written off of one wrong payment, in fen; 0 for nothing.
    pub write_off_max: Fen,
}

impl PoolTerms {
    /// The premium of the year: headcount times premium.
    pub fn premium_total(&self) -> Fen {
        Fen::new(self.premium.get().saturating_mul(i64::from(self.headcount)))
    }
}

/// The terms of the public notice (公示).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeTerms {
    /// Its length and counting.
    pub term: Term,
    /// How many proofs of publication are needed before it may close.
    pub proofs_min: u16,
    /// Whether the amount stands on the notice.
    pub shows_amount: bool,
    /// Whether the peril class stands on the notice (never a diagnosis).
    pub shows_peril: bool,
    /// The hot line printed on it.
    pub hot_line: String,
}

/// A clause (条款) of the contract or notice, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// A name of its own within the scheme.
    pub id: String,
    /// Its words, as a refusal letter quotes them.
    pub text: String,
}

/// One version of a county's scheme for one policy year. Immutable once published; a claim keeps
/// the version it began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheme {
    /// Its id.
    pub id: SchemeId,
    /// Whose pool its claims draw on: the version of this code, year and insurer that was published
    /// first, so that a new version goes on with the year's money.
    pub pool_id: SchemeId,
    /// The county.
    pub county: CountyCode,
    /// A short stable code, such as `haigang-2020`.
    pub code: String,
    /// Version, from 1.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// The policy year (保单年度).
    pub year: PolicyYear,
    /// The insurer that runs it.
    pub insurer: OrgId,
    /// Where its figures come from.
    pub source: String,
    /// Who is covered.
    pub coverage: Coverage,
    /// Clauses besides those of its benefit tables, that a refusal may rest on.
    pub clauses: Vec<Clause>,
    /// The perils it covers.
    pub perils: Vec<PerilTerms>,
    /// The checks of verification, in order.
    pub checks: Vec<Check>,
    /// The village evaluation.
    pub evaluation: EvaluationTerms,
    /// The public notice.
    pub notice: NoticeTerms,
    /// Whether a county review (审定) is needed before approval.
    pub county_review: bool,
    /// What each duty may approve, alone and with a second approver.
    pub authority: Vec<Authority>,
    /// The largest uplift (特殊提标) beyond the table, in fen; 0 for none.
    pub uplift_max: Fen,
    /// How old a liveness check may be on the payment day, in days.
    pub liveness_days_max: u16,
    /// The weakest check of an account's name that suffices (户名核验方式).
    pub payee_check: NameCheckMeans,
    /// How old it may be, in days.
    pub payee_check_days_max: u16,
    /// Days within which the refusal letter is due.
    pub refusal_letter_days: u16,
    /// Days within which a refusal may be appealed against, from the delivery of its letter.
    pub appeal_days: u16,
    /// How long a claim may stay in a status.
    pub deadlines: Vec<Deadline>,
    /// Premium, pool and fee.
    pub pool: PoolTerms,
    /// Commands moved to other duties than [`duty::standard`] gives.
    pub duties: BTreeMap<CommandKind, Vec<Duty>>,
}

impl Scheme {
    /// Whether its claims can wait in one queue with those of another version of the same pool: whose order and, where groups
    /// have an order, whose groups are the same.
    pub fn queues_with(&self, other: &Self) -> bool {
        let (order, theirs) = (self.pool.queue_order, other.pool.queue_order);
        let by_group = order == QueueOrder::Group;
        order == theirs && (!by_group || self.coverage.groups == other.coverage.groups)
    }

    /// The duties, any one of which lets a caller give `command` under this scheme.
    pub fn duties_of(&self, command: CommandKind) -> &[Duty] {
        self.duties
            .get(&command)
            .map_or_else(|| duty::standard(command), Vec::as_slice)
    }

    /// The appeal time (申诉期限): natural days; one that ends on a rest day moves on to the next working day.
    pub const fn appeal_term(&self) -> Term {
        Term {
            days: self.appeal_days,
            counting: Counting::CalendarDays,
            rolls: true,
        }
    }

    /// Its clauses, each with its id: those of its own, then those of its benefit tables.
    pub fn all_clauses(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.clauses.iter();
        let own = own.map(|it| (it.id.as_str(), it.text.as_str()));
        let tables = self.perils.iter().flat_map(|terms| &terms.tables);
        own.chain(tables.map(|table| {
            let schedule = &table.schedule;
            (schedule.id.as_str(), schedule.clause.as_str())
        }))
    }

    /// The words of a clause.
    pub fn clause(&self, id: &str) -> Option<&str> {
        self.all_clauses()
            .find(|(known, _)| *known == id)
            .map(|(_, text)| text)
    }

    /// The terms of a peril, if the scheme covers it.
    pub fn terms(&self, peril: Peril) -> Option<&PerilTerms> {
        self.perils.iter().find(|terms| terms.peril == peril)
    }

    /// The largest limits among `duties`: what one person may approve alone, and with a second.
    pub fn authority_of(&self, duties: &[Duty]) -> Option<(Fen, Option<Fen>)> {
        self.authority
            .iter()
            .filter(|row| duties.contains(&row.duty))
            .map(|row| (row.alone_max, row.second_max))
            .reduce(|one, other| {
                let second = one.1.zip(other.1).map(|(one, other)| one.max(other));
                (one.0.max(other.0), second)
            })
    }

    /// The largest limits among `duties` on what a household's approvals of twelve months come to:
    /// alone, and with a second; `None` for no limit.
    pub fn twelve_months_authority_of(&self, duties: &[Duty]) -> (Option<Fen>, Option<Fen>) {
        let largest = |limit: fn(&Authority) -> Option<Fen>| {
            let rows = self.authority.iter();
            rows.filter(|row| duties.contains(&row.duty))
                .map(limit)
                .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
                .flatten()
        };
        (
            largest(|row| row.twelve_months_alone_max),
            largest(|row| row.twelve_months_second_max),
        )
    }

    /// The term of a status, if the scheme sets one.
    pub fn deadline(&self, status: Status) -> Option<Term> {
        self.deadlines
            .iter()
            .find(|row| row.status == status)
            .map(|row| row.term)
    }
}
