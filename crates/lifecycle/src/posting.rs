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
