//! What makes a schedule sound, and every fault with its place.

use crate::{
    Accumulation, Band, BandMode, Cap, CapScope, Fen, HeadAmount, OutcomeAmount, Rule, Schedule,
    UnitValue,
};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;

/// The largest figure of a schedule, ten trillion yuan: beyond it lies a slip of the pen.
const FIGURE_MAX: Fen = Fen::new(1_000_000_000_000_000);

impl Schedule {
    /// Every fault of the schedule; empty when it is sound, also where its rule is
    /// [`Rule::Unknown`]. A sound schedule costs no allocation.
    pub fn check(&self) -> Vec<ScheduleFault> {
        let mut found = Faults(Vec::new());
        found.text(&self.id, || "id".to_owned());
        found.text(&self.clause, || "clause".to_owned());
        found.text(&self.source, || "source".to_owned());
        found.figure(self.warning_line, || "warning_line".to_owned());
        found.layers(&self.layers);
        found.figure(self.deductible, || "deductible".to_owned());
        match &self.rule {
            Rule::Banded {
                base: _,
                mode,
                bands,
            } => {
                found.bands(bands);
                found.accumulated_bands(self, *mode, bands);
            }
            Rule::Fixed { amount, per: _ } => {
                found.figure(*amount, || "rule.amount".to_owned());
                found.only_bands_accumulate(self.accumulation);
            }
            Rule::FixedByOutcome { amounts } => {
                found.outcomes(amounts);
                found.only_bands_accumulate(self.accumulation);
            }
            Rule::FixedByHeads { amounts } => {
                found.heads(amounts);
                found.only_bands_accumulate(self.accumulation);
            }
            Rule::PerUnit { values, minimum } => {
                found.units(values);
                found.figure(*minimum, || "rule.minimum".to_owned());
                found.only_bands_accumulate(self.accumulation);
            }
            Rule::IncomeGap { line } => {
                found.figure(*line, || "rule.line".to_owned());
                found.only_bands_accumulate(self.accumulation);
            }
            Rule::Unknown { missing } => found.text(missing, || "rule.missing".to_owned()),
        }
        found.caps(&self.caps);
        found.0
    }
}

/// The faults found so far. Places are spelt out only once something is found.
struct Faults(Vec<ScheduleFault>);

impl Faults {
    fn text(&mut self, text: &str, field: impl FnOnce() -> String) {
        if text.trim().is_empty() {
            self.0.push(ScheduleFault::Empty { field: field() });
        }
    }

    fn figure(&mut self, amount: Fen, field: impl FnOnce() -> String) {
        if amount.is_negative() {
            let field = field();
            self.0.push(ScheduleFault::NegativeMoney { field, amount });
        } else if amount > FIGURE_MAX {
            let field = field();
            self.0.push(ScheduleFault::TooLarge { field, amount });
        }
    }

    fn layers(&mut self, layers: &[String]) {
        for (index, layer) in layers.iter().enumerate() {
            self.text(layer, || format!("layers[{index}]"));
            if layers[..index].contains(layer) {
                self.0.push(ScheduleFault::DuplicateLayer {
                    number: index + 1,
                    layer: layer.clone(),
                });
            }
        }
    }

    fn bands(&mut self, bands: &[Band]) {
        let (Some(first), Some(last)) = (bands.first(), bands.last()) else {
            self.0.push(ScheduleFault::NoBands);
            return;
        };
        if first.from != Fen::ZERO {
            self.0
                .push(ScheduleFault::FirstBandNotFromZero { from: first.from });
        }
        for (index, band) in bands.iter().enumerate() {
            self.figure(band.from, || format!("rule.bands[{index}].from"));
            if let Some(to) = band.to {
                self.figure(to, || format!("rule.bands[{index}].to"));
                if to <= band.from {
                    self.0.push(ScheduleFault::EmptyBand {
                        number: index + 1,
                        from: band.from,
                        to,
                    });
                }
            }
        }
        for (number, pair) in (2..).zip(bands.windows(2)) {
            let [before, band] = pair else { continue };
            let Some(ends) = before.to else {
                self.0
                    .push(ScheduleFault::OpenBandNotLast { number: number - 1 });
                continue;
            };
            let starts = band.from;
            if starts <= before.from {
                self.0
                    .push(ScheduleFault::UnorderedBands { number, starts });
            } else if starts > ends {
                self.0.push(ScheduleFault::Gap {
                    number,
                    ends,
                    starts,
                });
            } else if starts < ends {
                self.0.push(ScheduleFault::Overlap {
                    number,
                    ends,
                    starts,
                });
            }
        }
        if let Some(to) = last.to {
            self.0.push(ScheduleFault::LastBandNotOpen {
                number: bands.len(),
                to,
            });
        }
    }

