//! The ledger of days (用时台账) of a claim, and what is due of it.

use crate::types::claim::ClaimNode;
use crate::types::enums::{Counting, Due, DueState, Holder};
use crate::types::event::count;
use crate::types::scalars::Date;
use async_graphql::SimpleObject;
use engine::deadline;
use lifecycle::days::{Stay, by_holder};

/// Legal days in one holder's hands.
#[derive(SimpleObject, Debug, Clone)]
pub struct HolderDays {
    /// Who had to act.
    holder: Holder,
    /// Legal days, Asia/Shanghai.
    days: i32,
}

/// Whose desk the claim lay on, told from its history up to now.
#[derive(SimpleObject, Debug, Clone)]
pub struct DaysUsed {
    /// The days of all holders together: from the first event to the last of a claim that is done, else
    /// to today.
    total: i32,
    /// Holders with at least one day, at most one entry each.
    by_holder: Vec<HolderDays>,
    /// Who must act now.
    holder: Option<Holder>,
}

impl DaysUsed {
    /// Of a ledger.
    pub fn of(stays: &[Stay]) -> Self {
        let days = by_holder(stays);
        Self {
            total: count(days.iter().map(|(_, days)| days).sum::<i64>()),
            by_holder: days
                .into_iter()
                .map(|(holder, days)| HolderDays {
                    holder: holder.into(),
                    days: count(days),
                })
                .collect(),
            holder: stays.last().map(|stay| stay.holder.into()),
        }
    }
}

/// A claim with what is due of it.
#[derive(SimpleObject, Clone)]
pub struct DueClaim {
    /// The claim.
    claim: ClaimNode,
    /// What is due.
    due: Due,
    /// The last legal day of its term.
    due_on: Date,
    /// How near that is.
    state: DueState,
    /// Days over, counted as the term counts them; 0 unless it is overdue.
    days_over: i32,
    /// How the term counts its days.
    counting: Counting,
    /// Who must act.
    holder: Holder,
}

impl From<deadline::DueClaim> for DueClaim {
    fn from(due: deadline::DueClaim) -> Self {
        let deadline::DueClaim {
            claim,
            what,
            on,
            state,
            days_over,
            counting,
            holder,
        } = due;
        Self {
            claim: claim.into(),
            due: what.into(),
            due_on: Date(on),
            state: state.into(),
            days_over: count(days_over),
            counting: counting.into(),
            holder: holder.into(),
        }
    }
}
