//! The assessment (理算): from a loss to a benefit, with every step kept.

use crate::{
    Accumulation, AidTreatment, Band, BandBase, BandMode, CapScope, EventTotals, Fen, HeadAmount,
    Layer, Loss, OutcomeAmount, Per, Rate, Rounding, Rule, RunningTotals, Schedule, ScheduleFault,
    UnitCount, UnitValue,
};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;

/// Exact intermediate sums are fen times basis points, that is units of 1/10 000 fen.
pub(crate) const UNITS_PER_FEN: i64 = 10_000;

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
    Fixed {
        /// The sum in fen, for one event or one head.
        amount: Fen,
        /// For what it was paid once.
        per: Per,
        /// For how many: 1 event, or the number of persons.
        times: u16,
    },
    /// The fixed sum of an outcome.
    FixedByOutcome {
        /// The outcome.
        outcome: String,
        /// Its sum in fen.
        amount: Fen,
    },
    /// The fixed sum of a number of persons.
    FixedByHeads {
        /// How many persons there are.
        heads: u16,
        /// From how many persons upwards the sum holds.
        from: u16,
        /// The sum in fen.
        amount: Fen,
    },
    /// A value per unit lost.
    PerUnit {
        /// What was lost.
        lines: Vec<UnitLine>,
        /// What the lines come to, in fen.
        sum: Fen,
        /// The least sum that is paid, in fen.
        minimum: Fen,
    },
    /// What the income per head lacks to a line, for every head.
    IncomeGap {
        /// The line in fen per head.
        line: Fen,
        /// The income in fen per head.
        income_per_head: Fen,
        /// What lacks, in fen per head; never below zero.
        gap: Fen,
        /// How many persons there are.
        heads: u16,
    },
}

/// One kind of unit lost, with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitLine {
    /// The unit, in the words of the scheme.
    pub unit: String,
    /// How many.
    pub count: u32,
    /// What one pays, in fen.
    pub value: Fen,
    /// What they pay together, in fen.
    pub amount: Fen,
}

/// A benefit with its whole derivation. Amounts are never negative.
///
/// With the schedule of `schedule_id`, [`assess`] of `loss` and `used` gives the same again.
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
    /// The loss, as it was handed in.
    pub loss: Loss,
    /// What the policy year held before, as it was handed in.
    pub used: RunningTotals,
    /// What became of the grants.
    pub grants: AidTreatment,
    /// What became of the loans.
    pub loans: AidTreatment,
    /// What is left to the household (合规自付), in fen: submitted less all layers and deducted aid.
    pub eligible: Fen,
    /// The warning line (预警线), in fen.
    pub warning_line: Fen,
    /// Whether `eligible` lies strictly above it. It has no part in the sum.
    pub over_warning_line: bool,
    /// The deductible as the schedule states it, in fen.
    pub stated_deductible: Fen,
    /// The deductible as a part of what was submitted, if the schedule has one.
    pub deductible_of_total: Option<Rate>,
    /// The deductible (起付线) that ruled, the larger of the two, in fen; 0 is no gate.
    pub deductible: Fen,
    /// Over which losses the rule ran.
    pub accumulation: Accumulation,
    /// The eligible losses before this one that it adds to, in fen: of the year, or, where each event stands alone,
    /// of earlier claims of the same event.
    pub prior_loss: Fen,
    /// What the bands were applied to, in fen: of this event, or of the year with this loss. Zero at
    /// or below the deductible and for rules without bands.
    pub base: Fen,
    /// The slices of the base; their amounts sum to it.
    pub slices: Vec<Slice>,
    /// The rounding that was applied once.
    pub rounding: Rounding,
    /// The table amount of the prior losses with this one, rounded, in fen.
    pub year_amount: Fen,
    /// The table amount of the prior losses alone, rounded, in fen.
    pub prior_amount: Fen,
    /// What the rule gives (理算金额) for this loss, in fen: `year_amount` less `prior_amount`, before
    /// any cap.
    pub table_amount: Fen,
    /// What goes off before any cap, in fen: an advance (先行救助) that no earlier claim of the event has netted yet; of a
    /// rule without bands all that the event was paid.
    pub advanced: Fen,
    /// The caps, in order.
    pub caps: Vec<CapStep>,
    /// The benefit (赔付金额), in fen.
    pub benefit: Fen,
}