    /// Where losses accumulate, the order of the bills must not change the sum of the year.
    fn accumulated_bands(&mut self, schedule: &Schedule, mode: BandMode, bands: &[Band]) {
        match schedule.accumulation {
            Accumulation::Event => return,
            Accumulation::PersonYear | Accumulation::HouseholdYear => {}
        }
        if schedule.deductible_of_total.is_some() {
            self.0.push(ScheduleFault::AccumulatedDeductibleOfTotal);
        }
        match mode {
            BandMode::Progressive => {}
            // The year's amount would fall as losses grow, and what was paid is not asked back.
            BandMode::Flat => {
                for (number, pair) in (2..).zip(bands.windows(2)) {
                    if let [before, band] = pair
                        && band.rate < before.rate
                    {
                        self.0
                            .push(ScheduleFault::AccumulatedFallingRate { number });
                    }
                }
            }
        }
        // What one bill adds depends on the bills before it, and so would what is cut off.
        for (number, cap) in (1..).zip(&schedule.caps) {
            match cap.scope {
                CapScope::Event => self.0.push(ScheduleFault::AccumulatedEventCap { number }),
                CapScope::PersonYear | CapScope::HouseholdYear => {}
            }
        }
    }

    fn only_bands_accumulate(&mut self, accumulation: Accumulation) {
        match accumulation {
            Accumulation::Event => {}
            Accumulation::PersonYear | Accumulation::HouseholdYear => {
                self.0.push(ScheduleFault::AccumulationWithoutBands);
            }
        }
    }

    fn outcomes(&mut self, amounts: &[OutcomeAmount]) {
        if amounts.is_empty() {
            self.0.push(ScheduleFault::NoOutcomes);
        }
        for (index, OutcomeAmount { outcome, amount }) in amounts.iter().enumerate() {
            self.text(outcome, || format!("rule.amounts[{index}].outcome"));
            self.figure(*amount, || format!("rule.amounts[{index}].amount"));
            if amounts[..index].iter().any(|it| it.outcome == *outcome) {
                self.0.push(ScheduleFault::DuplicateOutcome {
                    number: index + 1,
                    outcome: outcome.clone(),
                });
            }
        }
    }

    fn heads(&mut self, amounts: &[HeadAmount]) {
        match amounts.first() {
            None => self.0.push(ScheduleFault::NoHeadAmounts),
            Some(first) if first.heads != 1 => {
                let heads = first.heads;
                self.0.push(ScheduleFault::HeadsNotFromOne { heads });
            }
            Some(_) => {}
        }
        for (index, entry) in amounts.iter().enumerate() {
            self.figure(entry.amount, || format!("rule.amounts[{index}].amount"));
        }
        for (number, pair) in (2..).zip(amounts.windows(2)) {
            if let [before, entry] = pair
                && entry.heads <= before.heads
            {
                self.0.push(ScheduleFault::HeadsNotRising {
                    number,
                    heads: entry.heads,
                });
            }
        }
    }

    fn units(&mut self, values: &[UnitValue]) {
        if values.is_empty() {
            self.0.push(ScheduleFault::NoUnitValues);
        }
        for (index, UnitValue { unit, value }) in values.iter().enumerate() {
            self.text(unit, || format!("rule.values[{index}].unit"));
            self.figure(*value, || format!("rule.values[{index}].value"));
            if values[..index].iter().any(|it| it.unit == *unit) {
                self.0.push(ScheduleFault::DuplicateUnit {
                    number: index + 1,
                    unit: unit.clone(),
                });
            }
        }
    }

