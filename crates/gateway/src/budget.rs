//! What a caller may spend: a bucket of cost that fills again as time passes.
//!
//! A caller is an account, or an address where nobody has signed in. The buckets lie in shards, so
//! that callers rarely wait for one another; how many there are is bounded.

use lifecycle::AccountId;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Shards of the buckets.
const SHARDS: usize = 16;
/// Buckets of a shard; beyond, addresses share one.
const BUCKETS_MAX: usize = 1_024;

/// The figures of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What a full bucket holds.
    pub max: u32,
    /// What flows back in a second.
    pub refill_per_second: u32,
}

/// The allowance, unless configured.
pub const ALLOWANCE: Allowance = Allowance {
    max: 10_000,
    refill_per_second: 200,
};

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payer {
    /// An account.
    Account(AccountId),
    /// Somebody who has not signed in, at an address.
    Address(IpAddr),
    /// Whoever cannot be told apart.
    Anybody,
}

impl Payer {
    /// Whoever has not signed in. One household's IPv6 network is one address.
    pub fn at(address: Option<IpAddr>) -> Self {
        match address {
            None => Self::Anybody,
            Some(IpAddr::V4(address)) => Self::Address(IpAddr::V4(address)),
            Some(IpAddr::V6(address)) => {
                let network = Ipv6Addr::from(u128::from(address) >> 64 << 64);
                let mapped = address.to_ipv4_mapped();
                Self::Address(mapped.map_or(IpAddr::V6(network), IpAddr::V4))
            }
        }
    }
}

/// What is left, in thousandths, and when it was counted.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    at_ms: u64,
}

/// The budgets of all callers of a process.
#[derive(Debug)]
pub struct Budgets {
    allowance: Allowance,
    began: Instant,
    hasher: RandomState,
    shards: [Mutex<HashMap<Payer, Bucket>>; SHARDS],
}

impl Budgets {
    /// Budgets of this allowance, all full.
    #[expect(
        clippy::disallowed_methods,
        reason = "the age of a bucket; it decides nothing about a claim"
    )]
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            began: Instant::now(),
            hasher: RandomState::new(),
            shards: Default::default(),
        }
    }

    /// The allowance of every caller.
    pub const fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Takes a cost out of a bucket and says what is left, or after how many seconds there will be
    /// enough.
    pub fn spend(&self, payer: Payer, cost: u32) -> Result<u32, u64> {
        self.spend_at(payer, cost, self.now_ms())
    }

    /// Gives back what was not needed; what is left.
    pub fn give_back(&self, payer: Payer, cost: u32) -> u32 {
        let back = u64::from(cost) * 1_000;
        let now_ms = self.now_ms();
        self.on_bucket(payer, now_ms, |bucket, full| {
            bucket.left = bucket.left.saturating_add(back).min(full);
            whole(bucket.left)
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn spend_at(&self, payer: Payer, cost: u32, now_ms: u64) -> Result<u32, u64> {
        let price = u64::from(cost) * 1_000;
        let refill = u64::from(self.allowance.refill_per_second).max(1) * 1_000;
        self.on_bucket(payer, now_ms, |bucket, _| {
            match bucket.left.checked_sub(price) {
                Some(left) => {
                    bucket.left = left;
                    Ok(whole(left))
                }
                None => Err((price - bucket.left).div_ceil(refill)),
            }
        })
    }

    fn on_bucket<T>(
        &self,
        payer: Payer,
        now_ms: u64,
        act: impl FnOnce(&mut Bucket, u64) -> T,
    ) -> T {
        let full = u64::from(self.allowance.max) * 1_000;
        let per_ms = u64::from(self.allowance.refill_per_second);
        let refilled = |bucket: &Bucket| {
            let passed = now_ms.saturating_sub(bucket.at_ms);
            let left = bucket.left.saturating_add(passed.saturating_mul(per_ms));
            left.min(full)
        };
        let shard = usize::try_from(self.hasher.hash_one(payer) % SHARDS as u64).unwrap_or(0);
        let mut buckets = self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut payer = payer;
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&payer) {
            // A full bucket says nothing.
            buckets.retain(|_, bucket| refilled(bucket) < full);
            if buckets.len() >= BUCKETS_MAX && matches!(payer, Payer::Address(_)) {
                payer = Payer::Anybody;
            }
        }
        let bucket = buckets.entry(payer).or_insert(Bucket {
            left: full,
            at_ms: now_ms,
        });
        *bucket = Bucket {
            left: refilled(bucket),
            at_ms: bucket.at_ms.max(now_ms),
        };
        act(bucket, full)
    }
}

fn whole(thousandths: u64) -> u32 {
    u32::try_from(thousandths / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Allowance = Allowance {
        max: 100,
        refill_per_second: 10,
    };

    fn address(last: u32) -> Payer {
        Payer::at(Some(IpAddr::from(
            0x0a00_0000_u32.wrapping_add(last).to_be_bytes(),
        )))
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let budgets = Budgets::new(SMALL);
        let payer = address(1);
        assert_eq!(budgets.spend_at(payer, 60, 0), Ok(40));
        assert_eq!(budgets.spend_at(payer, 60, 0), Err(2));
        assert_eq!(budgets.spend_at(payer, 60, 1_999), Err(1));
        assert_eq!(budgets.spend_at(payer, 60, 2_000), Ok(0));
        assert_eq!(
            budgets.spend_at(payer, 100, 60_000),
            Ok(0),
            "never above full"
        );
        assert_eq!(budgets.spend_at(payer, 1, 60_000), Err(1));
        assert_eq!(
            budgets.spend_at(address(2), 100, 60_000),
            Ok(0),
            "another's own"
        );
    }

    #[test]
    fn what_was_not_needed_comes_back() {
        let budgets = Budgets::new(SMALL);
        assert!(budgets.spend(Payer::Anybody, 100).is_ok());
        assert!(budgets.give_back(Payer::Anybody, 90) >= 90);
        assert_eq!(budgets.give_back(Payer::Anybody, 90), 100);
    }

    #[test]
    fn a_crowd_of_addresses_is_bounded() {
        let budgets = Budgets::new(SMALL);
        let crowd = u32::try_from(2 * SHARDS * BUCKETS_MAX).unwrap();
        let refused = (0..crowd)
            .filter(|last| budgets.spend_at(address(*last), 60, 0).is_err())
            .count();
        assert!(refused > 0, "those beyond the bound share a bucket");
        let held: usize = budgets
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().len())
            .sum();
        assert!(held <= SHARDS * (BUCKETS_MAX + 1), "{held}");
        // Somebody who signed in has a bucket all the same, and later those that filled are gone.
        let account = Payer::Account(AccountId(engine::ids::fresh()));
        assert_eq!(budgets.spend_at(account, 60, 0), Ok(40));
        assert_eq!(budgets.spend_at(address(u32::MAX), 60, 60_000), Ok(40));
    }

    #[test]
    fn one_network_is_one_address() {
        let at = |text: &str| Payer::at(text.parse().ok());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }
}
