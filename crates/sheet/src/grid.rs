//! A sheet as a grid of cells: read from real `.xlsx` or `.csv` bytes, and written to `.xlsx`.

use crate::{HEADER_ROWS_MAX, SheetFault};
use calamine::{DataRef, Reader, Xlsx};
use chrono::{Datelike, NaiveDate};
use encoding_rs::{GB18030, UTF_8};
use engine::limits;
use rust_xlsxwriter::{
    Color, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

/// Columns that are read; a list of people has some twenty.
pub const COLUMNS_MAX: usize = 64;
/// Sheets of one workbook that are looked at.
const SHEETS_MAX: usize = 16;
/// Bytes of an upload when unpacked: ten thousand rows of twenty columns take some 15 MB.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Parts in the package; an ordinary workbook has some twenty.
const PARTS_MAX: usize = 1_000;
/// Shared strings a workbook may announce: calamine makes room for as many before it reads them.
const SHARED_STRINGS_MAX: u64 = 2_000_000;
/// Bytes of text in the cells that are kept: one long shared string can stand in every cell.
const TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A number as the spreadsheet stores it. It is shown and written back, never computed with: what
/// becomes money is read from its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    text: String,
    raw: calamine::Data,
}

impl Number {
    /// The number in decimal digits.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Cell {
    /// Nothing, or only white space.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A number.
    Number(Number),
    /// A day, stored as a serial number with a date format.
    Day(NaiveDate),
    /// `#REF!` and the like, or a logical value.
    Unusable,
}

impl Cell {
    /// A text cell.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.trim().is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }

    /// A whole number.
    pub fn whole(number: i32) -> Self {
        Self::Number(Number {
            text: number.to_string(),
            raw: calamine::Data::Int(i64::from(number)),
        })
    }

    /// Whether nothing stands in it.
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// What stands in it, as it would be read aloud.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty | Self::Unusable => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.text.clone(),
            Self::Day(day) => day.format("%Y-%m-%d").to_string(),
        }
    }

    fn of(data: &DataRef<'_>) -> Self {
        match data {
            DataRef::Empty => Self::Empty,
            DataRef::String(text) | DataRef::DateTimeIso(text) => Self::text(text),
            DataRef::SharedString(text) => Self::text(*text),
            DataRef::Int(number) => Self::Number(Number {
                text: number.to_string(),
                raw: calamine::Data::Int(*number),
            }),
            DataRef::Float(number) => Self::Number(Number {
                text: number.to_string(),
                raw: calamine::Data::Float(*number),
            }),
            DataRef::DateTime(day) => {
                let (year, month, day, ..) = day.to_ymd_hms_milli();
                NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))
                    .map_or(Self::Unusable, Self::Day)
            }
            DataRef::Bool(_) | DataRef::DurationIso(_) | DataRef::Error(_) => Self::Unusable,
        }
    }
}

/// The cells of one sheet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// The sheet's name.
    pub name: String,
    /// Rows from the first; a row ends with its last cell that is not empty.
    pub rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// The cell at a place, from 0.
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        static EMPTY: Cell = Cell::Empty;
        self.rows
            .get(row)
            .and_then(|cells| cells.get(column))
            .unwrap_or(&EMPTY)
    }

    /// Puts a cell at a place, from 0.
    pub fn put(&mut self, row: usize, column: usize, cell: Cell) {
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Vec::new);
        }
        let cells = &mut self.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, Cell::Empty);
        }
        cells[column] = cell;
    }

    /// The number of columns in use.
    pub fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// Reads the sheets of a workbook, or the one of a `.csv`, each within the limits.
pub fn read(bytes: &[u8]) -> Result<Vec<Grid>, SheetFault> {
    if bytes.len() > limits::SHEET_BYTES_MAX {
        return Err(SheetFault::TooManyBytes);
    }
    if !bytes.starts_with(b"PK") {
        return separated(bytes).map(|grid| vec![grid]);
    }
    weigh(bytes, UNPACKED_BYTES_MAX)?;
    let unreadable = |fault: calamine::XlsxError| SheetFault::Unreadable(Some(Box::new(fault)));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut grids = Vec::new();
    let mut text_bytes = 0_usize;
    for name in book.sheet_names().into_iter().take(SHEETS_MAX) {
        let mut cells = match book.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            // A chart or a macro sheet holds no list.
            Err(calamine::XlsxError::NotAWorksheet(_)) => continue,
            Err(fault) => return Err(unreadable(fault)),
        };
        let mut grid = Grid {
            name,
            rows: Vec::new(),
        };
        while let Some(found) = cells.next_cell().map_err(unreadable)? {
            let (row, column) = found.get_position();
            let cell = Cell::of(found.get_value());
            let (row, column) = (row as usize, column as usize);
            if cell.is_empty() || column >= COLUMNS_MAX {
                continue;
            }
            if row >= limits::SHEET_ROWS_MAX + HEADER_ROWS_MAX {
                return Err(SheetFault::TooManyRows);
            }
            if let Cell::Text(text) = &cell {
                text_bytes += text.len();
                if text_bytes > TEXT_BYTES_MAX {
                    return Err(SheetFault::TooLargeUnpacked);
                }
            }
            grid.put(row, column, cell);
        }
        grids.push(grid);
    }
    Ok(grids)
}

