//! The scheme file as it is written: what a policy officer may type, and the reference of it.
//!
//! Every field may be missing here, and every figure is kept as it was written: the reader turns them
//! into values, so that all that is missing or unreadable is told at once, each with its line. The
//! doc comments are the descriptions in `scheme.schema.json`.

use benefits::{Accumulation, AidTreatment, BandBase, BandMode, CapScope, Per, Rounding};
use lifecycle::calendar::Counting;
use lifecycle::scheme::{
    DueStep, IncomeWindow, QueueOrder, Shortage, Supplier, Surplus, VoteBase, YearDate,
};
use lifecycle::{Check, CommandKind, Duty, NameCheckMeans, Peril, Status};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// A county's scheme (防贫险方案) for one policy year. Once published a version never changes; a
/// change is a new version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Fangpin scheme file 防贫险方案")]
pub(super) struct SchemeText {
    /// The county's six-digit division code (GB/T 2260), such as "130302".
    #[schemars(required)]
    pub county: Option<Written>,
    /// A short stable code of the scheme, such as "haigang-2020".
    #[schemars(required)]
    pub code: Option<String>,
    /// The version, from 1 upwards.
    #[schemars(required, range(min = 1))]
    pub version: Option<i64>,
    /// The scheme's name, as letters and notices print it.
    #[schemars(required)]
    pub name: Option<String>,
    /// Where the figures come from: document, number, date.
    #[schemars(required)]
    pub source: Option<String>,
    /// The insurer's code in the county file.
    #[schemars(required)]
    pub insurer: Option<String>,
    /// The policy year (保单年度).
    #[schemars(required)]
    pub year: Option<YearText>,
    /// Who is covered (保障对象).
    #[schemars(required)]
    pub covered: Option<CoveredText>,
    /// How a claim goes: checks, who may approve what (办理程序).
    #[schemars(required)]
    pub procedure: Option<ProcedureText>,
    /// The public notice (公示). No money is paid without one.
    #[schemars(required)]
    pub notice: Option<NoticeText>,
    /// Deadlines (办理时限).
    #[schemars(required)]
    pub deadlines: Option<DeadlinesText>,
    /// Premium, pool and fee (保费、资金池、服务费).
    #[schemars(required)]
    pub pool: Option<PoolText>,
    /// Clauses besides those of the benefit tables, that a refusal may rest on: who is covered, when,
    /// with which documents.
    #[serde(default)]
    pub clauses: Vec<ClauseText>,
    /// The perils that are covered, each once (保障责任).
    #[schemars(required, length(min = 1))]
    pub perils: Option<Vec<PerilText>>,
}

/// A clause (条款) of the contract or notice.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClauseText {
    /// A name of its own within the scheme, such as "covered"; no benefit table has the same.
    #[schemars(required)]
    pub id: Option<String>,
    /// The clause, word for word: a refusal letter quotes it.
    #[schemars(required)]
    pub text: Option<String>,
}

/// The policy year (保单年度): a natural year, or a contract year (合同年度) from any day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct YearText {
    /// Its name: the year it begins in.
    #[schemars(required)]
    pub year: Option<i64>,
    /// First day.
    #[schemars(required)]
    pub from: Option<DayText>,
    /// Last day.
    #[schemars(required)]
    pub to: Option<DayText>,
    /// The date of a claim that must lie within the year.
    #[schemars(required)]
    pub fixed_by: Option<Word<YearDate>>,
}

/// Who is covered (保障对象).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CoveredText {
    /// The population groups (人群类别), as the household list names them; [] for everybody.
    #[schemars(required)]
    pub groups: Option<Vec<String>>,
    /// true: a household must stand on the monitored list, by a village decision, before it can be
    /// referred. false: nobody is identified in advance (不事先确定).
    #[schemars(required)]
    pub listed_first: Option<bool>,
    /// Exclusions (排除情形) such as 购买商品房: flags that can be rebutted with a reason.
    #[serde(default)]
    pub exclusions: Vec<String>,
    /// The income line (收入保障线), if there is one.
    pub income: Option<IncomeText>,
}