/// The part of the base to which one rate applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Lower edge of its band, which belongs to it, in fen.
    pub from: Fen,
    /// Upper edge of its band, which does not, in fen; `None` for the last.
    pub to: Option<Fen>,
    /// The rate.
    pub rate: Rate,
    /// The part of the base, in fen; in flat mode the whole base.
    pub amount: Fen,
    /// `amount` times the basis points of `rate`, in 1/10 000 fen; not rounded.
    pub exact_units: i64,
}

/// One cap as it was applied. All amounts in fen.
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

/// Computes the benefit for `loss` under `schedule`, given what the policy year holds before it.
///
/// A loss at or below the deductible is a benefit of zero, not a fault. Where each event stands alone,
/// a banded rule never gives a first claim more than `eligible`; other rules do not depend on it.
///
/// An event with several claims is paid as one: a banded rule gives what this loss adds to those before it, another
/// rule is asked about the event as a whole (all units, all persons); an advance goes off.
pub fn assess(
    schedule: &Schedule,
    loss: &Loss,
    used: &RunningTotals,
) -> Result<Assessment, AssessFault> {
    let faults = schedule.check();
    if !faults.is_empty() {
        return Err(AssessFault::UnsoundSchedule { faults });
    }
    let found = Found::of(schedule, loss, used)?;
    Ok(Assessment {
        schedule_id: schedule.id.clone(),
        clause: schedule.clause.clone(),
        source: schedule.source.clone(),
        method: found.table.method,
        loss: loss.clone(),
        used: used.clone(),
        grants: schedule.grants,
        loans: schedule.loans,
        eligible: found.eligible,
        warning_line: schedule.warning_line,
        over_warning_line: found.eligible > schedule.warning_line,
        stated_deductible: schedule.deductible,
        deductible_of_total: schedule.deductible_of_total,
        deductible: found.deductible,
        accumulation: schedule.accumulation,
        prior_loss: found.prior_loss,
        base: found.table.base,
        slices: found.table.slices,
        rounding: schedule.rounding,
        year_amount: found.table.year_amount,
        prior_amount: found.table.prior_amount,
        table_amount: found.table.amount,
        advanced: found.table.advanced,
        caps: found.caps,
        benefit: found.benefit,
    })
}

/// Another reading of the same bands, and what it would pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What the bands would be applied to.
    pub base: BandBase,
    /// How they would be applied.
    pub mode: BandMode,
    /// What it would pay, in fen.
    pub benefit: Fen,
    /// How much more that is than the declared reading pays, in fen; negative if it is less.
    pub difference: Fen,
}

/// What the other readings of a banded rule would pay, so that a county sees what lies between them
/// before it signs. Empty for other rules.
pub fn other_readings(
    schedule: &Schedule,
    loss: &Loss,
    used: &RunningTotals,
) -> Result<Vec<Reading>, AssessFault> {
    let declared = assess(schedule, loss, used)?.benefit;
    let mut readings = Vec::new();
    let Rule::Banded {
        base: declared_base,
        mode: declared_mode,
        bands,
    } = &schedule.rule
    else {
        return Ok(readings);
    };
    for base in [BandBase::ExcessOverDeductible, BandBase::WholeLoss] {
        for mode in [BandMode::Progressive, BandMode::Flat] {
            if (base, mode) == (*declared_base, *declared_mode) {
                continue;
            }
            let bands = bands.clone();
            let other = Schedule {
                rule: Rule::Banded { base, mode, bands },
                ..schedule.clone()
            };
            // Not checked again: a reading may be one that the county could not declare.
            let benefit = Found::of(&other, loss, used)?.benefit;
            let difference = benefit.checked_sub(declared).ok_or(AssessFault::Overflow)?;
            readings.push(Reading {
                base,
                mode,
                benefit,
                difference,
            });
        }
    }
    Ok(readings)
}