/// Reads a `.csv` in UTF-8, or in GB 18030 as spreadsheet programs here write it.
fn separated(bytes: &[u8]) -> Result<Grid, SheetFault> {
    let unreadable = |fault| SheetFault::Unreadable(Some(Box::new(fault) as _));
    let (text, _, malformed) = match std::str::from_utf8(bytes) {
        Ok(_) => UTF_8.decode(bytes),
        Err(_) => GB18030.decode(bytes),
    };
    // An .xls, a .pdf, a picture.
    if malformed || text.contains('\0') {
        return Err(SheetFault::NotXlsx);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut grid = Grid::default();
    let (mut record, mut row) = (csv::StringRecord::new(), 0);
    loop {
        let line = reader.position().line();
        if !reader.read_record(&mut record).map_err(unreadable)? {
            return Ok(grid);
        }
        // The reader passes over blank lines, which are rows; line breaks within cells are none.
        let lines = usize::try_from(reader.position().line() - line).unwrap_or(usize::MAX);
        let inner: usize = record.iter().map(|it| it.matches('\n').count()).sum();
        row += lines.saturating_sub(inner + 1);
        if row >= limits::SHEET_ROWS_MAX + HEADER_ROWS_MAX {
            return Err(SheetFault::TooManyRows);
        }
        for (column, text) in record.iter().take(COLUMNS_MAX).enumerate() {
            let cell = Cell::text(text);
            if !cell.is_empty() {
                grid.put(row, column, cell);
            }
        }
        row += 1;
    }
}

/// Unpacks the package once with a limit. A few kilobytes can unpack to gigabytes, and a number in
/// the file can ask for more room than the machine has; calamine believes both.
fn weigh(bytes: &[u8], unpacked_bytes_max: u64) -> Result<(), SheetFault> {
    let unreadable = |fault| SheetFault::Unreadable(Some(fault));
    let mut package =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|fault| unreadable(Box::new(fault)))?;
    if package.len() > PARTS_MAX {
        return Err(SheetFault::TooLargeUnpacked);
    }
    let mut left = unpacked_bytes_max;
    for index in 0..package.len() {
        let part = package
            .by_index(index)
            .map_err(|fault| unreadable(Box::new(fault)))?;
        // A name that cannot be read is looked into as well.
        let name = part.name().unwrap_or("sharedstrings.xml".into());
        let announces = name.to_ascii_lowercase().ends_with("sharedstrings.xml");
        drop(name);
        let mut content = Vec::new();
        let mut part = part.take(left + 1);
        let unpacked = if announces {
            part.read_to_end(&mut content).map(|length| length as u64)
        } else {
            std::io::copy(&mut part, &mut std::io::sink())
        };
        let unpacked = unpacked.map_err(|fault| unreadable(Box::new(fault)))?;
        left = left
            .checked_sub(unpacked)
            .ok_or(SheetFault::TooLargeUnpacked)?;
        if announced(&content) > SHARED_STRINGS_MAX {
            return Err(SheetFault::TooLargeUnpacked);
        }
    }
    Ok(())
}

/// The largest `uniqueCount` in a part.
fn announced(content: &[u8]) -> u64 {
    const NAME: &[u8] = b"uniqueCount";
    let mut largest = 0;
    let mut rest = content;
    while let Some(at) = rest.windows(NAME.len()).position(|window| window == NAME) {
        rest = &rest[at + NAME.len()..];
        let count = rest
            .iter()
            .skip_while(|byte| !byte.is_ascii_digit() && **byte != b'>')
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0_u64, |sum, byte| {
                sum.saturating_mul(10)
                    .saturating_add(u64::from(byte - b'0'))
            });
        largest = largest.max(count);
    }
    largest
}

/// How a grid is written.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The row of the headers, from 0; rows above it are titles.
    pub header_row: usize,
    /// Columns of identity numbers and accounts: kept as text, also what is typed into them later.
    pub text_columns: BTreeSet<usize>,
    /// Cells to be mended, by row and column.
    pub marked: BTreeSet<(usize, usize)>,
    /// Columns wider than the rest, by their width in characters.
    pub widths: BTreeMap<usize, u16>,
}

/// Writes a grid as an `.xlsx` of one sheet. Text stays text: a cell that begins with `=` is not a
/// formula.
pub fn write(grid: &Grid, look: &Look) -> Result<Vec<u8>, SheetFault> {
    draw(grid, look).map_err(|fault| SheetFault::Unwritable(Box::new(fault)))
}

