//! The assessment (理算): from a loss to a benefit, with every step kept.

use crate::{
    Band, BandBase, BandMode, CapScope, Fen, Rate, Rounding, Rule, Schedule, ScheduleFault,
};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;

/// Exact intermediate sums are fen times basis points, that is units of 1/10 000 fen.
const UNITS_PER_FEN: i64 = 10_000;

/// A verified loss: what was submitted and what others have already paid of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// What the bills or receipts come to (申报金额).
    pub submitted: Fen,
    /// What was paid before us, in order: 基本医保, 大病保险, 医疗救助, 商业补充; for schooling the
    /// grants against the fees.
    pub layers: Vec<Layer>,
    /// The outcome, such as 本科, for a rule by outcome; other rules do not look at it.
    pub outcome: Option<String>,
}

/// One reimbursement layer (报销层).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// What it paid.
    pub paid: Fen,
}

/// What has already been paid or reserved in the policy year (年度累计), before this loss.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTotals {
    /// For the person.
    pub person_year: Fen,
    /// For the whole household.
    pub household_year: Fen,
}

/// How the amount was found: the reading of the rule, for the calculation sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Method {
    /// Rates in bands.
    Banded {
        /// What the bands were applied to.
        base: BandBase,
        /// How they were applied.
        mode: BandMode,
    },
    /// One fixed sum.
    Fixed,
    /// The fixed sum of an outcome.
    FixedByOutcome {
        /// The outcome.
        outcome: String,
    },
}

/// A benefit with its whole derivation. Amounts are never negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The schedule it follows.
    pub schedule_id: String,
    /// The clause it rests on.
    pub clause: String,
    /// Where the schedule's figures come from.
    pub source: String,
    /// How the amount was found.
    pub method: Method,
    /// What was submitted (申报金额).
    pub submitted: Fen,
    /// What the layers paid.
    pub layers: Vec<Layer>,
    /// What is left to the household (合规自付): submitted less all layers.
    pub eligible: Fen,
    /// The warning line (预警线).
    pub warning_line: Fen,
    /// Whether `eligible` lies strictly above it. It has no part in the sum.
    pub over_warning_line: bool,
    /// The deductible (起付线); zero for fixed sums.
    pub deductible: Fen,
    /// What the bands were applied to; zero at or below the deductible and for fixed sums.
    pub base: Fen,
    /// The slices of the base; their amounts sum to it.
    pub slices: Vec<Slice>,
    /// The rounding that was applied once.
    pub rounding: Rounding,
    /// What the table gives (理算金额), after the single rounding and before any cap.
    pub table_amount: Fen,
    /// The caps, in order.
    pub caps: Vec<CapStep>,
    /// The benefit (赔付金额).
    pub benefit: Fen,
}

/// The part of the base to which one rate applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Lower edge of its band, which belongs to it.
    pub from: Fen,
    /// Upper edge of its band, which does not; `None` for the last.
    pub to: Option<Fen>,
    /// The rate.
    pub rate: Rate,
    /// The part of the base; in flat mode the whole base.
    pub amount: Fen,
    /// `amount` times the basis points of `rate`, in 1/10 000 fen; not rounded.
    pub exact_units: i64,
}

/// One cap as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapStep {
    /// What it counts.
    pub scope: CapScope,
    /// Its limit.
    pub limit: Fen,
    /// What was used of it before.
    pub used: Fen,
    /// What was left of it, never below zero.
    pub remaining: Fen,
    /// The amount before this cap.
    pub before: Fen,
    /// The amount after it.
    pub after: Fen,
}

/// One line of the calculation sheet (理算书).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What the line is, in Chinese.
    pub label_zh: String,
    /// The same in English.
    pub label_en: String,
    /// How its amount comes about, such as `5,000.00 × 30 %`; yuan.
    pub working: String,
    /// Its amount. A slice can end in parts of a fen: they stand in `working`, are cut off here,
    /// and are not lost, because only the sum is rounded.
    pub amount: Fen,
}

