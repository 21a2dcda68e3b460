//! Test kit: an independent store in memory and the contract every store keeps.