/// What is found on the way from a loss to a benefit.
struct Found {
    eligible: Fen,
    deductible: Fen,
    prior_loss: Fen,
    table: Table,
    caps: Vec<CapStep>,
    benefit: Fen,
}

impl Found {
    fn of(schedule: &Schedule, loss: &Loss, used: &RunningTotals) -> Result<Self, AssessFault> {
        not_negative("person_year", used.person_year)?;
        not_negative("household_year", used.household_year)?;
        not_negative("person_year_loss", used.person_year_loss)?;
        not_negative("household_year_loss", used.household_year_loss)?;
        let event = &used.event;
        not_negative("event.benefit", event.benefit)?;
        not_negative("event.advanced", event.advanced)?;
        not_negative("event.held", event.held)?;
        not_negative("event.loss", event.loss)?;
        not_negative("event.year_loss", event.year_loss)?;
        not_negative("event.submitted", event.submitted)?;
        let eligible = eligible(schedule, loss)?;
        let deductible = deductible(schedule, sum(event.submitted, loss.submitted)?)?;
        let year = match schedule.accumulation {
            Accumulation::Event => Fen::ZERO,
            Accumulation::PersonYear => used.person_year_loss,
            Accumulation::HouseholdYear => used.household_year_loss,
        };
        // The event's own earlier losses are a part of the year's.
        let others = year.saturating_sub_to_zero(event.year_loss);
        let prior_loss = sum(others, event.loss)?;
        let table = table(
            schedule,
            loss,
            &Losses {
                deductible,
                prior: prior_loss,
                year: sum(prior_loss, eligible)?,
                event,
            },
        )?;
        let net = table.amount.saturating_sub_to_zero(table.advanced);
        let (caps, benefit) = apply_caps(schedule, net, used);
        Ok(Self {
            eligible,
            deductible,
            prior_loss,
            table,
            caps,
            benefit,
        })
    }
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

fn sum(one: Fen, other: Fen) -> Result<Fen, AssessFault> {
    one.checked_add(other).ok_or(AssessFault::Overflow)
}

fn times(amount: Fen, count: i64) -> Result<Fen, AssessFault> {
    let product = amount.get().checked_mul(count);
    product.map(Fen::new).ok_or(AssessFault::Overflow)
}

fn eligible(schedule: &Schedule, loss: &Loss) -> Result<Fen, AssessFault> {
    not_negative("submitted", loss.submitted)?;
    let mut layers = Fen::ZERO;
    for Layer { name, paid } in &loss.layers {
        not_negative(name, *paid)?;
        layers = sum(layers, *paid)?;
    }
    let stated = || loss.layers.iter().map(|layer| &layer.name);
    if !schedule.layers.is_empty() && !stated().eq(&schedule.layers) {
        return Err(AssessFault::LayersDiffer {
            declared: schedule.layers.clone(),
            stated: stated().cloned().collect(),
        });
    }
    if layers > loss.submitted {
        return Err(AssessFault::LayersExceedSubmitted {
            submitted: loss.submitted,
            layers,
        });
    }
    let left = loss.submitted.saturating_sub_to_zero(layers);
    if let Some(stated) = loss.stated_eligible
        && stated != left
    {
        return Err(AssessFault::SumMismatch {
            stated,
            computed: left,
        });
    }
    not_negative("other", loss.other)?;
    not_negative("grants", loss.grants)?;
    not_negative("loans", loss.loans)?;
    Ok(left
        .saturating_sub_to_zero(loss.other)
        .saturating_sub_to_zero(schedule.grants.deducted(loss.grants))
        .saturating_sub_to_zero(schedule.loans.deducted(loss.loans)))
}

impl AidTreatment {
    /// How much of `aid` goes off.
    const fn deducted(self, aid: Fen) -> Fen {
        match self {
            Self::Deducted => aid,
            Self::Ignored => Fen::ZERO,
        }
    }
}

/// The deductible that rules: the stated one, or the part of the total rounded up to the fen.
fn deductible(schedule: &Schedule, submitted: Fen) -> Result<Fen, AssessFault> {
    let Some(rate) = schedule.deductible_of_total else {
        return Ok(schedule.deductible);
    };
    let units = times(submitted, i64::from(rate.basis_points()))?.get();
    let part = units / UNITS_PER_FEN + i64::from(units % UNITS_PER_FEN != 0);
    Ok(schedule.deductible.max(Fen::new(part)))
}

/// Whether `loss` passes the gate: strictly above the deductible, in every reading, because at the
/// line there is no excess to pay for. A deductible of 0 is no gate.
fn passes(deductible: Fen, loss: Fen) -> bool {
    deductible == Fen::ZERO || loss > deductible
}

/// What a rule gives before any cap.
struct Table {
    method: Method,
    base: Fen,
    slices: Vec<Slice>,
    year_amount: Fen,
    prior_amount: Fen,
    amount: Fen,
    advanced: Fen,
}

impl Table {
    /// Of a rule without bands: it is asked about the whole event, so all that was paid for it goes off.
    fn plain(method: Method, amount: Fen, paid: Fen) -> Self {
        Self {
            method,
            base: Fen::ZERO,
            slices: Vec::new(),
            year_amount: amount,
            prior_amount: Fen::ZERO,
            amount,
            advanced: paid,
        }
    }
}

/// What a rule runs on, in fen.
struct Losses<'a> {
    deductible: Fen,
    /// All losses before this one.
    prior: Fen,
    /// With this one.
    year: Fen,
    event: &'a EventTotals,
}

