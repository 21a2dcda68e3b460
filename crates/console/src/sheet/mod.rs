//! The office's spreadsheets (表格): the referral list, and the sheet that goes back with what must be corrected.

pub mod referral;
mod returned;
