//! The loss (损失) as verified, and what the policy year holds before it.

use crate::{CapScope, Fen};
use serde::{Deserialize, Serialize};

/// A verified loss: what was submitted, what others have already paid of it, and the facts that a
/// rule may ask for. A rule does not look at facts it has no use for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// What the bills or receipts come to (申报金额), in fen.
    pub submitted: Fen,
    /// What was paid before us, in order: 基本医保, 大病保险, 医疗救助, 商业补充.
    pub layers: Vec<Layer>,
    /// What the settlement slip says is left to the household (结算单自付), in fen, if it says so.
    /// It must equal `submitted` less all layers.
    #[serde(default)]
    pub stated_eligible: Option<Fen>,
    /// What anybody else compensated (其他赔偿), such as a liable party, in fen; always deducted.
    #[serde(default)]
    pub other: Fen,
    /// Grants (助学金、补助) received, in fen.
    #[serde(default)]
    pub grants: Fen,
    /// Student loans (助学贷款) received, in fen.
    #[serde(default)]
    pub loans: Fen,
    /// The outcome, such as 本科, for a rule by outcome.
    #[serde(default)]
    pub outcome: Option<String>,
    /// The number of persons, for rules by head.
    #[serde(default)]
    pub heads: Option<u16>,
    /// What was lost, counted, for a rule per unit.
    #[serde(default)]
    pub units: Vec<UnitCount>,
    /// The household's income per head and year in fen, for an income gap.
    #[serde(default)]
    pub income_per_head: Option<Fen>,
}

/// One reimbursement layer (报销层).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// What it paid, in fen.
    pub paid: Fen,
}

/// A number of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitCount {
    /// The unit, in the words of the scheme.
    pub unit: String,
    /// How many.
    pub count: u32,
}

/// What the policy year (年度累计) holds before this loss. Four sums, however many claims there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTotals {
    /// Benefits paid or reserved for the person, in fen.
    pub person_year: Fen,
    /// Benefits paid or reserved for the whole household, in fen.
    pub household_year: Fen,
    /// The person's eligible losses that they rest on, in fen.
    #[serde(default)]
    pub person_year_loss: Fen,
    /// The household's eligible losses that they rest on, in fen.
    #[serde(default)]
    pub household_year_loss: Fen,
    /// What earlier claims of the same event hold.
    #[serde(default)]
    pub event: EventTotals,
}

impl RunningTotals {
    /// What was used of a cap before, in fen.
    pub const fn of(&self, scope: CapScope) -> Fen {
        match scope {
            CapScope::Event => self.event.held,
            CapScope::PersonYear => self.person_year,
            CapScope::HouseholdYear => self.household_year,
        }
    }
}

/// What the claims before this one in the line of its event (前案) count for. All zero for a first claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTotals {
    /// Benefits paid or reserved, in fen; uplifts not counted.
    pub benefit: Fen,
    /// What of those benefits was advanced and is not netted yet, in fen.
    pub advanced: Fen,
    /// The eligible losses that they rest on, in fen.
    pub loss: Fen,
    /// Of those losses the ones that lie in this policy year, in fen.
    pub year_loss: Fen,
    /// What was submitted for them, in fen.
    pub submitted: Fen,
    /// What all other claims of the event hold, those after this one and uplifts with them, in fen: what its caps count.
    pub held: Fen,
}