/// The income line (收入保障线): base figure and multiplier, so that the line can be derived.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IncomeText {
    /// The base figure per head and year, such as last year's national line.
    #[schemars(required)]
    pub base: Option<Yuan>,
    /// How many times the base: "1.5". At most four decimals.
    #[schemars(required)]
    pub multiplier: Option<Multiplier>,
    /// The months whose income is counted.
    #[schemars(required)]
    pub window: Option<Word<IncomeWindow>>,
    /// The groups it applies to; left out: all.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// How a claim goes (办理程序).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcedureText {
    /// The checks of verification (核查环节), in order.
    #[schemars(required, length(min = 1))]
    pub checks: Option<Vec<Word<Check>>>,
    /// Whether the county reviews (审定) before the insurer approves.
    #[schemars(required)]
    pub county_review: Option<bool>,
    /// The largest uplift (特殊提标) beyond the table; left out: none.
    pub uplift_max: Option<Yuan>,
    /// How old a check against the register of the living may be on the payment day, in days.
    #[schemars(required, range(min = 0, max = 65535))]
    pub liveness_days_max: Option<i64>,
    /// The weakest check of the payee's account name (户名核验) that suffices; left out: the program's own
    /// comparison when the payee is entered.
    pub payee_check: Option<Word<NameCheckMeans>>,
    /// How old it may be, in days; left out: 365.
    #[schemars(range(min = 0, max = 65535))]
    pub payee_check_days_max: Option<i64>,
    /// When a village evaluation (民主评议) is valid and passes; needed with the check
    /// `VILLAGE_EVALUATION`.
    pub evaluation: Option<EvaluationText>,
    /// What each duty may approve (审批权限); a duty without a row approves nothing.
    #[schemars(required, length(min = 1))]
    pub authority: Option<Vec<AuthorityText>>,
    /// Steps that other duties hold than usual, such as `APPROVE_CLAIM = ["COUNTY_REVIEWER"]`.
    #[serde(default)]
    #[schemars(schema_with = "duty_map_schema")]
    pub duties: BTreeMap<String, Vec<Word<Duty>>>,
}

/// When a village evaluation (民主评议) is valid and passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EvaluationText {
    /// The quorum: persons present at least.
    #[schemars(required, range(min = 1, max = 65535))]
    pub present_min: Option<i64>,
    /// The share of votes in favour that passes: "1/2", "2/3".
    #[schemars(required)]
    pub pass: Option<Share>,
    /// true: the share must be exceeded (超过半数). false: reaching it is enough (达到三分之二).
    #[schemars(required)]
    pub exceeded: Option<bool>,
    /// What the share is of.
    #[schemars(required)]
    pub of: Option<Word<VoteBase>>,
}

/// What a duty may approve (审批权限).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorityText {
    /// The duty.
    #[schemars(required)]
    pub duty: Option<Word<Duty>>,
    /// The most that one person may approve alone; left out: nothing, every approval takes two. An uplift
    /// always does.
    pub alone: Option<Yuan>,
    /// The most that may be approved with a second approver; left out: no limit.
    pub with_second: Option<Yuan>,
    /// The most that a household's approvals of twelve months (近十二个月累计), this one with them, may come
    /// to by one person alone; left out: no limit.
    pub alone_twelve_months: Option<Yuan>,
    /// The same with a second approver; left out: no limit.
    pub with_second_twelve_months: Option<Yuan>,
}

/// The public notice (公示).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeText {
    /// Its length in days, at least 5; the day of posting is not counted.
    #[schemars(required, range(min = 5, max = 65535))]
    pub days: Option<i64>,
    /// Natural or working days.
    #[schemars(required)]
    pub counting: Option<Word<Counting>>,
    /// Whether a term that ends on a rest day moves on to the next working day.
    #[schemars(required)]
    pub rolls: Option<bool>,
    /// How many proofs of publication (公示照片) are needed before it may close.
    #[schemars(required, range(min = 1, max = 65535))]
    pub proofs_min: Option<i64>,
    /// Whether the amount stands on the notice.
    #[schemars(required)]
    pub shows_amount: Option<bool>,
    /// Whether the peril stands on the notice; a diagnosis never does.
    #[schemars(required)]
    pub shows_peril: Option<bool>,
    /// The hot line (监督电话) printed on it.
    #[schemars(required)]
    pub hot_line: Option<String>,
}

/// Deadlines (办理时限).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadlinesText {
    /// Days within which the refusal letter is due, at most 3 (保险法 24).
    #[schemars(required, range(min = 0, max = 3))]
    pub refusal_letter_days: Option<i64>,
    /// Days within which a refusal may be appealed against (申诉期限), 10 to 90 natural days from the
    /// delivery of its letter; a term that ends on a rest day moves on to the next working day.
    #[schemars(required, range(min = 10, max = 90))]
    pub appeal_days: Option<i64>,
    /// How long a claim may stay in a status; what is overdue is listed, nothing happens by itself.
    #[serde(default)]
    pub status: Vec<DeadlineText>,
}