fn table(schedule: &Schedule, loss: &Loss, losses: &Losses<'_>) -> Result<Table, AssessFault> {
    let (method, amount) = match &schedule.rule {
        Rule::Banded { base, mode, bands } => {
            let table = BandTable {
                deductible: losses.deductible,
                base: *base,
                mode: *mode,
                bands,
                rounding: schedule.rounding,
            };
            return table.apply(losses);
        }
        Rule::Fixed { amount, per } => fixed(*amount, *per, loss)?,
        Rule::FixedByOutcome { amounts } => fixed_by_outcome(amounts, loss)?,
        Rule::FixedByHeads { amounts } => fixed_by_heads(amounts, loss)?,
        Rule::PerUnit { values, minimum } => per_unit(values, *minimum, loss)?,
        Rule::IncomeGap { line } => income_gap(*line, loss)?,
        Rule::Unknown { missing } => {
            return Err(AssessFault::Unknown {
                missing: missing.clone(),
            });
        }
    };
    let passes = passes(losses.deductible, losses.year);
    let amount = if passes { amount } else { Fen::ZERO };
    Ok(Table::plain(method, amount, losses.event.benefit))
}

/// A number of persons that a rule can count with.
fn heads(loss: &Loss) -> Result<u16, AssessFault> {
    match loss.heads {
        None | Some(0) => Err(AssessFault::NoHeads),
        Some(heads) => Ok(heads),
    }
}

fn fixed(amount: Fen, per: Per, loss: &Loss) -> Result<(Method, Fen), AssessFault> {
    let count = match per {
        Per::Event => 1,
        Per::Head => heads(loss)?,
    };
    let method = Method::Fixed {
        amount,
        per,
        times: count,
    };
    Ok((method, times(amount, i64::from(count))?))
}

fn fixed_by_outcome(amounts: &[OutcomeAmount], loss: &Loss) -> Result<(Method, Fen), AssessFault> {
    let outcome = loss.outcome.clone().ok_or(AssessFault::NoOutcome)?;
    match amounts.iter().find(|entry| entry.outcome == outcome) {
        Some(OutcomeAmount { outcome: _, amount }) => {
            let amount = *amount;
            Ok((Method::FixedByOutcome { outcome, amount }, amount))
        }
        None => Err(AssessFault::UnknownOutcome { outcome }),
    }
}