/// Computes the benefit for `loss` under `schedule`, given what was `used` of the caps before.
///
/// A loss at or below the deductible is a benefit of zero, not a fault. With a banded rule the
/// benefit never exceeds `eligible`; a fixed sum does not depend on it.
pub fn assess(
    schedule: &Schedule,
    loss: &Loss,
    used: &RunningTotals,
) -> Result<Assessment, AssessFault> {
    let faults = schedule.check();
    if !faults.is_empty() {
        return Err(AssessFault::UnsoundSchedule { faults });
    }
    not_negative("person_year", used.person_year)?;
    not_negative("household_year", used.household_year)?;
    let eligible = eligible(loss)?;
    let table = apply_rule(
        &schedule.rule,
        schedule.rounding,
        eligible,
        loss.outcome.as_deref(),
    )?;
    let (caps, benefit) = apply_caps(schedule, table.amount, used);
    Ok(Assessment {
        schedule_id: schedule.id.clone(),
        clause: schedule.clause.clone(),
        source: schedule.source.clone(),
        method: table.method,
        submitted: loss.submitted,
        layers: loss.layers.clone(),
        eligible,
        warning_line: schedule.warning_line,
        over_warning_line: eligible > schedule.warning_line,
        deductible: table.deductible,
        base: table.base,
        slices: table.slices,
        rounding: schedule.rounding,
        table_amount: table.amount,
        caps,
        benefit,
    })
}

fn not_negative(field: &str, amount: Fen) -> Result<(), AssessFault> {
    if amount.is_negative() {
        return Err(AssessFault::NegativeAmount {
            field: field.to_owned(),
            amount,
        });
    }
    Ok(())
}

fn eligible(loss: &Loss) -> Result<Fen, AssessFault> {
    not_negative("submitted", loss.submitted)?;
    let mut layers = Fen::ZERO;
    for Layer { name, paid } in &loss.layers {
        not_negative(name, *paid)?;
        layers = layers.checked_add(*paid).ok_or(AssessFault::Overflow)?;
    }
    if layers > loss.submitted {
        return Err(AssessFault::LayersExceedSubmitted {
            submitted: loss.submitted,
            layers,
        });
    }
    loss.submitted
        .checked_sub(layers)
        .ok_or(AssessFault::Overflow)
}

/// What a rule gives before any cap.
struct Table {
    method: Method,
    deductible: Fen,
    base: Fen,
    slices: Vec<Slice>,
    amount: Fen,
}

impl Table {
    fn fixed(method: Method, amount: Fen) -> Self {
        Self {
            method,
            deductible: Fen::ZERO,
            base: Fen::ZERO,
            slices: Vec::new(),
            amount,
        }
    }
}

fn apply_rule(
    rule: &Rule,
    rounding: Rounding,
    eligible: Fen,
    outcome: Option<&str>,
) -> Result<Table, AssessFault> {
    match rule {
        Rule::Banded {
            deductible,
            base: reading,
            mode,
            bands,
        } => {
            // Strictly above, in both readings: at the line there is no excess to pay for.
            let (base, slices) = if eligible > *deductible {
                let base = match reading {
                    BandBase::ExcessOverDeductible => eligible.saturating_sub_to_zero(*deductible),
                    BandBase::WholeLoss => eligible,
                };
                let slices = match mode {
                    BandMode::Progressive => progressive(bands, base)?,
                    BandMode::Flat => vec![flat(bands, base)?],
                };
                (base, slices)
            } else {
                (Fen::ZERO, Vec::new())
            };
            let amount = round(&slices, rounding)?;
            let method = Method::Banded {
                base: *reading,
                mode: *mode,
            };
            Ok(Table {
                method,
                deductible: *deductible,
                base,
                slices,
                amount,
            })
        }
        Rule::Fixed { amount } => Ok(Table::fixed(Method::Fixed, *amount)),
        Rule::FixedByOutcome { amounts } => {
            let outcome = outcome.ok_or(AssessFault::NoOutcome)?;
            let found = amounts.iter().find(|entry| entry.outcome == outcome);
            let outcome = outcome.to_owned();
            match found {
                Some(entry) => Ok(Table::fixed(
                    Method::FixedByOutcome { outcome },
                    entry.amount,
                )),
                None => Err(AssessFault::UnknownOutcome { outcome }),
            }
        }
    }
}

