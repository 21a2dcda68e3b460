//! Test kit: an independent store in memory, a small world, and the contract every store keeps.
//!
//! **Start here**: [`world::TestDesk`] for a test that talks like the office;
//! [`crate::store_contracts!`] for a store that wants to prove itself.

pub mod contract;
pub mod memory;
pub mod orders;
pub mod world;

pub use memory::{MemoryStore, Refusal, Tamper};
pub use world::{Expect, Journey, Role, TestDesk, World, yuan};