/// How long a claim may stay in a status. VERIFYING and VERIFIED together: at most 30 days
/// (保险法 23); APPROVED: at most 10 days (保险法 23).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadlineText {
    /// The status.
    #[schemars(required)]
    pub status: Option<Word<Status>>,
    /// Days, counted from the day the status began.
    #[schemars(required, range(min = 1, max = 65535))]
    pub days: Option<i64>,
    /// Natural or working days.
    #[schemars(required)]
    pub counting: Option<Word<Counting>>,
    /// Whether a term that ends on a rest day moves on to the next working day; left out: no.
    #[serde(default)]
    pub rolls: bool,
}

/// Premium, pool and fee (保费、资金池、服务费).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolText {
    /// How many persons the premium is paid for.
    #[schemars(required, range(min = 0, max = 4_294_967_295_u32))]
    pub headcount: Option<i64>,
    /// What the headcount rests on: 2014年末农村人口的10%.
    #[schemars(required)]
    pub headcount_basis: Option<String>,
    /// Premium per head and year.
    #[schemars(required)]
    pub premium: Option<Yuan>,
    /// The insurer's fee as a share of what was paid out: "15%".
    #[schemars(required)]
    pub fee: Option<Percent>,
    /// What becomes of a surplus at the year's end (结余处理).
    #[schemars(required)]
    pub surplus: Option<Word<Surplus>>,
    /// Who makes up a shortage (超赔处理).
    #[schemars(required)]
    pub shortage: Option<Word<Shortage>>,
    /// In which order claims wait when the money does not suffice (待资金排队次序); left out: by the day their notice
    /// closed.
    pub queue_order: Option<Word<QueueOrder>>,
    /// The most that may be written off of one wrong payment (核销上限); left out: nothing.
    pub write_off_max: Option<Yuan>,
}

/// A peril (保障责任) with its own period, documents and tables.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PerilText {
    /// The peril.
    #[schemars(required)]
    pub peril: Option<Word<Peril>>,
    /// First day of its cover: the event must lie within.
    #[schemars(required)]
    pub covers_from: Option<DayText>,
    /// Last day of its cover.
    #[schemars(required)]
    pub covers_to: Option<DayText>,
    /// The documents it needs (所需材料).
    #[serde(default)]
    pub documents: Vec<DocumentText>,
    /// The benefit tables (赔付标准); the first that is for a household's group counts.
    #[schemars(required, length(min = 1))]
    pub tables: Option<Vec<TableText>>,
}

/// A kind of document (材料).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentText {
    /// The kind, as people name it: 医疗费用结算单.
    #[schemars(required)]
    pub kind: Option<String>,
    /// How many at least; left out: 1.
    #[schemars(range(min = 1, max = 65535))]
    pub count: Option<i64>,
    /// Who hands it in.
    #[schemars(required)]
    pub supplier: Option<Word<Supplier>>,
    /// The step that cannot end without it.
    #[schemars(required)]
    pub due: Option<Word<DueStep>>,
    /// Whether an advance (先行救助) needs it, and no other claim; left out: claims with bills need it.
    #[serde(default)]
    pub advance: bool,
}

/// A benefit table (赔付标准). The sum is found in this order: loss, less layers and deducted aid;
/// gate by the deductible; rule; accumulation over the year; one rounding; caps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TableText {
    /// The groups it is for; left out: everybody whom no earlier table names.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether it is for advances (先行救助): paid before there are bills, netted from what the event earns later. Its
    /// rule asks for no bills.
    #[serde(default)]
    pub advance: bool,
    /// A name of its own within the scheme, such as "illness-2020".
    #[schemars(required)]
    pub id: Option<String>,
    /// The clause (条款), word for word: a refusal letter quotes it.
    #[schemars(required)]
    pub clause: Option<String>,
    /// Where the figures come from.
    #[schemars(required)]
    pub source: Option<String>,
    /// The warning line (预警线): opens a check, never changes the sum.
    #[schemars(required)]
    pub warning_line: Option<Yuan>,
    /// The reimbursement layers (报销层) in order: a claim must state exactly these. Left out: any.
    #[serde(default)]
    pub layers: Vec<String>,
    /// Grants (助学金、补助): deducted from the loss, or ignored (when left out).
    pub grants: Option<Word<AidTreatment>>,
    /// Student loans (助学贷款): deducted from the loss, or ignored (when left out).
    pub loans: Option<Word<AidTreatment>>,
    /// The deductible (起付线): a loss up to it pays nothing. Left out: none.
    pub deductible: Option<Yuan>,
    /// A deductible as a part of the whole bill (占总费用的比例): "10%". The larger of the two rules.
    pub deductible_of_total: Option<Percent>,
    /// Over which losses the rule runs; left out: each event alone.
    pub accumulation: Option<Word<Accumulation>>,
    /// The one rounding, to the fen.
    #[schemars(required)]
    pub rounding: Option<Word<Rounding>>,
    /// The caps (封顶线), in order; [] where the plan sets none.
    #[schemars(required)]
    pub caps: Option<Vec<CapText>>,
    /// How the amount is found.
    #[schemars(required)]
    pub rule: Option<RuleText>,
}