    fn caps(&mut self, caps: &[Cap]) {
        for (index, cap) in caps.iter().enumerate() {
            self.figure(cap.limit, || format!("caps[{index}].limit"));
            if cap.limit == Fen::ZERO {
                self.0.push(ScheduleFault::ZeroCap { number: index + 1 });
            }
            if caps[..index].iter().any(|it| it.scope == cap.scope) {
                self.0.push(ScheduleFault::DuplicateCapScope {
                    number: index + 1,
                    scope: cap.scope,
                });
            }
        }
    }
}

/// Why a schedule is not sound. Every `number` counts from 1; [`ScheduleFault::path`] counts from 0,
/// as the file's syntax does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScheduleFault {
    /// A banded rule without bands.
    NoBands,
    /// The first band leaves the lowest amounts without a rate.
    FirstBandNotFromZero {
        /// Where it starts.
        from: Fen,
    },
    /// A band that ends where it starts, or before.
    EmptyBand {
        /// Which band.
        number: usize,
        /// Its lower edge.
        from: Fen,
        /// Its upper edge.
        to: Fen,
    },
    /// A band that does not start above the start of the one before it.
    UnorderedBands {
        /// Which band.
        number: usize,
        /// Where it starts.
        starts: Fen,
    },
    /// Amounts between two bands have no rate.
    Gap {
        /// The later band.
        number: usize,
        /// Where the earlier one ends.
        ends: Fen,
        /// Where the later one starts.
        starts: Fen,
    },
    /// Amounts in two bands have two rates.
    Overlap {
        /// The later band.
        number: usize,
        /// Where the earlier one ends.
        ends: Fen,
        /// Where the later one starts.
        starts: Fen,
    },
    /// A band without an upper edge that others follow.
    OpenBandNotLast {
        /// Which band.
        number: usize,
    },
    /// The largest amounts have no rate; an upper limit belongs in a cap.
    LastBandNotOpen {
        /// Which band.
        number: usize,
        /// Where it ends.
        to: Fen,
    },
    /// Money below zero.
    NegativeMoney {
        /// Its path in the schedule.
        field: String,
        /// What it says.
        amount: Fen,
    },
    /// A figure so large that it must be a slip.
    TooLarge {
        /// Its path in the schedule.
        field: String,
        /// What it says.
        amount: Fen,
    },
    /// A text that must say something.
    Empty {
        /// Its path in the schedule.
        field: String,
    },
    /// Two layers of one name.
    DuplicateLayer {
        /// The later one.
        number: usize,
        /// Its name.
        layer: String,
    },
    /// A rule by outcome without outcomes.
    NoOutcomes,
    /// Two sums for one outcome.
    DuplicateOutcome {
        /// The later one.
        number: usize,
        /// The outcome.
        outcome: String,
    },
    /// A rule by head count without sums.
    NoHeadAmounts,
    /// The first sum of a rule by head count leaves the smallest households without one.
    HeadsNotFromOne {
        /// Where it starts, in persons.
        heads: u16,
    },
    /// A sum by head count that does not start above the one before it.
    HeadsNotRising {
        /// Which sum.
        number: usize,
        /// Where it starts, in persons.
        heads: u16,
    },
    /// A rule per unit without values.
    NoUnitValues,
    /// Two values for one unit.
    DuplicateUnit {
        /// The later one.
        number: usize,
        /// The unit.
        unit: String,
    },
    /// Losses accumulate, but the rule has no bands to run over them.
    AccumulationWithoutBands,
    /// Losses accumulate, but the deductible is a part of one bill.
    AccumulatedDeductibleOfTotal,
    /// Losses accumulate in flat mode and a band pays less than the one before it: the amount of
    /// the year would fall.
    AccumulatedFallingRate {
        /// Which band.
        number: usize,
    },
    /// Losses accumulate, but a cap counts each event: the order of the bills would change the sum.
    AccumulatedEventCap {
        /// Which cap.
        number: usize,
    },
    /// A cap of nothing: nothing could ever be paid.
    ZeroCap {
        /// Which cap.
        number: usize,
    },
    /// Two caps that count the same.
    DuplicateCapScope {
        /// The later one.
        number: usize,
        /// What they count.
        scope: CapScope,
    },
}

