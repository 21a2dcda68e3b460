//! Show it: the caseworker's pages (经办台) and the spreadsheets that come and go.
//!
//! **Owns** the pages, their stylesheet, the reading and writing of spreadsheets and their import
//! through the desk. **Never** contains a business rule, a transaction, SQL or GraphQL: a row of a
//! spreadsheet is a command at the same door as everybody's. **Start here**: [`router`] for the
//! pages, [`import::workbook`] for a referral list.

pub mod import;
mod pages;
pub mod sheet;

pub use pages::{Front, LoginClaim, Oidc, OidcProblem, Words, router, router_with};
