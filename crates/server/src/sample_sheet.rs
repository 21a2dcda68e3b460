//! The referral list of the sample county, as a real `.xlsx` in the shape an office sends.

use console::sheet::referral::Column;
use serde::Deserialize;
use sheet::grid::{self, Cell, Grid, Look};
use std::collections::{BTreeMap, BTreeSet};

const DATA: &str = include_str!("../sample/referrals.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    title: String,
    sheet: String,
    note: String,
    mended: Mended,
    rows: Vec<Row>,
}

/// The number that was misread, and what stands on the card.
#[derive(Deserialize)]
struct Mended {
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    place: (String, String),
    head: (String, String),
    household: (String, i32),
    insured: (String, String, String),
    event: (String, String),
    self_paid: Amount,
    decision: (String, String),
    payee: (String, String, String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Whole(i32),
    Text(String),
}

/// The headers as the office writes them, broken where its columns are narrow.
const HEADERS: [&str; 18] = [
    "序号",
    "乡镇",
    "村",
    "户主姓名",
    "户主\n身份证号",
    "户类型",
    "家庭\n人口",
    "涉及人姓名\n(患者/学生)",
    "涉及人\n身份证号",
    "与户主\n关系",
    "致贫原因",
    "事件日期\n(出院/入学)",
    "自付金额\n(元)",
    "村级评议\n日期",
    "评议文号",
    "收款人\n姓名",
    "开户行",
    "银行账号",
];

fn list() -> List {
    toml::from_str(DATA).unwrap_or_else(|fault| panic!("sample/referrals.toml: {fault}"))
}

/// A day written with hyphens is a real date cell; every other spelling stays text.
fn day(text: &str) -> Cell {
    text.parse().map_or_else(|_| Cell::text(text), Cell::Day)
}

fn look() -> Look {
    let widths = [
        (Column::Seq, 6),
        (Column::HeadId, 22),
        (Column::InsuredId, 22),
        (Column::Document, 24),
        (Column::Bank, 24),
        (Column::Account, 24),
    ];
    let place = |column: Column| {
        let header = column.header();
        HEADERS.iter().position(|it| {
            let text: String = it.split_whitespace().collect();
            text.split('(').next() == Some(header)
        })
    };
    Look {
        header_row: 1,
        text_columns: [Column::HeadId, Column::InsuredId, Column::Account]
            .into_iter()
            .filter_map(place)
            .collect(),
        marked: BTreeSet::new(),
        widths: widths
            .into_iter()
            .filter_map(|(column, width)| Some((place(column)?, width)))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// The list as it was sent: seventeen households, one with a misread number, one twice, a total.
pub fn referral_workbook() -> Vec<u8> {
    let list = list();
    let mut rows = vec![
        vec![Cell::text(list.title)],
        HEADERS.iter().map(|it| Cell::text(*it)).collect(),
    ];
    for (number, row) in (1..).zip(list.rows) {
        rows.push(vec![
            Cell::whole(number),
            Cell::text(row.place.0),
            Cell::text(row.place.1),
            Cell::text(row.head.0),
            Cell::text(row.head.1),
            Cell::text(row.household.0),
            Cell::whole(row.household.1),
            Cell::text(row.insured.0),
            Cell::text(row.insured.1),
            Cell::text(row.insured.2),
            Cell::text(row.event.0),
            day(&row.event.1),
            match row.self_paid {
                Amount::Whole(yuan) => Cell::whole(yuan),
                Amount::Text(text) => Cell::text(text),
            },
            day(&row.decision.0),
            Cell::text(row.decision.1),
            Cell::text(row.payee.0),
            Cell::text(row.payee.1),
            Cell::text(row.payee.2),
        ]);
    }
    let total = rows.len() - 2;
    rows.push(vec![
        Cell::text("合 计"),
        Cell::Empty,
        Cell::text(format!("{total}户")),
    ]);
    rows.push(vec![Cell::text(list.note)]);
    let grid = Grid {
        name: list.sheet,
        rows,
    };
    grid::write(&grid, &look()).unwrap_or_else(|fault| panic!("the sample sheet: {fault}"))
}

/// The returned sheet as the office mends it: the misread number is put right where it stands. The
/// repeated row is left in: it adds nothing.
pub fn corrected(faulty: &[u8]) -> Vec<u8> {
    let Mended { from, to } = list().mended;
    let grid = grid::read(faulty).unwrap_or_else(|fault| panic!("the returned sheet: {fault}"));
    let mut grid = grid.into_iter().next().unwrap_or_default();
    for cell in grid.rows.iter_mut().flatten() {
        if matches!(cell, Cell::Text(text) if *text == from) {
            *cell = Cell::text(to.clone());
        }
    }
    grid::write(&grid, &look()).unwrap_or_else(|fault| panic!("the corrected sheet: {fault}"))
}
