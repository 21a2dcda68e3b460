//! Movements of a pool's money (保费资金池). A posting is a transfer between two accounts; which two
//! says what it is.

use crate::coded;
use benefits::Fen;
use serde::{Deserialize, Serialize};

coded! {
    /// The accounts of a pool. All balances of a pool sum to zero (invariant 5).
    PoolAccount {
        CountyFund = "COUNTY_FUND" "操作员录入的县级资金",
        Premium = "PREMIUM" "保费",
        TopUp = "TOP_UP" "补足资金",
        CarriedIn = "CARRIED_IN" "上年结转",
        InsurerShare = "INSURER_SHARE" "保险公司承担",
        Available = "AVAILABLE" "可用",
        Reserved = "RESERVED" "已预留",
        InFlight = "IN_FLIGHT" "在途",
        PaidOut = "PAID_OUT" "已赔付",
        WrittenOff = "WRITTEN_OFF" "已核销",
        Fee = "FEE" "服务费",
        CarriedOut = "CARRIED_OUT" "结转下年",
        SurplusReturned = "SURPLUS_RETURNED" "结余退回",
    }
}

impl PoolAccount {
    /// Whether money comes from here: such an account stands below zero and shows how much came in.
    pub const fn is_source(self) -> bool {
        match self {
            Self::CountyFund
            | Self::Premium
            | Self::TopUp
            | Self::CarriedIn
            | Self::InsurerShare => true,
            Self::Available
            | Self::Reserved
            | Self::InFlight
            | Self::PaidOut
            | Self::WrittenOff
            | Self::Fee
            | Self::CarriedOut
            | Self::SurplusReturned => false,
        }
    }
}

coded! {
    /// What a transfer is. Nothing else moves: the database knows the same pairs of accounts.
    Movement {
        Funded = "FUNDED" "操作员录入资金",
        PremiumPaid = "PREMIUM_PAID" "缴入保费",
        ToppedUp = "TOPPED_UP" "补足",
        CarriedIn = "CARRIED_IN" "上年结转转入",
        InsurerBore = "INSURER_BORE" "保险公司承担超赔",
        Reserved = "RESERVED" "审批预留",
        Released = "RELEASED" "预留释放",
        Instructed = "INSTRUCTED" "付款在途",
        PayFailed = "PAY_FAILED" "付款失败退回预留",
        Paid = "PAID" "赔付到账",
        PayReturned = "PAY_RETURNED" "退票",
        Recovered = "RECOVERED" "追回",
        WrittenOff = "WRITTEN_OFF" "核销",
        FeeTaken = "FEE_TAKEN" "计提服务费",
        FeeGivenBack = "FEE_GIVEN_BACK" "服务费退回",
        CarriedOut = "CARRIED_OUT" "结转下年转出",
        SurplusReturned = "SURPLUS_RETURNED" "结余退回县级",
    }
}

impl Movement {
    /// The accounts it goes between: debit, credit.
    pub const fn accounts(self) -> (PoolAccount, PoolAccount) {
        use PoolAccount as P;
        match self {
            Self::Funded => (P::CountyFund, P::Available),
            Self::PremiumPaid => (P::Premium, P::Available),
            Self::ToppedUp => (P::TopUp, P::Available),
            Self::CarriedIn => (P::CarriedIn, P::Available),
            Self::InsurerBore => (P::InsurerShare, P::Available),
            Self::Reserved => (P::Available, P::Reserved),
            Self::Released => (P::Reserved, P::Available),
            Self::Instructed => (P::Reserved, P::InFlight),
            Self::PayFailed => (P::InFlight, P::Reserved),
            Self::Paid => (P::InFlight, P::PaidOut),
            Self::PayReturned => (P::PaidOut, P::Reserved),
            Self::Recovered => (P::PaidOut, P::Available),
            Self::WrittenOff => (P::PaidOut, P::WrittenOff),
            Self::FeeTaken => (P::Available, P::Fee),
            Self::FeeGivenBack => (P::Fee, P::Available),
            Self::CarriedOut => (P::Available, P::CarriedOut),
            Self::SurplusReturned => (P::Available, P::SurplusReturned),
        }
    }

    /// What a transfer between two accounts is; `None` for a pair that does not move.
    pub fn between(from: PoolAccount, to: PoolAccount) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|it| it.accounts() == (from, to))
    }

    /// Whether an event of a claim makes it; the others are made by an order of the pool.
    pub const fn is_of_claim(self) -> bool {
        match self {
            Self::Reserved
            | Self::Released
            | Self::Instructed
            | Self::PayFailed
            | Self::Paid
            | Self::PayReturned
            | Self::Recovered
            | Self::WrittenOff => true,
            Self::Funded
            | Self::PremiumPaid
            | Self::ToppedUp
            | Self::CarriedIn
            | Self::InsurerBore
            | Self::FeeTaken
            | Self::FeeGivenBack
            | Self::CarriedOut
            | Self::SurplusReturned => false,
        }
    }

    /// A posting of this kind.
    pub const fn of(self, amount: Fen) -> Posting {
        let (from, to) = self.accounts();
        Posting { from, to, amount }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair of accounts says what a transfer is, and no pair says two things.
    #[test]
    fn accounts_say_what_a_transfer_is() {
        let mut pairs = 0;
        for from in PoolAccount::ALL {
            for to in PoolAccount::ALL {
                let found = Movement::between(*from, *to);
                assert!(found.is_none_or(|it| it.accounts() == (*from, *to)));
                assert!(found.is_none() || !to.is_source(), "{from} {to}");
                pairs += usize::from(found.is_some());
            }
        }
        assert_eq!(pairs, Movement::ALL.len());
    }
}
