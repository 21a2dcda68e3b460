//! Households' stories, on the real binary, over real HTTP.

mod by_hand;
mod calendar;
mod demo;
mod identity;
mod operator;
mod rehearse;