fn progressive(bands: &[Band], base: Fen) -> Result<Vec<Slice>, AssessFault> {
    bands
        .iter()
        .filter(|band| band.from < base)
        .map(|band| {
            let end = band.to.map_or(base, |to| to.min(base));
            slice(band, end.saturating_sub_to_zero(band.from))
        })
        .collect()
}

fn flat(bands: &[Band], base: Fen) -> Result<Slice, AssessFault> {
    bands
        .iter()
        .find(|band| band.from <= base && band.to.is_none_or(|to| base < to))
        .ok_or(AssessFault::NoBand { base })
        .and_then(|band| slice(band, base))
}

fn slice(band: &Band, amount: Fen) -> Result<Slice, AssessFault> {
    let exact_units = amount
        .get()
        .checked_mul(i64::from(band.rate.basis_points()))
        .ok_or(AssessFault::Overflow)?;
    Ok(Slice {
        from: band.from,
        to: band.to,
        rate: band.rate,
        amount,
        exact_units,
    })
}

/// The one rounding.
fn round(slices: &[Slice], rounding: Rounding) -> Result<Fen, AssessFault> {
    let units: i128 = slices
        .iter()
        .map(|slice| i128::from(slice.exact_units))
        .sum();
    let per_fen = i128::from(UNITS_PER_FEN);
    let fen = match rounding {
        Rounding::HalfUp => (units + per_fen / 2) / per_fen,
        Rounding::Down => units / per_fen,
    };
    i64::try_from(fen)
        .map(Fen::new)
        .map_err(|_| AssessFault::Overflow)
}

fn apply_caps(schedule: &Schedule, amount: Fen, used: &RunningTotals) -> (Vec<CapStep>, Fen) {
    let mut after = amount;
    let mut steps = Vec::with_capacity(schedule.caps.len());
    for cap in &schedule.caps {
        let used = match cap.scope {
            CapScope::Event => Fen::ZERO,
            CapScope::PersonYear => used.person_year,
            CapScope::HouseholdYear => used.household_year,
        };
        let remaining = cap.limit.saturating_sub_to_zero(used);
        let before = after;
        after = before.min(remaining);
        steps.push(CapStep {
            scope: cap.scope,
            limit: cap.limit,
            used,
            remaining,
            before,
            after,
        });
    }
    (steps, after)
}