fn fixed_by_heads(amounts: &[HeadAmount], loss: &Loss) -> Result<(Method, Fen), AssessFault> {
    let heads = heads(loss)?;
    // Sound amounts begin at 1, so that every household has one.
    let entry = amounts.iter().rfind(|entry| entry.heads <= heads);
    let HeadAmount {
        heads: from,
        amount,
    } = *entry.ok_or(AssessFault::NoHeads)?;
    let method = Method::FixedByHeads {
        heads,
        from,
        amount,
    };
    Ok((method, amount))
}

fn per_unit(values: &[UnitValue], minimum: Fen, loss: &Loss) -> Result<(Method, Fen), AssessFault> {
    if loss.units.is_empty() {
        return Err(AssessFault::NoUnits);
    }
    let mut lines = Vec::with_capacity(loss.units.len());
    let mut total = Fen::ZERO;
    for UnitCount { unit, count } in &loss.units {
        let Some(entry) = values.iter().find(|entry| entry.unit == *unit) else {
            return Err(AssessFault::UnknownUnit { unit: unit.clone() });
        };
        let amount = times(entry.value, i64::from(*count))?;
        total = sum(total, amount)?;
        lines.push(UnitLine {
            unit: unit.clone(),
            count: *count,
            value: entry.value,
            amount,
        });
    }
    let amount = if total < minimum { Fen::ZERO } else { total };
    let method = Method::PerUnit {
        lines,
        sum: total,
        minimum,
    };
    Ok((method, amount))
}

fn income_gap(line: Fen, loss: &Loss) -> Result<(Method, Fen), AssessFault> {
    let heads = heads(loss)?;
    let income_per_head = loss.income_per_head.ok_or(AssessFault::NoIncome)?;
    not_negative("income_per_head", income_per_head)?;
    let gap = line.saturating_sub_to_zero(income_per_head);
    let method = Method::IncomeGap {
        line,
        income_per_head,
        gap,
        heads,
    };
    Ok((method, times(gap, i64::from(heads))?))
}

/// A rule with bands, ready to be applied to a loss.
struct BandTable<'schedule> {
    deductible: Fen,
    base: BandBase,
    mode: BandMode,
    bands: &'schedule [Band],
    rounding: Rounding,
}

impl BandTable<'_> {
    /// What the year's loss adds to that of the losses before it, each with its one rounding: so the
    /// amounts of a year sum to the amount of its sum, whatever the order of the bills.
    fn apply(&self, losses: &Losses<'_>) -> Result<Table, AssessFault> {
        let mut slices = Vec::with_capacity(match self.mode {
            BandMode::Progressive => self.bands.len(),
            BandMode::Flat => 1,
        });
        let base = self.base_of(losses.year);
        let year_amount = self.amount(base, |slice| slices.push(slice))?;
        let prior_amount = self.amount(self.base_of(losses.prior), |_| {})?;
        Ok(Table {
            method: Method::Banded {
                base: self.base,
                mode: self.mode,
            },
            base,
            slices,
            year_amount,
            prior_amount,
            amount: year_amount.saturating_sub_to_zero(prior_amount),
            advanced: losses.event.advanced,
        })
    }

    fn base_of(&self, loss: Fen) -> Fen {
        if !passes(self.deductible, loss) {
            return Fen::ZERO;
        }
        match self.base {
            BandBase::ExcessOverDeductible => loss.saturating_sub_to_zero(self.deductible),
            BandBase::WholeLoss => loss,
        }
    }

    /// The rounded amount of `base`; each slice of it is handed to `keep`.
    fn amount(&self, base: Fen, mut keep: impl FnMut(Slice)) -> Result<Fen, AssessFault> {
        if base == Fen::ZERO {
            return Ok(Fen::ZERO);
        }
        let mut units = 0_i64;
        let mut add = |band: &Band, amount: Fen| {
            let slice = slice(band, amount)?;
            units = units
                .checked_add(slice.exact_units)
                .ok_or(AssessFault::Overflow)?;
            keep(slice);
            Ok(())
        };
        match self.mode {
            BandMode::Progressive => {
                for band in self.bands.iter().filter(|band| band.from < base) {
                    let end = band.to.map_or(base, |to| to.min(base));
                    add(band, end.saturating_sub_to_zero(band.from))?;
                }
            }
            BandMode::Flat => {
                let holds = |band: &&Band| band.from <= base && band.to.is_none_or(|to| base < to);
                let band = self.bands.iter().find(holds);
                add(band.ok_or(AssessFault::NoBand { base })?, base)?;
            }
        }
        round(units, self.rounding)
    }
}

