//! Households' stories, on the real binary, over real HTTP.

mod bank;
pub mod bulk;
mod by_hand;
mod calendar;
mod demo;
mod exports;
mod hooks;
mod identity;
mod insurer;
mod keys;
mod keys_of_identity;
mod operator;
mod refusal;
mod rehearse;
