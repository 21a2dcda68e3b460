//! Movements of a pool's money (保费资金池). A posting is a transfer between two accounts.

use crate::coded::coded;
use benefits::Fen;
use serde::{Deserialize, Serialize};

coded! {
    /// The accounts of a pool. All balances of a pool sum to zero (invariant 5).
    PoolAccount {
        CountyFund = "COUNTY_FUND" "县级资金",
        Available = "AVAILABLE" "可用",
        Reserved = "RESERVED" "已预留",
        InFlight = "IN_FLIGHT" "在途",
        PaidOut = "PAID_OUT" "已赔付",
    }
}

/// One transfer: `amount` fen, always positive, leaves `from` and enters `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account that is debited.
    pub from: PoolAccount,
    /// The account that is credited.
    pub to: PoolAccount,
    /// Positive fen.
    pub amount: Fen,
}

impl Posting {
    /// What this posting adds to the running totals (年度累计) of person and household: a
    /// reservation adds, a release or a recovery takes away, a movement in between changes nothing.
    pub fn running_total_change(self) -> Fen {
        use PoolAccount as P;
        match (self.from, self.to) {
            (P::Available, P::Reserved | P::InFlight | P::PaidOut) => self.amount,
            (P::Reserved | P::InFlight | P::PaidOut, P::Available) => Fen::new(-self.amount.get()),
            (P::CountyFund, _) | (_, P::CountyFund) => Fen::ZERO,
            (P::Available, P::Available)
            | (P::Reserved | P::InFlight | P::PaidOut, P::Reserved | P::InFlight | P::PaidOut) => {
                Fen::ZERO
            }
        }
    }
}