impl fmt::Display for ScheduleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBands => f.write_str("there are no bands"),
            Self::FirstBandNotFromZero { from } => {
                write!(f, "the first band starts at {from}, not at 0.00")
            }
            Self::EmptyBand { number, from, to } => {
                write!(f, "band {number} from {from} to {to} is empty")
            }
            Self::UnorderedBands { number, starts } => {
                write!(
                    f,
                    "band {number} starts at {starts}, not above the band before it"
                )
            }
            Self::Gap {
                number,
                ends,
                starts,
            } => {
                write!(
                    f,
                    "gap before band {number}: nothing from {ends} to {starts}"
                )
            }
            Self::Overlap {
                number,
                ends,
                starts,
            } => {
                write!(
                    f,
                    "band {number} starts at {starts}, before the last one ends at {ends}"
                )
            }
            Self::OpenBandNotLast { number } => {
                write!(f, "band {number} has no upper edge, but is not the last")
            }
            Self::LastBandNotOpen { number: _, to } => {
                write!(
                    f,
                    "the last band ends at {to}; leave it open and set a cap instead"
                )
            }
            Self::NegativeMoney { field, amount } => {
                write!(f, "{} is negative: {amount}", in_prose(field))
            }
            Self::TooLarge { field, amount } => {
                write!(
                    f,
                    "{} is too large: {amount}; the most is {FIGURE_MAX}",
                    in_prose(field)
                )
            }
            Self::Empty { field } => write!(f, "{} is empty", in_prose(field)),
            Self::DuplicateLayer { number, layer } => {
                write!(f, "layer {number}, \"{layer}\", stands twice")
            }
            Self::NoOutcomes => f.write_str("there are no outcomes"),
            Self::DuplicateOutcome { number: _, outcome } => {
                write!(f, "the outcome \"{outcome}\" stands twice")
            }
            Self::NoHeadAmounts => f.write_str("there are no amounts by head count"),
            Self::HeadsNotFromOne { heads } => {
                write!(
                    f,
                    "the first amount is for {heads} persons and more, not for 1"
                )
            }
            Self::HeadsNotRising { number, heads } => write!(
                f,
                "amount {number} is for {heads} persons and more, not for more than the one before it"
            ),
            Self::NoUnitValues => f.write_str("there are no values of units"),
            Self::DuplicateUnit { number: _, unit } => {
                write!(f, "the unit \"{unit}\" stands twice")
            }
            Self::AccumulationWithoutBands => {
                f.write_str("only a rule with bands can run over the losses of a year")
            }
            Self::AccumulatedDeductibleOfTotal => f.write_str(
                "a deductible that is a part of one bill cannot go with losses of a year",
            ),
            Self::AccumulatedFallingRate { number } => write!(
                f,
                "band {number} pays a lower rate than the one before it: in flat mode the amount of \
                 a year would fall as its losses grow"
            ),
            Self::AccumulatedEventCap { number } => write!(
                f,
                "cap {number} counts each event, but losses run over a year: the order of the bills \
                 would change the sum"
            ),
            Self::ZeroCap { number } => {
                write!(f, "cap {number} is 0.00: nothing could ever be paid")
            }
            Self::DuplicateCapScope { number: _, scope } => {
                write!(f, "two caps for the same scope: {}", scope.label_en())
            }
        }
    }
}

impl Error for ScheduleFault {}

