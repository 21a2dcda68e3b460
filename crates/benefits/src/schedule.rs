//! The benefit schedule (赔付标准) of one peril, as scheme data, and what makes it sound.

use crate::{Fen, Rate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

/// What a scheme pays for one peril.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// A stable id, such as `r1-illness-progressive`.
    pub id: String,
    /// The clause of the contract or notice that it states, as a refusal letter would quote it.
    pub clause: String,
    /// Where the figures come from.
    pub source: String,
    /// The warning line (预警线): opens a check, never changes the sum.
    pub warning_line: Fen,
    /// How the amount is found.
    pub rule: Rule,
    /// The caps (封顶线), applied in this order; empty where the source sets none.
    pub caps: Vec<Cap>,
    /// The one rounding, at the end.
    pub rounding: Rounding,
}

/// How the amount is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Rates in bands (分段按比例).
    Banded {
        /// The deductible (起付线). A loss at or below it earns nothing; the loss must lie
        /// strictly above it, in both readings of [`BandBase`].
        deductible: Fen,
        /// What the bands are applied to.
        base: BandBase,
        /// How the bands are applied.
        mode: BandMode,
        /// The bands, from 0 upwards without gap or overlap, the last one open.
        bands: Vec<Band>,
    },
    /// One fixed sum (定额), whatever the loss.
    Fixed {
        /// The sum.
        amount: Fen,
    },
    /// A fixed sum per outcome, such as 本科 or 专科.
    FixedByOutcome {
        /// The sums.
        amounts: Vec<OutcomeAmount>,
    },
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

/// The one rounding: applied once, to the exact sum of all slices, to whole fen.
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

impl Schedule {
    /// Every fault of the schedule; empty when it is sound.
    pub fn check(&self) -> Vec<ScheduleFault> {
        let mut faults = Vec::new();
        not_negative("warning_line", self.warning_line, &mut faults);
        match &self.rule {
            Rule::Banded {
                deductible,
                base: _,
                mode: _,
                bands,
            } => {
                not_negative("deductible", *deductible, &mut faults);
                check_bands(bands, &mut faults);
            }
            Rule::Fixed { amount } => not_negative("amount", *amount, &mut faults),
            Rule::FixedByOutcome { amounts } => check_outcomes(amounts, &mut faults),
        }
        let mut scopes = BTreeSet::new();
        for cap in &self.caps {
            not_negative("cap", cap.limit, &mut faults);
            if !scopes.insert(cap.scope) {
                faults.push(ScheduleFault::DuplicateCapScope { scope: cap.scope });
            }
        }
        faults
    }
}

fn not_negative(field: &str, amount: Fen, faults: &mut Vec<ScheduleFault>) {
    if amount.is_negative() {
        faults.push(ScheduleFault::NegativeMoney {
            field: field.to_owned(),
            amount,
        });
    }
}

fn check_bands(bands: &[Band], faults: &mut Vec<ScheduleFault>) {
    let (Some(first), Some(last)) = (bands.first(), bands.last()) else {
        faults.push(ScheduleFault::NoBands);
        return;
    };
    if first.from != Fen::ZERO {
        faults.push(ScheduleFault::FirstBandNotFromZero { from: first.from });
    }
    for (number, band) in (1..).zip(bands) {
        not_negative("band from", band.from, faults);
        if let Some(to) = band.to {
            not_negative("band to", to, faults);
            if to <= band.from {
                faults.push(ScheduleFault::EmptyBand {
                    number,
                    from: band.from,
                    to,
                });
            }
        }
    }
    for (number, pair) in (2..).zip(bands.windows(2)) {
        let [before, band] = pair else { continue };
        let Some(ends) = before.to else {
            faults.push(ScheduleFault::OpenBandNotLast { number: number - 1 });
            continue;
        };
        let starts = band.from;
        if starts <= before.from {
            faults.push(ScheduleFault::UnorderedBands { number, starts });
        } else if starts > ends {
            faults.push(ScheduleFault::Gap {
                number,
                ends,
                starts,
            });
        } else if starts < ends {
            faults.push(ScheduleFault::Overlap {
                number,
                ends,
                starts,
            });
        }
    }
    if let Some(to) = last.to {
        faults.push(ScheduleFault::LastBandNotOpen { to });
    }
}

fn check_outcomes(amounts: &[OutcomeAmount], faults: &mut Vec<ScheduleFault>) {
    if amounts.is_empty() {
        faults.push(ScheduleFault::NoOutcomes);
    }
    let mut seen = BTreeSet::new();
    for OutcomeAmount { outcome, amount } in amounts {
        not_negative("amount", *amount, faults);
        if !seen.insert(outcome) {
            faults.push(ScheduleFault::DuplicateOutcome {
                outcome: outcome.clone(),
            });
        }
    }
}

/// Why a schedule is not sound. Bands are counted from 1.
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
        /// Where the last band ends.
        to: Fen,
    },
    /// Money below zero.
    NegativeMoney {
        /// Which figure.
        field: String,
        /// What it says.
        amount: Fen,
    },
    /// A rule by outcome without outcomes.
    NoOutcomes,
    /// Two sums for one outcome.
    DuplicateOutcome {
        /// The outcome.
        outcome: String,
    },
    /// Two caps that count the same.
    DuplicateCapScope {
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
            Self::LastBandNotOpen { to } => {
                write!(
                    f,
                    "the last band ends at {to}; leave it open and set a cap instead"
                )
            }
            Self::NegativeMoney { field, amount } => write!(f, "{field} is negative: {amount}"),
            Self::NoOutcomes => f.write_str("there are no outcomes"),
            Self::DuplicateOutcome { outcome } => {
                write!(f, "the outcome \"{outcome}\" stands twice")
            }
            Self::DuplicateCapScope { scope } => {
                write!(f, "two caps for the same scope: {}", scope.label_en())
            }
        }
    }
}

impl Error for ScheduleFault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn yuan(yuan: i64) -> Fen {
        Fen::from_yuan(yuan)
    }

    fn schedule(rule: Rule) -> Schedule {
        Schedule {
            id: "test".into(),
            clause: "第一条".into(),
            source: "invented".into(),
            warning_line: yuan(5_000),
            rule,
            caps: vec![],
            rounding: Rounding::HalfUp,
        }
    }

    fn banded(edges: &[(i64, Option<i64>)]) -> Schedule {
        schedule(Rule::Banded {
            deductible: Fen::ZERO,
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
        use ScheduleFault as F;
        assert_eq!(banded(&[]).check(), [F::NoBands]);
        assert_eq!(
            banded(&[(1, None)]).check(),
            [F::FirstBandNotFromZero { from: yuan(1) }]
        );
        assert_eq!(
            banded(&[(0, Some(5))]).check(),
            [F::LastBandNotOpen { to: yuan(5) }]
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
        use ScheduleFault as F;
        let negative = |field: &str| F::NegativeMoney {
            field: field.into(),
            amount: yuan(-1),
        };
        let mut fixed = schedule(Rule::Fixed { amount: yuan(-1) });
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
                negative("amount"),
                negative("cap"),
                F::DuplicateCapScope {
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
                outcome: "本科".into()
            }]
        );
    }
}
