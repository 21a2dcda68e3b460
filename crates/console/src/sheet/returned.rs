//! The sheet that goes back (退回更正表): the same layout, only the rows to mend, and what is wrong.

use super::referral::{self, Layout};
use sheet::grid::{self, Cell, Grid, Look};
use sheet::{CellFault, SheetFault};
use std::collections::{BTreeMap, BTreeSet};

/// The columns added at the right. A reader passes over them, so the mended sheet can be sent in as
/// it is.
pub const EXTRA_HEADERS: [&str; 4] = ["行号(原表)", "列", "问题", "怎么办"];

/// The faulty rows of `original` in its own layout, each with its faults. Sheets that were returned
/// before lose their old remarks.
pub fn write_faults(original: &[u8], faults: &[CellFault]) -> Result<Vec<u8>, SheetFault> {
    let Layout {
        grid,
        header_row,
        columns,
    } = referral::layout(original)?;
    let kept = kept_columns(&grid, header_row);
    let place = |column: usize| kept.iter().position(|it| *it == column);
    let digits: BTreeSet<usize> = columns
        .iter()
        .filter(|(column, _)| column.is_digits())
        .map(|(_, index)| *index)
        .collect();
    let mut out = Grid {
        name: grid.name.clone(),
        rows: grid.rows[..header_row].to_vec(),
    };
    let headers = kept
        .iter()
        .map(|column| grid.cell(header_row, *column).clone());
    out.rows.push(
        headers
            .chain(EXTRA_HEADERS.iter().map(|header| Cell::text(*header)))
            .collect(),
    );
    let mut look = Look {
        header_row,
        text_columns: digits.iter().filter_map(|column| place(*column)).collect(),
        marked: BTreeSet::new(),
        widths: widths(&kept, &digits),
    };
    for (row, faults) in by_row(faults) {
        let Some(index) = usize::try_from(row).ok().and_then(|row| row.checked_sub(1)) else {
            continue;
        };
        let at = out.rows.len();
        let cells = kept.iter().map(|column| match grid.cell(index, *column) {
            // What is left of a number is not what was meant: better nothing than a wrong digit.
            Cell::Number(_) | Cell::Day(_) if digits.contains(column) => Cell::Empty,
            cell => cell.clone(),
        });
        let joined = |part: fn(&CellFault) -> String| {
            let lines: Vec<String> = faults.iter().map(|fault| part(fault)).collect();
            Cell::text(lines.join("\n"))
        };
        let remarks = [
            Cell::text(row.to_string()),
            joined(CellFault::place),
            joined(|fault| fault.what.clone()),
            joined(|fault| fault.what_to_do.clone()),
        ];
        out.rows.push(cells.chain(remarks).collect());
        look.marked.extend(
            faults
                .iter()
                .filter_map(|fault| fault.column.and_then(place))
                .map(|column| (at, column)),
        );
    }
    grid::write(&out, &look)
}

/// The columns of the original but those that an earlier return has added.
fn kept_columns(grid: &Grid, header_row: usize) -> Vec<usize> {
    (0..grid.width())
        .filter(|column| {
            let header = grid.cell(header_row, *column).shown();
            !EXTRA_HEADERS.contains(&header.trim())
        })
        .collect()
}

fn widths(kept: &[usize], digits: &BTreeSet<usize>) -> BTreeMap<usize, u16> {
    let mut widths: BTreeMap<usize, u16> = kept
        .iter()
        .enumerate()
        .filter(|(_, column)| digits.contains(column))
        .map(|(place, _)| (place, 22))
        .collect();
    let extra = kept.len();
    widths.extend([
        (extra, 10),
        (extra + 1, 20),
        (extra + 2, 40),
        (extra + 3, 44),
    ]);
    widths
}

fn by_row(faults: &[CellFault]) -> BTreeMap<u32, Vec<&CellFault>> {
    let mut rows: BTreeMap<u32, Vec<&CellFault>> = BTreeMap::new();
    for fault in faults {
        rows.entry(fault.row).or_default().push(fault);
    }
    rows
}
