//! The ledger of days (用时台账) of a claim.

use crate::types::enums::Holder;
use crate::types::event::count;
use async_graphql::SimpleObject;
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
