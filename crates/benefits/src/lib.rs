//! How much? Money, rates, schedules, and one assessment (理算) with its whole derivation.
//!
//! **Owns:** [`Fen`] and [`Rate`]; the [`Schedule`] of a peril as data and what makes it sound;
//! [`assess`], the only place where a benefit (赔付金额) is computed.
//!
//! **Never:** a clock, I/O, async, randomness, logging; a county's figures (they are scheme data);
//! a number that is not whole, except the stated intermediate unit of 1/10 000 fen.
//!
//! **Start here:** [`Schedule`], the rule language; [`assess`]; then [`Assessment::steps`] for the
//! office and [`Assessment::plain_words`] for the household, and `tests/cases/*.csv` at the top of
//! the repository for what a policy officer expects.
#![warn(missing_docs)]

mod assess;
mod derivation;
mod loss;
mod money;
mod plain_words;
#[cfg(test)]
mod properties;
mod schedule;
mod soundness;

pub use assess::{
    AssessFault, Assessment, CapStep, Method, Reading, Slice, UnitLine, assess, other_readings,
};
pub use derivation::Step;
pub use loss::{EventTotals, Layer, Loss, RunningTotals, UnitCount};
pub use money::{Fen, MoneyFault, Rate, RateFault};
pub use schedule::{
    Accumulation, AidTreatment, Band, BandBase, BandMode, Cap, CapScope, HeadAmount, OutcomeAmount,
    Per, Rounding, Rule, Schedule, UnitValue,
};
pub use soundness::ScheduleFault;