fn draw(grid: &Grid, look: &Look) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    if !grid.name.is_empty() {
        sheet.set_name(&grid.name)?;
    }
    let width = grid.width().max(1);
    let plain = Format::new()
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::VerticalCenter)
        .set_text_wrap();
    for column in 0..width {
        let at = position(column);
        sheet.set_column_width(at, look.widths.get(&column).copied().unwrap_or(14))?;
        if look.text_columns.contains(&column) {
            sheet.set_column_format(at, &Format::new().set_num_format("@"))?;
        }
    }
    for (row, cells) in grid.rows.iter().enumerate() {
        if row < look.header_row {
            let title = cells.iter().find(|cell| !cell.is_empty()).map(Cell::shown);
            let style = Format::new()
                .set_bold()
                .set_font_size(15)
                .set_align(FormatAlign::Center)
                .set_align(FormatAlign::VerticalCenter);
            match title {
                Some(title) if width > 1 => {
                    sheet.merge_range(
                        line(row),
                        0,
                        line(row),
                        position(width - 1),
                        &title,
                        &style,
                    )?;
                }
                Some(title) => {
                    sheet.write_string_with_format(line(row), 0, &title, &style)?;
                }
                None => {}
            }
            sheet.set_row_height(line(row), 30)?;
            continue;
        }
        for (column, cell) in cells.iter().enumerate() {
            let mut style = plain.clone();
            if row == look.header_row {
                style = style
                    .set_bold()
                    .set_align(FormatAlign::Center)
                    .set_background_color(Color::RGB(0x00E8_EEEC));
            }
            if look.marked.contains(&(row, column)) {
                style = style.set_background_color(Color::RGB(0x00FF_D9D0));
            }
            put(
                sheet,
                (row, column),
                cell,
                style,
                look.text_columns.contains(&column),
            )?;
        }
    }
    sheet.set_freeze_panes(line(look.header_row + 1), 0)?;
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_print_fit_to_pages(1, 0);
    sheet.set_repeat_rows(line(look.header_row), line(look.header_row))?;
    book.save_to_buffer()
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (usize, usize),
    cell: &Cell,
    style: Format,
    as_text: bool,
) -> Result<(), XlsxError> {
    let (row, column) = (line(row), position(column));
    if as_text {
        let style = style.set_num_format("@");
        sheet.write_string_with_format(row, column, cell.shown(), &style)?;
        return Ok(());
    }
    match cell {
        Cell::Empty | Cell::Unusable => sheet.write_blank(row, column, &style)?,
        Cell::Text(text) => sheet.write_string_with_format(row, column, text, &style)?,
        Cell::Day(day) => {
            let year = u16::try_from(day.year()).unwrap_or(1900);
            let month = u8::try_from(day.month()).unwrap_or(1);
            let date = u8::try_from(day.day()).unwrap_or(1);
            let day = ExcelDateTime::from_ymd(year, month, date)?;
            let style = style.set_num_format("yyyy-mm-dd");
            sheet.write_datetime_with_format(row, column, &day, &style)?
        }
        Cell::Number(number) => match &number.raw {
            calamine::Data::Float(raw) => {
                sheet.write_number_with_format(row, column, *raw, &style)?
            }
            calamine::Data::Int(raw) if i32::try_from(*raw).is_ok() => {
                let whole = i32::try_from(*raw).unwrap_or(0);
                sheet.write_number_with_format(row, column, whole, &style)?
            }
            _ => sheet.write_string_with_format(row, column, &number.text, &style)?,
        },
    };
    Ok(())
}

/// A row as the writer counts; beyond its last row it refuses.
fn line(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// A column as the writer counts; beyond its last column it refuses.
fn position(column: usize) -> u16 {
    u16::try_from(column).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{SheetFault, weigh};
    use std::io::{Cursor, Write};

    fn package(name: &str, content: &[u8]) -> Vec<u8> {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        out.start_file(name, options).expect("a part");
        out.write_all(content).expect("its content");
        out.finish().expect("a package").into_inner()
    }

    #[test]
    fn what_unpacks_to_a_flood_is_refused_before_it_is_read() {
        let spaces = vec![b' '; 300_000];
        for name in ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"] {
            let bomb = package(name, &spaces);
            assert!(bomb.len() < 3_000, "a small file");
            assert!(weigh(&bomb, 300_000).is_ok(), "{name}");
            let refused = weigh(&bomb, 299_999);
            assert!(
                matches!(refused, Err(SheetFault::TooLargeUnpacked)),
                "{name}"
            );
        }
    }

    #[test]
    fn room_is_not_made_for_what_is_only_announced() {
        for count in ["uniqueCount=\"99999999999\"", "uniqueCount = '2000001'"] {
            let liar = package(
                "xl/SharedStrings.xml",
                format!("<sst {count}><si/></sst>").as_bytes(),
            );
            assert!(
                matches!(weigh(&liar, 1_000), Err(SheetFault::TooLargeUnpacked)),
                "{count}"
            );
        }
        let honest = package(
            "xl/sharedStrings.xml",
            b"<sst uniqueCount=\"1\"><si/></sst>",
        );
        assert!(weigh(&honest, 1_000).is_ok());
    }
}
