//! Spreadsheets (表格), as bytes and as grids of cells: what an office or a bank sends, and what goes back.
//!
//! **Owns** grids of cells, from and to `.xlsx` and `.csv` bytes, and what people type into a cell. **Never** knows what a
//! list is about. **Start here**: [`grid::read`].
//!
//! Reading is bounded before it begins: bytes, unpacked bytes, rows, columns, text. What is written
//! is text, whole numbers as they came, and days; never a formula made from data.

pub mod cell;
pub mod grid;

use engine::limits;
use std::fmt;

/// Rows among which the headers are looked for: above them stand titles.
pub const HEADER_ROWS_MAX: usize = 20;

/// One fault of one cell, in words for the person who has to mend it. It never repeats what stands in
/// the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellFault {
    /// Row of the sheet, from 1, as the spreadsheet program counts.
    pub row: u32,
    /// Column of the sheet, from 0; `None` when the fault is the row's as a whole.
    pub column: Option<usize>,
    /// The column's header.
    pub header: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub what_to_do: String,
}

impl CellFault {
    /// The column as people say it: letter and header, `F 户主身份证号`.
    pub fn place(&self) -> String {
        match self.column {
            Some(column) => format!("{} {}", column_letter(column), self.header),
            None => self.header.to_owned(),
        }
    }
}

impl fmt::Display for CellFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "第{}行 {}:{} → {}",
            self.row,
            self.place(),
            self.what,
            self.what_to_do
        )
    }
}

/// The letter of a column, from 0: A, B … Z, AA.
pub fn column_letter(column: usize) -> String {
    let mut letters = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        left -= 1;
        letters.push(char::from(b'A' + u8::try_from(left % 26).unwrap_or(0)));
        left /= 26;
    }
    letters.iter().rev().collect()
}

/// Why a whole sheet could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetFault {
    /// More bytes than one spreadsheet may have.
    #[error("文件超过{}MB,请分成几个文件 / the file is larger than {} MB: split it", limits::SHEET_BYTES_MAX >> 20, limits::SHEET_BYTES_MAX >> 20)]
    TooManyBytes,
    /// Unpacked it would be larger than any list of people.
    #[error("文件解压后过大,不像一张名单 / unpacked, the file is too large to be a list")]
    TooLargeUnpacked,
    /// More rows than one spreadsheet may have.
    #[error(
        "超过{}行,请分成几个文件 / more than {} rows: split the file",
        limits::SHEET_ROWS_MAX,
        limits::SHEET_ROWS_MAX
    )]
    TooManyRows,
    /// Neither an .xlsx nor a .csv file.
    #[error(
        "不是.xlsx或.csv文件;若是.xls或WPS格式,请另存为“Excel工作簿(.xlsx)” / neither .xlsx nor .csv: save it as an Excel workbook"
    )]
    NotXlsx,
    /// An .xlsx file that cannot be read.
    #[error("文件已损坏或加了密码 / the file is damaged or locked with a password")]
    Unreadable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// No row with the headers that are looked for.
    #[error("前{rows}行里没有找到表头({example}……) / no header row among the first {rows} rows")]
    NoHeader {
        /// Rows that were looked at.
        rows: usize,
        /// Some of the headers.
        example: &'static str,
    },
    /// Headers that the list must have.
    #[error("缺少列:{} / columns are missing", .0.join("、"))]
    MissingColumns(Vec<&'static str>),
    /// Two columns that say they are the same.
    #[error("有两列都是“{0}” / two columns have this header")]
    RepeatedColumn(&'static str),
    /// Amounts in another unit than yuan.
    #[error(
        "“{0}”列的单位是万元,请改为元 / amounts are in units of 10,000 yuan: restate them in yuan"
    )]
    AmountUnit(&'static str),
    /// The answer could not be written.
    #[error("无法生成表格 / the sheet could not be written")]
    Unwritable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
