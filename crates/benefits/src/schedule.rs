//! The benefit schedule (赔付标准) of one peril, as scheme data.

use crate::{Fen, Rate};
use serde::{Deserialize, Serialize};

/// What a scheme pays for one peril. The steps follow one another and combine freely: what the
/// layers and the aid leave, the deductible as a gate, the rule, the accumulation over the year,
/// one rounding, the caps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// A stable id, such as `r1-illness-progressive`.
    pub id: String,
    /// The clause of the contract or notice that it states, as a refusal letter would quote it.
    pub clause: String,
    /// Where the figures come from.
    pub source: String,
    /// The warning line (预警线) in fen: opens a check, never changes the sum.
    pub warning_line: Fen,
    /// The reimbursement layers (报销层) by name, in order. Where declared, a loss states exactly
    /// these in this order, 0 for one that paid nothing. Empty: any layers, in any order.
    #[serde(default)]
    pub layers: Vec<String>,
    /// What becomes of grants (助学金、补助).
    #[serde(default)]
    pub grants: AidTreatment,
    /// What becomes of student loans (助学贷款).
    #[serde(default)]
    pub loans: AidTreatment,
    /// The deductible (起付线) in fen, for every rule. The loss must lie strictly above it; 0 is no
    /// gate.
    #[serde(default)]
    pub deductible: Fen,
    /// The deductible as a part of what was submitted (自付须超过总费用的比例), rounded up to the
    /// fen. The larger of it and `deductible` rules.
    #[serde(default)]
    pub deductible_of_total: Option<Rate>,
    /// Over which losses the rule runs.
    #[serde(default)]
    pub accumulation: Accumulation,
    /// How the amount is found.
    pub rule: Rule,
    /// The caps (封顶线), applied in this order; empty where the source sets none.
    pub caps: Vec<Cap>,
    /// The one rounding, at the end.
    pub rounding: Rounding,
}

impl Schedule {
    /// What the source does not print, where that keeps the schedule from paying.
    pub fn unknown(&self) -> Option<&str> {
        match &self.rule {
            Rule::Unknown { missing } => Some(missing),
            Rule::Banded { .. }
            | Rule::Fixed { .. }
            | Rule::FixedByOutcome { .. }
            | Rule::FixedByHeads { .. }
            | Rule::PerUnit { .. }
            | Rule::IncomeGap { .. } => None,
        }
    }

    /// Whether its rule runs on what bills come to.
    pub const fn asks_for_bills(&self) -> bool {
        match &self.rule {
            Rule::Banded { .. } | Rule::Unknown { .. } => true,
            Rule::Fixed { .. }
            | Rule::FixedByOutcome { .. }
            | Rule::FixedByHeads { .. }
            | Rule::PerUnit { .. }
            | Rule::IncomeGap { .. } => false,
        }
    }
}

/// What becomes of aid that the household received apart from the layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AidTreatment {
    /// It goes off what is eligible, down to nothing.
    Deducted,
    /// It changes nothing; it is only shown.
    #[default]
    Ignored,
}

/// Over which losses the rule runs (累计口径).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accumulation {
    /// Each event by itself (按次).
    #[default]
    Event,
    /// All eligible losses of the person in the policy year (个人年度累计): a loss earns what it
    /// adds to the table amount of the year.
    PersonYear,
    /// All eligible losses of the household in the policy year (家庭年度累计).
    HouseholdYear,
}

