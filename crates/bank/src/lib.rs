//! The bank's files (银行文件): what is sent to it, and what comes back.
//!
//! **Owns** the forms: the list of payments in the usual 代发 shape (`.xlsx`, `.csv`), ISO 20022 `pain.001`; the bank's
//! result list, `camt.053` and `MT940`. **Never** decides what a line means for a claim: that is
//! [`engine::bank_file`]. **Start here**: [`read()`], [`order::PaymentOrder`].

mod camt;
mod mt;
pub mod order;
mod result;

use benefits::Fen;
use engine::bank_file::{BankForm, Told};
use engine::limits::BANK_LINES_MAX;
use engine::payment_batch::Totals;
use sheet::SheetFault;

/// What stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its form.
    pub form: BankForm,
    /// Its lines, in order.
    pub lines: Vec<Told>,
}

/// Why a file cannot be read. Nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// None of the forms.
    #[error(
        "无法识别的文件:应为代发结果表(.xlsx、.csv)、camt.053或MT940 / neither a result list (.xlsx, .csv), camt.053 nor MT940"
    )]
    Unrecognised,
    /// A spreadsheet that cannot be read.
    #[error(transparent)]
    Sheet(#[from] SheetFault),
    /// A row that cannot be understood.
    #[error("第{row}行“{column}”:{what} / row {row}")]
    Row {
        /// Row of the sheet, from 1.
        row: u32,
        /// The column's header.
        column: &'static str,
        /// What is wrong, and what to do.
        what: &'static str,
    },
    /// XML or MT940 that is not well formed, cut off, or lacks what it must have.
    #[error("{form}对账单不完整或已损坏({what}) / the statement is damaged: {what}")]
    Statement {
        /// The form.
        form: &'static str,
        /// What is wrong.
        what: String,
    },
    /// What the file says of itself does not agree with its lines: it was cut off or changed.
    #[error(
        "文件的控制总数与明细不符:文件写{said},明细为{found} / the control totals do not agree with the lines"
    )]
    Totals {
        /// What it says.
        said: String,
        /// What its lines come to.
        found: String,
    },
    /// More lines than one file may have.
    #[error(
        "超过{BANK_LINES_MAX}行,请分成几个文件 / more than {BANK_LINES_MAX} lines: split the file"
    )]
    TooManyLines,
}

/// Reads a bank's file, whichever form it has.
///
/// # Errors
///
/// Why it cannot be read, in words for whoever brought it.
pub fn read(bytes: &[u8]) -> Result<Contents, FileFault> {
    let text = start_of(bytes);
    let contents = if text.starts_with('<') {
        camt::read(bytes)?
    } else if text.starts_with(":20:") || text.starts_with("{1:") {
        mt::read(bytes)?
    } else {
        result::read(bytes)?
    };
    if contents.lines.len() > BANK_LINES_MAX {
        return Err(FileFault::TooManyLines);
    }
    Ok(contents)
}

fn start_of(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let start = &bytes[..bytes.len().min(256)];
    String::from_utf8_lossy(start).trim_start().to_owned()
}

/// Totals as people read them.
fn shown(totals: Totals) -> String {
    format!("{}笔、{}元", totals.count, totals.sum)
}

/// Decimal yuan of a statement, with a point or a comma, to fen; never rounded.
fn yuan(text: &str) -> Option<Fen> {
    let text = text.trim().replace(',', ".");
    Fen::parse_yuan(&text).ok()
}

/// The number of an instruction of ours that stands in a text of the bank.
fn instruction_in(text: &str) -> Option<String> {
    lifecycle::phase::payout::instruction_in(text).map(|(number, _)| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_never_rounded() {
        assert_eq!(yuan("5000,00"), Some(Fen::new(500_000)));
        assert_eq!(yuan("5000.1"), Some(Fen::new(500_010)));
        assert_eq!(yuan("5000.001"), None);
        assert_eq!(yuan("1,000,00"), None);
    }
}
