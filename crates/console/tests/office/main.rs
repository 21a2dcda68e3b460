//! The console as an office uses it: lists in and out, pages in a browser.

mod money;
mod pages;
#[path = "../../../server/src/sample_sheet.rs"]
mod sample_sheet;
mod sheets;