/// How the amount is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Rates in bands (分段按比例).
    Banded {
        /// What the bands are applied to.
        base: BandBase,
        /// How the bands are applied.
        mode: BandMode,
        /// The bands, from 0 upwards without gap or overlap, the last one open.
        bands: Vec<Band>,
    },
    /// One fixed sum (定额), whatever the loss.
    Fixed {
        /// The sum in fen.
        amount: Fen,
        /// For what it is paid once.
        #[serde(default)]
        per: Per,
    },
    /// A fixed sum per outcome, such as 本科 or 专科.
    FixedByOutcome {
        /// The sums.
        amounts: Vec<OutcomeAmount>,
    },
    /// A fixed sum by the number of persons, such as 1, 2, 3 and more.
    FixedByHeads {
        /// The sums, from 1 person upwards.
        amounts: Vec<HeadAmount>,
    },
    /// A value per unit lost, such as a pig or a sheep.
    PerUnit {
        /// The values.
        values: Vec<UnitValue>,
        /// The least sum (起赔额) in fen that is paid; below it nothing is.
        minimum: Fen,
    },
    /// What the income per head lacks to a line, for every head (收入补差).
    IncomeGap {
        /// The line in fen per head and year.
        line: Fen,
    },
    /// The source does not print the rule. Sound to read, refused for payment.
    Unknown {
        /// What is missing.
        missing: String,
    },
}

/// For what a fixed sum is paid once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// The event (每次).
    #[default]
    Event,
    /// Each person (每人).
    Head,
}

/// What the bands are applied to once the loss exceeds the deductible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandBase {
    /// The part above the deductible (超过起付线的部分).
    ExcessOverDeductible,
    /// The whole loss (全额); the deductible is only a gate, as Wei county paid in 2018.
    WholeLoss,
}

/// How the bands are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandMode {
    /// Each slice at the rate of its own band (分段累进).
    Progressive,
    /// The whole base at the rate of the band it falls in (全额套档). It has cliffs: one fen more
    /// of loss can pay thousands more.
    Flat,
}

/// A band (分段), half open: from `from` (含) to below `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Its lower edge, which belongs to it.
    pub from: Fen,
    /// Its upper edge, which belongs to the next band; `None` for the last one.
    pub to: Option<Fen>,
    /// Its rate.
    pub rate: Rate,
}

/// The sum of one outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeAmount {
    /// The outcome, in the words of the scheme.
    pub outcome: String,
    /// What it pays.
    pub amount: Fen,
}

/// The sum from a number of persons upwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadAmount {
    /// From this many persons upwards.
    pub heads: u16,
    /// What it pays, in fen.
    pub amount: Fen,
}

/// The value of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitValue {
    /// The unit, in the words of the scheme: 猪, 羊.
    pub unit: String,
    /// What one pays, in fen.
    pub value: Fen,
}

/// A cap (封顶线).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// What it counts.
    pub scope: CapScope,
    /// The most that may be paid within it.
    pub limit: Fen,
}

/// What a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapScope {
    /// This event alone (每次事故).
    Event,
    /// All benefits of the person in the policy year (个人年度累计).
    PersonYear,
    /// All benefits of the household in the policy year (家庭年度累计).
    HouseholdYear,
}

impl CapScope {
    /// Its Chinese name, as on the calculation sheet.
    pub const fn label_zh(self) -> &'static str {
        match self {
            Self::Event => "每次事故",
            Self::PersonYear => "个人年度累计",
            Self::HouseholdYear => "家庭年度累计",
        }
    }

    /// Its English name.
    pub const fn label_en(self) -> &'static str {
        match self {
            Self::Event => "this event",
            Self::PersonYear => "person, policy year",
            Self::HouseholdYear => "household, policy year",
        }
    }
}

/// The one rounding: applied once, to the exact sum of all slices, to whole fen. Where losses
/// accumulate it is applied to the sum of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Half a fen goes up (四舍五入).
    HalfUp,
    /// Less than a fen is dropped (舍去).
    Down,
}

impl Rounding {
    /// Its Chinese name, as on the calculation sheet.
    pub const fn label_zh(self) -> &'static str {
        match self {
            Self::HalfUp => "四舍五入到分",
            Self::Down => "分以下舍去",
        }
    }

    /// Its English name.
    pub const fn label_en(self) -> &'static str {
        match self {
            Self::HalfUp => "rounded half up to the fen",
            Self::Down => "rounded down to the fen",
        }
    }
}