impl Assessment {
    /// The whole derivation, line by line, ending with the benefit.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = vec![step("申报金额", "Submitted", &self.clause, self.submitted)];
        let mut left = self.submitted.to_string();
        for Layer { name, paid } in &self.layers {
            left = format!("{left} − {paid}");
            let zh = format!("已由{name}支付");
            steps.push(step(
                &zh,
                &format!("Paid by {name}"),
                &paid.to_string(),
                *paid,
            ));
        }
        steps.push(step("合规自付", "Eligible", &left, self.eligible));
        let line = self.warning_line;
        let sign = if self.over_warning_line { '>' } else { '≤' };
        steps.push(step(
            "预警线（只启动核查，不影响金额）",
            "Warning line (opens a check, never changes the sum)",
            &format!("{} {sign} {line}", self.eligible),
            line,
        ));
        self.table_steps(&mut steps);
        for cap in &self.caps {
            steps.push(step(
                &format!("封顶线：{}", cap.scope.label_zh()),
                &format!("Cap: {}", cap.scope.label_en()),
                &format!("min({}, {} − {})", cap.before, cap.limit, cap.used),
                cap.after,
            ));
        }
        let benefit = self.benefit.to_string();
        steps.push(step("赔付金额", "Benefit", &benefit, self.benefit));
        steps
    }

    fn table_steps(&self, steps: &mut Vec<Step>) {
        match &self.method {
            Method::Banded { base, mode } => {
                steps.push(self.base_step(*base));
                steps.extend(self.slices.iter().map(|slice| slice.step(*mode)));
                let (mode_zh, mode_en) = match mode {
                    BandMode::Progressive => ("分段累进", "progressive"),
                    BandMode::Flat => ("全额套档", "flat"),
                };
                let sum = self
                    .slices
                    .iter()
                    .map(Slice::exact)
                    .collect::<Vec<_>>()
                    .join(" + ");
                let sum = if sum.is_empty() {
                    Fen::ZERO.to_string()
                } else {
                    sum
                };
                let (zh, en) = (self.rounding.label_zh(), self.rounding.label_en());
                steps.push(step(
                    &format!("理算金额（{mode_zh}；{zh}，仅此一次）"),
                    &format!("Table amount ({mode_en}; {en}, once)"),
                    &sum,
                    self.table_amount,
                ));
            }
            Method::Fixed => {
                let sum = self.table_amount.to_string();
                steps.push(step("定额", "Fixed amount", &sum, self.table_amount));
            }
            Method::FixedByOutcome { outcome } => {
                let sum = self.table_amount.to_string();
                let (zh, en) = (
                    format!("定额：{outcome}"),
                    format!("Fixed amount: {outcome}"),
                );
                steps.push(step(&zh, &en, &sum, self.table_amount));
            }
        }
    }

    fn base_step(&self, base: BandBase) -> Step {
        let (eligible, deductible) = (self.eligible, self.deductible);
        if eligible <= deductible {
            let working = format!("{eligible} ≤ {deductible}");
            return step(
                "未超过起付线",
                "Not above the deductible",
                &working,
                self.base,
            );
        }
        match base {
            BandBase::ExcessOverDeductible => step(
                "超过起付线的部分",
                "Excess over the deductible",
                &format!("{eligible} − {deductible}"),
                self.base,
            ),
            BandBase::WholeLoss => step(
                "超过起付线，按全额计算",
                "Above the deductible: the whole loss counts",
                &format!("{eligible} > {deductible}"),
                self.base,
            ),
        }
    }
}

impl Slice {
    fn step(&self, mode: BandMode) -> Step {
        let exact = self.exact();
        let cut = Fen::new(self.exact_units / UNITS_PER_FEN);
        let product = format!("{} × {}", self.amount, self.rate);
        let working = if exact == cut.to_string() {
            product
        } else {
            format!("{product} = {exact}")
        };
        let (zh, en) = match mode {
            BandMode::Progressive => ("分段", "Slice"),
            BandMode::Flat => ("所在档", "Band"),
        };
        let from = self.from;
        match self.to {
            Some(to) => step(
                &format!("{zh} {from}（含）至 {to}"),
                &format!("{en} from {from} to below {to}"),
                &working,
                cut,
            ),
            None => step(
                &format!("{zh} {from}（含）以上"),
                &format!("{en} from {from} upwards"),
                &working,
                cut,
            ),
        }
    }

    /// The exact amount in yuan, with as many decimals beyond the fen as it has.
    fn exact(&self) -> String {
        let whole = Fen::new(self.exact_units / UNITS_PER_FEN).to_string();
        let rest = format!("{:04}", self.exact_units % UNITS_PER_FEN);
        format!("{whole}{}", rest.trim_end_matches('0'))
    }
}

fn step(label_zh: &str, label_en: &str, working: &str, amount: Fen) -> Step {
    Step {
        label_zh: label_zh.to_owned(),
        label_en: label_en.to_owned(),
        working: working.to_owned(),
        amount,
    }
}

/// Why nothing could be computed. Never the reason for a benefit of zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AssessFault {
    /// An amount below zero.
    NegativeAmount {
        /// Which: `submitted`, a layer's name, `person_year` or `household_year`.
        field: String,
        /// What it says.
        amount: Fen,
    },
    /// The layers paid more than was submitted.
    LayersExceedSubmitted {
        /// What was submitted.
        submitted: Fen,
        /// What the layers come to.
        layers: Fen,
    },
    /// An amount beyond what can be computed exactly, about nine trillion yuan.
    Overflow,
    /// The rule pays by outcome and none is given.
    NoOutcome,
    /// The rule does not know the outcome.
    UnknownOutcome {
        /// The outcome.
        outcome: String,
    },
    /// No band holds the base. A sound schedule has one for every amount.
    NoBand {
        /// The base.
        base: Fen,
    },
    /// The schedule itself is at fault.
    UnsoundSchedule {
        /// Its faults.
        faults: Vec<ScheduleFault>,
    },
}

