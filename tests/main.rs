//! The one integration-test binary: what only shows when the parts run together.

mod browser;
mod calendar;
mod contracts;
mod journeys;
mod protocol;
mod support;
mod tidy;