impl ScheduleFault {
    /// The part of the schedule at fault, as a path from its top: `rule.bands[2].from`. Counted from
    /// 0.
    pub fn path(&self) -> String {
        let at = |list: &str, number: usize, field: &str| {
            format!("{list}[{}]{field}", number.saturating_sub(1))
        };
        match self {
            Self::NoBands => "rule.bands".to_owned(),
            Self::FirstBandNotFromZero { from: _ } => at("rule.bands", 1, ".from"),
            Self::EmptyBand {
                number,
                from: _,
                to: _,
            }
            | Self::LastBandNotOpen { number, to: _ } => at("rule.bands", *number, ".to"),
            Self::UnorderedBands { number, starts: _ }
            | Self::Gap {
                number,
                ends: _,
                starts: _,
            }
            | Self::Overlap {
                number,
                ends: _,
                starts: _,
            } => at("rule.bands", *number, ".from"),
            Self::OpenBandNotLast { number } => at("rule.bands", *number, ""),
            Self::AccumulatedFallingRate { number } => at("rule.bands", *number, ".rate"),
            Self::NegativeMoney { field, amount: _ }
            | Self::TooLarge { field, amount: _ }
            | Self::Empty { field } => field.clone(),
            Self::DuplicateLayer { number, layer: _ } => at("layers", *number, ""),
            Self::NoOutcomes | Self::NoHeadAmounts => "rule.amounts".to_owned(),
            Self::DuplicateOutcome { number, outcome: _ } => {
                at("rule.amounts", *number, ".outcome")
            }
            Self::HeadsNotFromOne { heads: _ } => at("rule.amounts", 1, ".heads"),
            Self::HeadsNotRising { number, heads: _ } => at("rule.amounts", *number, ".heads"),
            Self::NoUnitValues => "rule.values".to_owned(),
            Self::DuplicateUnit { number, unit: _ } => at("rule.values", *number, ".unit"),
            Self::AccumulationWithoutBands => "accumulation".to_owned(),
            Self::AccumulatedDeductibleOfTotal => "deductible_of_total".to_owned(),
            Self::ZeroCap { number } => at("caps", *number, ".limit"),
            Self::AccumulatedEventCap { number } | Self::DuplicateCapScope { number, scope: _ } => {
                at("caps", *number, "")
            }
        }
    }
}