impl fmt::Display for AssessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NegativeAmount { field, amount } => write!(f, "{field} is negative: {amount}"),
            Self::LayersExceedSubmitted { submitted, layers } => {
                write!(
                    f,
                    "the layers paid {layers}, more than the {submitted} submitted"
                )
            }
            Self::Overflow => f.write_str("the amounts are too large to compute exactly"),
            Self::NoOutcome => f.write_str("the schedule pays by outcome, and none is given"),
            Self::UnknownOutcome { outcome } => {
                write!(
                    f,
                    "the schedule has no amount for the outcome \"{outcome}\""
                )
            }
            Self::NoBand { base } => write!(f, "no band holds {base}"),
            Self::UnsoundSchedule { faults } => {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                write!(f, "the schedule is not sound: {}", faults.join("; "))
            }
        }
    }
}

impl Error for AssessFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cap, OutcomeAmount};

    fn yuan(text: &str) -> Fen {
        Fen::parse_yuan(text).expect("an amount in yuan")
    }

    fn band(from: i64, to: Option<i64>, basis_points: u32) -> Band {
        Band {
            from: Fen::from_yuan(from),
            to: to.map(Fen::from_yuan),
            rate: Rate::from_basis_points(basis_points).expect("a rate"),
        }
    }

    /// R1 illness of `domain.md` 2.1 in the given reading.
    fn r1(base: BandBase, mode: BandMode) -> Schedule {
        Schedule {
            id: "r1-illness".into(),
            clause: "因病".into(),
            source: "U-TABLE".into(),
            warning_line: yuan("5000"),
            rule: Rule::Banded {
                deductible: yuan("5000"),
                base,
                mode,
                bands: vec![
                    band(0, Some(5_000), 3_000),
                    band(5_000, Some(15_000), 5_000),
                    band(15_000, Some(35_000), 7_000),
                    band(35_000, None, 9_000),
                ],
            },
            caps: vec![Cap {
                scope: CapScope::PersonYear,
                limit: yuan("200000"),
            }],
            rounding: Rounding::HalfUp,
        }
    }

    fn with(schedule: Schedule, rule: Rule) -> Schedule {
        Schedule {
            rule,
            caps: vec![],
            ..schedule
        }
    }

    fn progressive() -> Schedule {
        r1(BandBase::ExcessOverDeductible, BandMode::Progressive)
    }

    fn flat() -> Schedule {
        r1(BandBase::ExcessOverDeductible, BandMode::Flat)
    }

    fn loss(submitted: &str) -> Loss {
        Loss {
            submitted: yuan(submitted),
            layers: vec![],
            outcome: None,
        }
    }

    fn layer(name: &str, paid: &str) -> Layer {
        Layer {
            name: name.into(),
            paid: yuan(paid),
        }
    }

    fn benefit(schedule: &Schedule, loss: &Loss) -> Result<String, AssessFault> {
        assess(schedule, loss, &RunningTotals::default()).map(|done| done.benefit.to_string())
    }

    /// The vectors of `domain.md` 2.4: excess, progressive, flat. Flat puts an excess of exactly
    /// 5,000 into the band 5,000 (含) to below 15,000.
    #[test]
    fn the_vectors_of_both_readings() {
        for (eligible, by_slice, by_band) in [
            ("9999", "1,499.70", "1,499.70"),
            ("10000", "1,500.00", "2,500.00"),
            ("19999", "6,499.50", "7,499.50"),
            ("20000", "6,500.00", "10,500.00"),
            ("40000", "20,500.00", "31,500.00"),
        ] {
            assert_eq!(
                benefit(&progressive(), &loss(eligible)),
                Ok(by_slice.into()),
                "{eligible}"
            );
            assert_eq!(
                benefit(&flat(), &loss(eligible)),
                Ok(by_band.into()),
                "{eligible}"
            );
        }
    }

    #[test]
    fn the_loss_must_lie_strictly_above_the_deductible() {
        // One fen above: 0.3 fen of the excess; half a fen in the band of 50 % of the whole loss.
        for (base, one_fen_above) in [
            (BandBase::ExcessOverDeductible, "0.00"),
            (BandBase::WholeLoss, "1,500.01"),
        ] {
            let schedule = r1(base, BandMode::Progressive);
            assert_eq!(benefit(&schedule, &loss("4999.99")), Ok("0.00".into()));
            assert_eq!(benefit(&schedule, &loss("5000")), Ok("0.00".into()));
            assert_eq!(
                benefit(&schedule, &loss("5000.01")),
                Ok(one_fen_above.into())
            );
        }
    }

    #[test]
    fn the_rounding_is_stated_and_applied_once() {
        // Two slices of half a fen each: together one fen, not two and not none.
        let half = |from, to| Band {
            from: Fen::new(from),
            to,
            ..band(0, None, 5_000)
        };
        let rule = Rule::Banded {
            deductible: Fen::ZERO,
            base: BandBase::ExcessOverDeductible,
            mode: BandMode::Progressive,
            bands: vec![half(0, Some(Fen::new(1))), half(1, None)],
        };
        for (rounding, two_halves, one_half) in [
            (Rounding::HalfUp, "0.01", "0.01"),
            (Rounding::Down, "0.01", "0.00"),
        ] {
            let schedule = Schedule {
                rounding,
                ..with(progressive(), rule.clone())
            };
            assert_eq!(benefit(&schedule, &loss("0.02")), Ok(two_halves.into()));
            assert_eq!(benefit(&schedule, &loss("0.01")), Ok(one_half.into()));
        }
    }

    #[test]
    fn fixed_sums() {
        let fixed = with(
            progressive(),
            Rule::Fixed {
                amount: yuan("4000"),
            },
        );
        assert_eq!(benefit(&fixed, &loss("0")), Ok("4,000.00".into()));
        let amount = |outcome: &str, sum| OutcomeAmount {
            outcome: outcome.into(),
            amount: yuan(sum),
        };
        let amounts = vec![amount("本科", "2000"), amount("专科", "1000")];
        let admission = with(progressive(), Rule::FixedByOutcome { amounts });
        let of = |outcome: Option<&str>| Loss {
            outcome: outcome.map(Into::into),
            ..loss("0")
        };
        assert_eq!(
            benefit(&admission, &of(Some("专科"))),
            Ok("1,000.00".into())
        );
        assert_eq!(benefit(&admission, &of(None)), Err(AssessFault::NoOutcome));
        assert_eq!(
            benefit(&admission, &of(Some("高中"))),
            Err(AssessFault::UnknownOutcome {
                outcome: "高中".into()
            })
        );
    }

    #[test]
    fn each_cap_counts_its_own_total() {
        let mut schedule = flat();
        schedule.caps = vec![
            Cap {
                scope: CapScope::Event,
                limit: yuan("30000"),
            },
            Cap {
                scope: CapScope::PersonYear,
                limit: yuan("50000"),
            },
            Cap {
                scope: CapScope::HouseholdYear,
                limit: yuan("60000"),
            },
        ];
        let used = RunningTotals {
            person_year: yuan("25000"),
            household_year: yuan("59000"),
        };
        let done = assess(&schedule, &loss("40000"), &used).expect("assessed");
        let after: Vec<String> = done.caps.iter().map(|cap| cap.after.to_string()).collect();
        assert_eq!(after, ["30,000.00", "25,000.00", "1,000.00"]);
        assert_eq!(done.benefit, yuan("1000"));
        // A total above the limit, as after a lowered cap, leaves nothing; it is no fault.
        let used = RunningTotals {
            household_year: yuan("70000"),
            ..RunningTotals::default()
        };
        let done = assess(&schedule, &loss("40000"), &used).expect("assessed");
        assert_eq!(done.benefit, Fen::ZERO);
    }

    #[test]
    fn what_cannot_be_computed_is_a_fault() {
        let negative = |field: &str| {
            Err(AssessFault::NegativeAmount {
                field: field.into(),
                amount: Fen::new(-1),
            })
        };
        let minus = Fen::new(-1);
        let mut bad = loss("0");
        bad.submitted = minus;
        assert_eq!(benefit(&flat(), &bad), negative("submitted"));
        let mut bad = loss("10");
        bad.layers = vec![Layer {
            name: "医疗救助".into(),
            paid: minus,
        }];
        assert_eq!(benefit(&flat(), &bad), negative("医疗救助"));
        let used = RunningTotals {
            person_year: minus,
            ..RunningTotals::default()
        };
        let got = assess(&flat(), &loss("1"), &used).map(|done| done.benefit.to_string());
        assert_eq!(got, negative("person_year"));
        let mut bad = loss("10");
        bad.layers = vec![layer("基本医保", "6"), layer("大病保险", "4.01")];
        assert_eq!(
            benefit(&flat(), &bad),
            Err(AssessFault::LayersExceedSubmitted {
                submitted: yuan("10"),
                layers: yuan("10.01")
            })
        );
        let most = Loss {
            submitted: Fen::new(i64::MAX),
            layers: vec![],
            outcome: None,
        };
        assert_eq!(benefit(&flat(), &most), Err(AssessFault::Overflow));
        let unsound = with(flat(), Rule::FixedByOutcome { amounts: vec![] });
        assert_eq!(
            benefit(&unsound, &loss("1")),
            Err(AssessFault::UnsoundSchedule {
                faults: vec![ScheduleFault::NoOutcomes]
            })
        );
    }

    #[test]
    fn the_warning_line_opens_a_check_and_never_changes_the_sum() {
        let mut high = progressive();
        high.warning_line = yuan("18000");
        let done = |text| assess(&high, &loss(text), &RunningTotals::default()).expect("assessed");
        assert!(!done("18000").over_warning_line);
        assert!(done("18000.01").over_warning_line);
        assert_eq!(
            benefit(&high, &loss("10000")),
            benefit(&progressive(), &loss("10000"))
        );
    }

    #[test]
    fn a_person_can_follow_the_derivation() {
        let loss = Loss {
            layers: vec![layer("基本医保", "12,000"), layer("大病保险", "3,000")],
            ..loss("25,000.01")
        };
        let used = RunningTotals {
            person_year: yuan("199,000"),
            ..RunningTotals::default()
        };
        let done = assess(&progressive(), &loss, &used).expect("assessed");
        let lines: Vec<String> = done
            .steps()
            .iter()
            .map(|step| format!("{} | {} | {}", step.label_en, step.working, step.amount))
            .collect();
        assert_eq!(
            lines,
            [
                "Submitted | 因病 | 25,000.01",
                "Paid by 基本医保 | 12,000.00 | 12,000.00",
                "Paid by 大病保险 | 3,000.00 | 3,000.00",
                "Eligible | 25,000.01 − 12,000.00 − 3,000.00 | 10,000.01",
                "Warning line (opens a check, never changes the sum) | 10,000.01 > 5,000.00 | 5,000.00",
                "Excess over the deductible | 10,000.01 − 5,000.00 | 5,000.01",
                "Slice from 0.00 to below 5,000.00 | 5,000.00 × 30 % | 1,500.00",
                "Slice from 5,000.00 to below 15,000.00 | 0.01 × 50 % = 0.005 | 0.00",
                "Table amount (progressive; rounded half up to the fen, once) \
                 | 1,500.00 + 0.005 | 1,500.01",
                "Cap: person, policy year | min(1,500.01, 200,000.00 − 199,000.00) | 1,000.00",
                "Benefit | 1,000.00 | 1,000.00",
            ]
        );
        let zh: Vec<String> = done.steps().into_iter().map(|step| step.label_zh).collect();
        assert_eq!(zh[6], "分段 0.00（含）至 5,000.00");
        assert_eq!(zh[8], "理算金额（分段累进；四舍五入到分，仅此一次）");
        assert_eq!(zh[10], "赔付金额");
    }
}
