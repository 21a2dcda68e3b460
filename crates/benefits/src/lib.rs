//! How much? Money, rates, schedules, and one assessment (理算) with its whole derivation.
//!
//! **Owns:** [`Fen`] and [`Rate`]; the [`Schedule`] of a peril as data and what makes it sound;
//! [`assess`], the only place where a benefit (赔付金额) is computed.
//!
//! **Never:** a clock, I/O, async, randomness, logging; a county's figures (they are scheme data);
//! a number that is not whole, except the stated intermediate unit of 1/10 000 fen.
//!
//! **Start here:** [`assess`], then [`Assessment::steps`], then `tests/cases/*.csv` at the top of
//! the repository for what a policy officer expects.
#![warn(missing_docs)]

mod assess;
mod money;
#[cfg(test)]
mod properties;
mod schedule;

pub use assess::{
    AssessFault, Assessment, CapStep, Layer, Loss, Method, RunningTotals, Slice, Step, assess,
};
pub use money::{Fen, MoneyFault, Rate, RateFault};
pub use schedule::{
    Band, BandBase, BandMode, Cap, CapScope, OutcomeAmount, Rounding, Rule, Schedule, ScheduleFault,
};
