//! The one integration-test binary: what only shows when the parts run together.

mod authority;
mod browser;
mod calendar;
mod canary;
mod clients;
mod contracts;
mod journeys;
mod oidc;
mod protocol;
mod support;
mod tidy;