fn slice(band: &Band, amount: Fen) -> Result<Slice, AssessFault> {
    Ok(Slice {
        from: band.from,
        to: band.to,
        rate: band.rate,
        amount,
        exact_units: times(amount, i64::from(band.rate.basis_points()))?.get(),
    })
}

/// The one rounding, of units of 1/10 000 fen to fen.
fn round(units: i64, rounding: Rounding) -> Result<Fen, AssessFault> {
    let half = match rounding {
        Rounding::HalfUp => UNITS_PER_FEN / 2,
        Rounding::Down => 0,
    };
    let units = units.checked_add(half).ok_or(AssessFault::Overflow)?;
    Ok(Fen::new(units / UNITS_PER_FEN))
}

fn apply_caps(schedule: &Schedule, amount: Fen, used: &RunningTotals) -> (Vec<CapStep>, Fen) {
    let mut after = amount;
    let mut steps = Vec::with_capacity(schedule.caps.len());
    for cap in &schedule.caps {
        let used = used.of(cap.scope);
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

/// Why nothing could be computed. Never the reason for a benefit of zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AssessFault {
    /// An amount below zero.
    NegativeAmount {
        /// Which: a field of the loss or the running totals, or a layer's name.
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
    /// The schedule declares its layers, and the loss states others, or in another order.
    LayersDiffer {
        /// What the schedule declares.
        declared: Vec<String>,
        /// What the loss states.
        stated: Vec<String>,
    },
    /// The settlement slip does not add up.
    SumMismatch {
        /// What the slip says is left to the household, in fen.
        stated: Fen,
        /// What submitted less all layers comes to, in fen.
        computed: Fen,
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
    /// The rule counts persons and no number of at least 1 is given.
    NoHeads,
    /// The rule counts units and none are given.
    NoUnits,
    /// The rule does not know the unit.
    UnknownUnit {
        /// The unit.
        unit: String,
    },
    /// The rule fills an income gap and no income is given.
    NoIncome,
    /// The source of the schedule does not print what is needed: nothing may be paid by it.
    Unknown {
        /// What is missing.
        missing: String,
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
            Self::LayersDiffer { declared, stated } => write!(
                f,
                "the schedule declares the layers {}, the loss states {}",
                listed(declared),
                listed(stated)
            ),
            Self::SumMismatch { stated, computed } => write!(
                f,
                "the slip leaves {stated} to the household, submitted less all layers is {computed}"
            ),
            Self::NoHeads => f.write_str("the schedule pays by persons, and no number is given"),
            Self::NoUnits => f.write_str("the schedule pays per unit, and none are given"),
            Self::UnknownUnit { unit } => {
                write!(f, "the schedule has no value for the unit \"{unit}\"")
            }
            Self::NoIncome => {
                f.write_str("the schedule fills an income gap, and no income per head is given")
            }
            Self::Unknown { missing } => {
                write!(
                    f,
                    "the schedule cannot pay, its source does not print: {missing}"
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

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

#[cfg(test)]
mod tests;