/// A path as people say it, counted from 1: `rule.bands[2].from` is `band 3 from`.
fn in_prose(path: &str) -> String {
    let words = path.split('.').filter(|part| *part != "rule").map(|part| {
        match part.trim_end_matches(']').split_once('[') {
            Some((list, index)) => {
                let number = index.parse::<usize>().map_or(0, |index| index + 1);
                format!("{} {number}", list.trim_end_matches('s'))
            }
            None => part.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::ScheduleFault as F;
    use super::*;
    use crate::{AidTreatment, BandBase, Per, Rate, Rounding};

    fn yuan(yuan: i64) -> Fen {
        Fen::from_yuan(yuan)
    }

    fn schedule(rule: Rule) -> Schedule {
        Schedule {
            id: "test".into(),
            clause: "第一条".into(),
            source: "invented".into(),
            warning_line: yuan(5_000),
            layers: vec![],
            grants: AidTreatment::Ignored,
            loans: AidTreatment::Ignored,
            deductible: Fen::ZERO,
            deductible_of_total: None,
            accumulation: Accumulation::Event,
            rule,
            caps: vec![],
            rounding: Rounding::HalfUp,
        }
    }

    fn banded(edges: &[(i64, Option<i64>)]) -> Schedule {
        schedule(Rule::Banded {
            base: BandBase::ExcessOverDeductible,
            mode: BandMode::Progressive,
            bands: edges
                .iter()
                .map(|&(from, to)| Band {
                    from: yuan(from),
                    to: to.map(yuan),
                    rate: Rate::WHOLE,
                })
                .collect(),
        })
    }

    #[test]
    fn sound_bands_have_no_fault() {
        assert_eq!(banded(&[(0, None)]).check(), []);
        assert_eq!(banded(&[(0, Some(5)), (5, Some(9)), (9, None)]).check(), []);
    }

    #[test]
    fn every_fault_of_bands_is_named() {
        assert_eq!(banded(&[]).check(), [F::NoBands]);
        assert_eq!(
            banded(&[(1, None)]).check(),
            [F::FirstBandNotFromZero { from: yuan(1) }]
        );
        assert_eq!(
            banded(&[(0, Some(5))]).check(),
            [F::LastBandNotOpen {
                number: 1,
                to: yuan(5)
            }]
        );
        assert_eq!(
            banded(&[(0, Some(5)), (6, None)]).check(),
            [F::Gap {
                number: 2,
                ends: yuan(5),
                starts: yuan(6)
            }]
        );
        assert_eq!(
            banded(&[(0, Some(5)), (4, None)]).check(),
            [F::Overlap {
                number: 2,
                ends: yuan(5),
                starts: yuan(4)
            }]
        );
        assert_eq!(
            banded(&[(0, Some(5)), (5, Some(9)), (3, None)]).check(),
            [F::UnorderedBands {
                number: 3,
                starts: yuan(3)
            }]
        );
        assert_eq!(
            banded(&[(0, None), (5, None)]).check(),
            [F::OpenBandNotLast { number: 1 }]
        );
        assert_eq!(
            banded(&[(0, Some(5)), (5, Some(5)), (9, None)]).check(),
            [
                F::EmptyBand {
                    number: 2,
                    from: yuan(5),
                    to: yuan(5)
                },
                F::Gap {
                    number: 3,
                    ends: yuan(5),
                    starts: yuan(9)
                }
            ]
        );
        assert_eq!(
            F::Gap {
                number: 2,
                ends: yuan(5),
                starts: yuan(6)
            }
            .to_string(),
            "gap before band 2: nothing from 5.00 to 6.00"
        );
    }

    #[test]
    fn every_fault_of_money_outcomes_and_caps_is_named() {
        let negative = |field: &str| F::NegativeMoney {
            field: field.into(),
            amount: yuan(-1),
        };
        let mut fixed = schedule(Rule::Fixed {
            amount: yuan(-1),
            per: Per::Event,
        });
        fixed.warning_line = yuan(-1);
        fixed.caps = vec![
            Cap {
                scope: CapScope::Event,
                limit: yuan(-1),
            },
            Cap {
                scope: CapScope::Event,
                limit: yuan(1),
            },
        ];
        assert_eq!(
            fixed.check(),
            [
                negative("warning_line"),
                negative("rule.amount"),
                negative("caps[0].limit"),
                F::DuplicateCapScope {
                    number: 2,
                    scope: CapScope::Event
                }
            ]
        );
        let amount = |outcome: &str| OutcomeAmount {
            outcome: outcome.into(),
            amount: yuan(1),
        };
        assert_eq!(
            schedule(Rule::FixedByOutcome { amounts: vec![] }).check(),
            [F::NoOutcomes]
        );
        assert_eq!(
            schedule(Rule::FixedByOutcome {
                amounts: vec![amount("本科"), amount("本科")]
            })
            .check(),
            [F::DuplicateOutcome {
                number: 2,
                outcome: "本科".into()
            }]
        );
    }

    fn paths(schedule: &Schedule) -> Vec<(String, String)> {
        let line = |fault: &ScheduleFault| (fault.path(), fault.to_string());
        schedule.check().iter().map(line).collect()
    }

    fn expected(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(path, prose): &(&str, &str)| ((*path).to_owned(), (*prose).to_owned());
        lines.iter().map(owned).collect()
    }

    #[test]
    fn every_fault_of_bands_has_its_place() {
        for (edges, path) in [
            (&[][..], "rule.bands"),
            (&[(1, None)], "rule.bands[0].from"),
            (&[(0, Some(5))], "rule.bands[0].to"),
            (&[(0, Some(5)), (6, None)], "rule.bands[1].from"),
            (&[(0, Some(5)), (4, None)], "rule.bands[1].from"),
            (
                &[(0, Some(5)), (5, Some(9)), (3, None)],
                "rule.bands[2].from",
            ),
            (&[(0, None), (5, None)], "rule.bands[0]"),
        ] {
            let found: Vec<String> = banded(edges).check().iter().map(F::path).collect();
            assert_eq!(found, [path]);
        }
        let empty = banded(&[(0, Some(5)), (5, Some(5)), (5, None)]);
        assert_eq!(empty.check()[0].path(), "rule.bands[1].to");
        let large = banded(&[(0, Some(20_000_000_000_000)), (20_000_000_000_000, None)]);
        assert_eq!(
            paths(&large),
            expected(&[
                (
                    "rule.bands[0].to",
                    "band 1 to is too large: 20,000,000,000,000.00; \
                     the most is 10,000,000,000,000.00"
                ),
                (
                    "rule.bands[1].from",
                    "band 2 from is too large: 20,000,000,000,000.00; \
                     the most is 10,000,000,000,000.00"
                ),
            ])
        );
        let edge = banded(&[(0, Some(10_000_000_000_000)), (10_000_000_000_000, None)]);
        assert_eq!(edge.check(), []);
    }

    #[test]
    fn texts_layers_and_caps_have_their_place() {
        let mut bad = banded(&[(0, None)]);
        bad.id = String::new();
        bad.clause = " ".into();
        bad.source = "\u{3000}".into();
        bad.layers = ["基本医保", "", "基本医保"].map(String::from).into();
        bad.deductible = yuan(-1);
        bad.caps = [
            (CapScope::PersonYear, 1),
            (CapScope::Event, 0),
            (CapScope::PersonYear, 2),
        ]
        .map(|(scope, limit)| Cap {
            scope,
            limit: yuan(limit),
        })
        .into();
        assert_eq!(
            paths(&bad),
            expected(&[
                ("id", "id is empty"),
                ("clause", "clause is empty"),
                ("source", "source is empty"),
                ("layers[1]", "layer 2 is empty"),
                ("layers[2]", "layer 3, \"基本医保\", stands twice"),
                ("deductible", "deductible is negative: -1.00"),
                ("caps[1].limit", "cap 2 is 0.00: nothing could ever be paid"),
                (
                    "caps[2]",
                    "two caps for the same scope: person, policy year"
                ),
            ])
        );
    }

    #[test]
    fn rules_without_bands_have_their_faults_and_places() {
        let heads = |heads: &[u16]| {
            let entry = |&heads| HeadAmount {
                heads,
                amount: yuan(1),
            };
            let amounts = heads.iter().map(entry).collect();
            schedule(Rule::FixedByHeads { amounts })
        };
        assert_eq!(heads(&[1, 2, 5]).check(), []);
        let units = |units: &[&str]| {
            let entry = |unit: &&str| UnitValue {
                unit: (*unit).into(),
                value: yuan(1),
            };
            schedule(Rule::PerUnit {
                values: units.iter().map(entry).collect(),
                minimum: yuan(0),
            })
        };
        assert_eq!(units(&["猪", "羊"]).check(), []);
        let outcomes = |outcomes: &[&str]| {
            let entry = |outcome: &&str| OutcomeAmount {
                outcome: (*outcome).into(),
                amount: yuan(1),
            };
            let amounts = outcomes.iter().map(entry).collect();
            schedule(Rule::FixedByOutcome { amounts })
        };
        let gap = |line| schedule(Rule::IncomeGap { line });
        let unknown = |missing: &str| {
            schedule(Rule::Unknown {
                missing: missing.into(),
            })
        };
        for (schedule, path, prose) in [
            (
                heads(&[]),
                "rule.amounts",
                "there are no amounts by head count",
            ),
            (
                heads(&[2]),
                "rule.amounts[0].heads",
                "the first amount is for 2 persons and more, not for 1",
            ),
            (
                heads(&[1, 3, 3]),
                "rule.amounts[2].heads",
                "amount 3 is for 3 persons and more, not for more than the one before it",
            ),
            (units(&[]), "rule.values", "there are no values of units"),
            (
                units(&["猪", "羊", "猪"]),
                "rule.values[2].unit",
                "the unit \"猪\" stands twice",
            ),
            (units(&[""]), "rule.values[0].unit", "value 1 unit is empty"),
            (outcomes(&[]), "rule.amounts", "there are no outcomes"),
            (
                outcomes(&["本科", "本科"]),
                "rule.amounts[1].outcome",
                "the outcome \"本科\" stands twice",
            ),
            (
                outcomes(&[""]),
                "rule.amounts[0].outcome",
                "amount 1 outcome is empty",
            ),
            (gap(yuan(-1)), "rule.line", "line is negative: -1.00"),
            (
                gap(Fen::new(i64::MAX)),
                "rule.line",
                "line is too large: 92,233,720,368,547,758.07; the most is 10,000,000,000,000.00",
            ),
            (unknown(""), "rule.missing", "missing is empty"),
        ] {
            assert_eq!(paths(&schedule), expected(&[(path, prose)]));
        }
    }

    #[test]
    fn a_year_of_losses_needs_bands_and_a_sum_that_no_order_changes() {
        let year = |schedule: Schedule| Schedule {
            accumulation: Accumulation::PersonYear,
            ..schedule
        };
        assert_eq!(year(banded(&[(0, None)])).check(), []);
        assert_eq!(
            year(schedule(Rule::IncomeGap { line: yuan(1) })).check(),
            [F::AccumulationWithoutBands]
        );
        let mut of_total = year(banded(&[(0, None)]));
        of_total.deductible_of_total = Some(Rate::WHOLE);
        assert_eq!(of_total.check(), [F::AccumulatedDeductibleOfTotal]);
        let mut each_event = year(banded(&[(0, None)]));
        let cap = |scope| Cap {
            scope,
            limit: yuan(1),
        };
        each_event.caps = vec![cap(CapScope::PersonYear), cap(CapScope::Event)];
        assert_eq!(each_event.check(), [F::AccumulatedEventCap { number: 2 }]);
        let falling = |mode| {
            let mut falling = banded(&[(0, Some(5)), (5, None)]);
            if let Rule::Banded {
                mode: at, bands, ..
            } = &mut falling.rule
            {
                *at = mode;
                bands[1].rate = Rate::from_basis_points(1).expect("a rate");
            }
            falling
        };
        assert_eq!(falling(BandMode::Flat).check(), []);
        assert_eq!(year(falling(BandMode::Progressive)).check(), []);
        assert_eq!(
            year(falling(BandMode::Flat)).check(),
            [F::AccumulatedFallingRate { number: 2 }]
        );
        for (fault, path) in [
            (F::AccumulationWithoutBands, "accumulation"),
            (F::AccumulatedDeductibleOfTotal, "deductible_of_total"),
            (F::AccumulatedEventCap { number: 2 }, "caps[1]"),
            (
                F::AccumulatedFallingRate { number: 2 },
                "rule.bands[1].rate",
            ),
        ] {
            assert_eq!(fault.path(), path);
        }
    }

    #[test]
    fn a_short_file_is_enough_and_a_wrong_key_is_refused() {
        let file = |more: &str, rule: &str| {
            let text = format!(
                "id = 'a'\nclause = 'b'\nsource = 'c'\nwarning_line = 0\ncaps = []\n\
                 rounding = 'half_up'\n{more}\n[rule]\n{rule}"
            );
            toml::from_str::<Schedule>(&text).map_err(|fault| fault.to_string())
        };
        let bands = "kind = 'banded'\nbase = 'whole_loss'\nmode = 'flat'\n\
                     bands = [{ from = 0, rate = '72.55%' }]";
        let short = file("", bands).expect("read");
        assert_eq!(short.deductible, Fen::ZERO);
        assert_eq!(short.accumulation, Accumulation::Event);
        assert_eq!(
            (short.grants, short.loans),
            (AidTreatment::Ignored, AidTreatment::Ignored)
        );
        let fixed = file("", "kind = 'fixed'\namount = 1").expect("read").rule;
        let per = Per::Event;
        assert_eq!(
            fixed,
            Rule::Fixed {
                amount: Fen::new(1),
                per
            }
        );
        let long = "layers = ['基本医保']\ngrants = 'deducted'\nloans = 'ignored'\ndeductible = 5\n\
                    deductible_of_total = '10%'\naccumulation = 'household_year'";
        assert!(file(long, bands).is_ok());
        for (more, rule, says) in [
            ("deductable = 5", bands, "unknown field"),
            (
                "",
                &format!("{bands}\ndeductible = 5"),
                "unknown field `deductible`",
            ),
            (
                "",
                &bands.replace("mode = 'flat'", ""),
                "missing field `mode`",
            ),
            (
                "",
                &bands.replace("base = 'whole_loss'", ""),
                "missing field `base`",
            ),
            ("", &bands.replace("'72.55%'", "0.7255"), "a rate in quotes"),
        ] {
            let fault = file(more, rule).expect_err(says);
            assert!(fault.contains(says), "{fault}");
        }
    }
}
