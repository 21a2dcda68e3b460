//! The bank's result list (代发结果): the list of payments, with a column that says what became of each.

use crate::order::SUM;
use crate::{Contents, FileFault, instruction_in, shown};
use benefits::Fen;
use engine::bank_file::{BankForm, Told};
use engine::payment_batch::Totals;
use lifecycle::phase::payout::BankSays;
use sheet::cell;
use sheet::grid::{self, Cell, Grid};
use sheet::{HEADER_ROWS_MAX, SheetFault};

/// The columns that are read, each under the headings banks use; what stands in brackets does not count.
const INSTRUCTION: &[&str] = &["指令号", "客户流水号", "业务编号", "企业流水号"];
const AMOUNT: &[&str] = &["金额", "交易金额", "代发金额"];
const RESULT: &[&str] = &["结果", "处理结果", "交易结果", "状态", "交易状态"];
const REFERENCE: &[&str] = &["银行流水号", "交易流水号", "流水号"];
const REASON: &[&str] = &["原因", "失败原因", "备注", "说明"];

struct Columns {
    instruction: usize,
    amount: usize,
    result: usize,
    reference: Option<usize>,
    reason: Option<usize>,
}

fn find(row: &[Cell], names: &[&str]) -> Option<usize> {
    row.iter().position(|cell| {
        let header = cell::header(&cell.shown());
        names.contains(&header.as_str())
    })
}

fn columns(row: &[Cell]) -> Option<Columns> {
    Some(Columns {
        instruction: find(row, INSTRUCTION)?,
        amount: find(row, AMOUNT)?,
        result: find(row, RESULT)?,
        reference: find(row, REFERENCE),
        reason: find(row, REASON),
    })
}

fn said(text: &str) -> Option<BankSays> {
    Some(match text {
        "成功" | "已成功" | "交易成功" | "处理成功" | "已入账" => BankSays::Settled,
        "失败" | "交易失败" | "处理失败" | "拒绝" => BankSays::Failed,
        "退票" | "退回" | "已退回" | "已退票" => BankSays::Returned,
        "处理中" | "未知" | "待处理" | "结果未知" | "可疑" => BankSays::Unknown,
        _ => return None,
    })
}

pub fn read(bytes: &[u8]) -> Result<Contents, FileFault> {
    let grids = match grid::read(bytes) {
        Err(SheetFault::NotXlsx) => return Err(FileFault::Unrecognised),
        read => read?,
    };
    for grid in &grids {
        let rows = grid.rows.iter().take(HEADER_ROWS_MAX).enumerate();
        for (at, row) in rows {
            if let Some(columns) = columns(row) {
                return lines(grid, at, &columns);
            }
        }
    }
    Err(SheetFault::NoHeader {
        rows: HEADER_ROWS_MAX,
        example: "指令号、金额、结果",
    }
    .into())
}

fn lines(grid: &Grid, header: usize, columns: &Columns) -> Result<Contents, FileFault> {
    let mut lines: Vec<Told> = Vec::new();
    let mut says: Option<(u32, Fen)> = None;
    for row in header + 1..grid.rows.len() {
        let text = |column: usize| cell::tidy(&grid.cell(row, column).shown());
        let number = u32::try_from(row + 1).unwrap_or(u32::MAX);
        let fault = |column, what| FileFault::Row {
            row: number,
            column,
            what,
        };
        if grid.rows[row].iter().all(Cell::is_empty) {
            continue;
        }
        let amount = || cell::money(grid.cell(row, columns.amount)).ok();
        let first = grid.rows[row]
            .iter()
            .map(Cell::shown)
            .find(|it| !it.trim().is_empty());
        if first.is_some_and(|it| it.trim() == SUM) {
            let cells = grid.rows[row].iter().map(Cell::shown);
            let mut counts = cells.filter_map(|it| it.trim().trim_end_matches('笔').parse().ok());
            let sum = amount().ok_or_else(|| fault("金额", "合计金额应为元,最多两位小数"))?;
            let count = counts.next();
            says = Some((count.ok_or_else(|| fault(SUM, "合计行没有笔数"))?, sum));
            continue;
        }
        if says.is_some() {
            return Err(fault(SUM, "合计行之后还有明细"));
        }
        let result = text(columns.result);
        lines.push(Told {
            line_no: u32::try_from(lines.len() + 1).unwrap_or(u32::MAX),
            instruction_no: instruction_in(&text(columns.instruction)),
            amount: Some(amount().ok_or_else(|| fault("金额", "应为元,最多两位小数"))?),
            said: said(&result).ok_or_else(|| fault("结果", "应为成功、失败、退票或处理中"))?,
            bank_ref: columns.reference.map(text).unwrap_or_default(),
            reason: columns.reason.map(text).unwrap_or_default(),
        });
    }
    if let Some((count, sum)) = says {
        let found = Totals::of(lines.iter().filter_map(|it| it.amount)).unwrap_or_default();
        let said = Totals { count, sum };
        if said != found {
            return Err(FileFault::Totals {
                said: shown(said),
                found: shown(found),
            });
        }
    }
    Ok(Contents {
        form: BankForm::ResultList,
        lines,
    })
}
