//! Households' stories, on the real binary, over real HTTP.

mod bulk;
mod by_hand;
mod calendar;
mod demo;
mod identity;
mod keys;
mod operator;
mod rehearse;