/// A cap (封顶线).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CapText {
    /// What it counts.
    #[schemars(required)]
    pub scope: Option<Word<CapScope>>,
    /// The most that is paid within it.
    #[schemars(required)]
    pub limit: Option<Yuan>,
}

/// How the amount is found; `kind` says which.
///
/// In the file `kind` stands beside the other keys. For the reader it is moved in front of them
/// ([`super::lines::Lines::document`]): serde would otherwise lose the lines inside.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "kind")]
pub(super) enum RuleText {
    /// Rates in bands (分段按比例).
    Banded {
        /// What the rates apply to once the loss lies above the deductible.
        #[schemars(required)]
        base: Option<Word<BandBase>>,
        /// How the rates apply.
        #[schemars(required)]
        mode: Option<Word<BandMode>>,
        /// The bands, from 0 upwards without gap or overlap, the last one open.
        #[schemars(required, length(min = 1))]
        bands: Option<Vec<BandText>>,
    },
    /// One fixed sum (定额).
    Fixed {
        /// The sum.
        #[schemars(required)]
        amount: Option<Yuan>,
        /// Once for the event (when left out), or once for each person.
        per: Option<Word<Per>>,
    },
    /// A fixed sum by outcome, such as 本科 or 专科.
    FixedByOutcome {
        /// The sums.
        #[schemars(required, length(min = 1))]
        amounts: Option<Vec<OutcomeText>>,
    },
    /// A fixed sum by the number of persons: 1, 2, 3 and more.
    FixedByHeads {
        /// The sums, from 1 person upwards.
        #[schemars(required, length(min = 1))]
        amounts: Option<Vec<HeadsText>>,
    },
    /// A value per unit lost, such as a pig or a sheep.
    PerUnit {
        /// The values.
        #[schemars(required, length(min = 1))]
        values: Option<Vec<UnitText>>,
        /// The least loss that is paid (起赔额); left out: any.
        minimum: Option<Yuan>,
    },
    /// What the income per head lacks to a line, for each person (收入补差).
    IncomeGap {
        /// The line per head and year.
        #[schemars(required)]
        line: Option<Yuan>,
    },
    /// The source does not print the figures: sound to read, refused for payment.
    Unknown {
        /// What is missing.
        #[schemars(required)]
        missing: Option<String>,
    },
    /// A rule whose kind could not be read; told already.
    #[schemars(skip)]
    Unread {},
}

/// A band (分段): from its lower edge (含) to below its upper edge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BandText {
    /// Lower edge, which belongs to it.
    #[schemars(required)]
    pub from: Option<Yuan>,
    /// Upper edge, which belongs to the next band; left out for the last one.
    pub to: Option<Yuan>,
    /// The rate: "30%".
    #[schemars(required)]
    pub rate: Option<Percent>,
}

/// The sum of one outcome.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeText {
    /// The outcome: 本科.
    #[schemars(required)]
    pub outcome: Option<String>,
    /// What it pays.
    #[schemars(required)]
    pub amount: Option<Yuan>,
}

/// The sum from a number of persons upwards.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadsText {
    /// From this many persons upwards.
    #[schemars(required, range(min = 1, max = 65535))]
    pub heads: Option<i64>,
    /// What it pays.
    #[schemars(required)]
    pub amount: Option<Yuan>,
}

/// The value of one unit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitText {
    /// The unit: 猪.
    #[schemars(required)]
    pub unit: Option<String>,
    /// What one pays.
    #[schemars(required)]
    pub value: Option<Yuan>,
}

/// A whole number, or a text in quotes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a whole number or a text in quotes")]
pub(super) enum Written {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// An amount in yuan: 5000, or "5,000.50" in quotes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Yuan(pub Written);

/// An exact rate in quotes: "30%", "72.55%" or "0.3".
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(with = "String")]
pub(super) struct Percent(pub Written);

/// How many times: 2, or "1.5" in quotes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Multiplier(pub Written);

/// A share as a fraction in quotes: "2/3".
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(with = "String")]
pub(super) struct Share(pub Written);

/// A day: 2020-01-31, in quotes or not.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a day such as 2020-01-31")]
#[schemars(with = "String", extend("format" = "date"))]
pub(super) enum DayText {
    /// A TOML date.
    Date(toml::value::Datetime),
    /// A text.
    Text(String),
}

/// A word out of a closed list, as it was written.
#[derive(Debug, Clone)]
pub(super) struct Word<T> {
    /// The word.
    pub text: String,
    list: PhantomData<T>,
}

impl<'de, T> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(file: D) -> Result<Self, D::Error> {
        Ok(Self {
            text: String::deserialize(file)?,
            list: PhantomData,
        })
    }
}

impl<T: Listed> Word<T> {
    /// The value it stands for.
    pub fn value(&self) -> Option<T> {
        T::WORDS
            .iter()
            .find(|(word, _, _)| *word == self.text)
            .map(|(_, value, _)| *value)
    }
}

impl<T: Listed> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = T::WORDS
            .iter()
            .map(|(word, _, zh)| json_schema!({ "const": word, "description": zh }))
            .collect();
        json_schema!({ "type": "string", "oneOf": words })
    }
}

/// A closed list of words: its name in the reference; each word, its value, its Chinese.
pub(super) trait Listed: Copy + 'static {
    const NAME: &'static str;
    const WORDS: &'static [(&'static str, Self, &'static str)];
}

/// The words of a list that is coded already.
macro_rules! coded_words {
    ($($list:ident)+) => {$(
        impl Listed for $list {
            const NAME: &'static str = stringify!($list);
            const WORDS: &'static [(&'static str, Self, &'static str)] = {
                const COUNT: usize = $list::ALL.len();
                const WORDS: [(&str, $list, &str); COUNT] = {
                    let mut words = [("", $list::ALL[0], ""); COUNT];
                    let mut index = 0;
                    while index < COUNT {
                        let value = $list::ALL[index];
                        words[index] = (value.code(), value, value.zh());
                        index += 1;
                    }
                    words
                };
                &WORDS
            };
        }
    )+};
}

coded_words! {
    Peril Check Duty Status CommandKind NameCheckMeans Counting YearDate IncomeWindow VoteBase Supplier DueStep
    Surplus Shortage QueueOrder
}

macro_rules! words {
    ($($list:ident { $($word:literal $variant:ident $zh:literal,)+ })+) => {$(
        impl Listed for $list {
            const NAME: &'static str = stringify!($list);
            const WORDS: &'static [(&'static str, Self, &'static str)] =
                &[$(($word, Self::$variant, $zh),)+];
        }
    )+};
}

words! {
    AidTreatment {
        "deducted" Deducted "从损失中扣除",
        "ignored" Ignored "不扣除",
    }
    Accumulation {
        "event" Event "每次事故单独计算",
        "person_year" PersonYear "个人年度累计",
        "household_year" HouseholdYear "家庭年度累计",
    }
    BandBase {
        "excess_over_deductible" ExcessOverDeductible "超过起付线的部分",
        "whole_loss" WholeLoss "全额,起付线只作门槛",
    }
    BandMode {
        "progressive" Progressive "分段累进",
        "flat" Flat "全额套档",
    }
    CapScope {
        "event" Event "每次事故",
        "person_year" PersonYear "个人年度累计",
        "household_year" HouseholdYear "家庭年度累计",
    }
    Per {
        "event" Event "每次事故",
        "head" Head "每人",
    }
    Rounding {
        "half_up" HalfUp "四舍五入到分",
        "down" Down "分以下舍去",
    }
}

fn duty_map_schema(generator: &mut SchemaGenerator) -> Schema {
    let steps: Vec<&str> = CommandKind::WORDS
        .iter()
        .map(|(word, _, _)| *word)
        .collect();
    let duties = generator.subschema_for::<Vec<Word<Duty>>>();
    json_schema!({
        "type": "object",
        "propertyNames": { "enum": steps },
        "additionalProperties": duties,
        "default": {},
    })
}

/// The reference of the scheme file as JSON Schema, for editors.
pub fn schema() -> Schema {
    schemars::schema_for!(SchemeText)
}
