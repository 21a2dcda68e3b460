//! The referral list (推送名单) as an office sends it: a title, a header row, people, a total.

use benefits::{Fen, MoneyFault};
use chrono::NaiveDate;
use engine::household::{
    BankAccount, Diagnosis, IdNumber, IdNumberFault, Phone, half_width, holds_private,
};
use engine::limits;
use engine::referral_batch::Line;
use lifecycle::{Peril, RegionCode};
use sheet::grid::{self, Cell, Grid};
use sheet::{CellFault, HEADER_ROWS_MAX, SheetFault, cell};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

pub use super::returned::{EXTRA_HEADERS, write_faults};

/// What is said where no row has the headers.
const NO_HEADER: SheetFault = SheetFault::NoHeader {
    rows: HEADER_ROWS_MAX,
    example: "户主姓名、户主身份证号",
};
/// Headers that must be recognised before a row is taken for the header row.
const HEADERS_MIN: usize = 6;
/// Characters of a name, a bank, a reference.
const TEXT_CHARS_MAX: usize = 60;
/// Yuan of one loss: more is an account or an identity number in the wrong column.
const SELF_PAID_MAX: Fen = Fen::from_yuan(10_000_000);
/// Persons of one household.
const PERSONS_MAX: u16 = 50;

macro_rules! columns {
    ($($variant:ident = $header:literal [$($synonym:literal),*] $need:ident,)+) => {
        /// A column of the list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column { $(#[doc = $header] $variant,)+ }

        impl Column {
            /// Every column, in the order of the office's form.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The header.
            pub const fn header(self) -> &'static str { match self { $(Self::$variant => $header,)+ } }

            fn names(self) -> &'static [&'static str] { match self { $(Self::$variant => &[$header, $($synonym),*],)+ } }

            /// Whether a list without it cannot be read.
            pub const fn is_needed(self) -> bool { match self { $(Self::$variant => columns!(@$need),)+ } }
        }
    };
    (@needed) => { true };
    (@optional) => { false };
}

columns! {
    Seq = "序号" ["编号", "NO", "No", "No."] optional,
    Township = "乡镇" ["镇", "乡", "乡镇名称", "所属乡镇", "乡镇街道", "所在乡镇"] needed,
    Village = "村" ["行政村", "村名", "村名称", "所属村", "所在村", "村居"] needed,
    HeadName = "户主姓名" ["户主", "户主名称"] needed,
    HeadId = "户主身份证号" ["户主身份证号码", "户主身份证", "户主证件号码", "户主证件号", "户主公民身份号码"] needed,
    Kind = "户类型" ["户类别", "监测户类型", "监测对象类别", "监测对象类型", "农户类型"] needed,
    Persons = "家庭人口" ["家庭人口数", "人口", "人口数", "家庭人数"] needed,
    InsuredName = "涉及人姓名" ["涉及人", "患者姓名", "学生姓名", "患者/学生姓名", "患病就学人员姓名", "救助对象姓名"] needed,
    InsuredId = "涉及人身份证号" ["涉及人身份证号码", "涉及人身份证", "涉及人证件号码", "患者身份证号", "学生身份证号", "患者/学生身份证号", "救助对象身份证号"] needed,
    Relation = "与户主关系" ["关系", "与户主的关系"] needed,
    Peril = "致贫原因" ["返贫原因", "致贫返贫原因", "致贫风险", "风险类型", "原因"] needed,
    EventOn = "事件日期" ["出院日期", "入学日期", "出院/入学日期", "发生日期", "出险日期"] needed,
    SelfPaid = "自付金额" ["个人自付金额", "个人自付", "自付费用", "个人自付费用"] needed,
    DecidedOn = "村级评议日期" ["评议日期", "民主评议日期", "村民代表会日期"] needed,
    Document = "评议文号" ["文号", "会议记录编号", "评议记录编号", "评议记录号", "决议文号"] needed,
    PayeeName = "收款人姓名" ["收款人", "户名", "开户名", "账户名"] needed,
    PayeeId = "收款人身份证号" ["收款人身份证号码", "收款人身份证", "收款人证件号码"] optional,
    Bank = "开户行" ["开户银行", "银行", "开户行名称"] needed,
    Account = "银行账号" ["账号", "银行卡号", "卡号", "一卡通账号", "收款账号", "银行帐号"] needed,
    Phone = "联系电话" ["电话", "联系方式", "电话号码", "手机号", "手机号码", "户主电话", "户主联系电话"] optional,
    Diagnosis = "患病情况" ["所患疾病", "疾病名称", "患病名称", "病种", "诊断", "疾病诊断"] optional,
}

impl Column {
    fn of_header(text: &str) -> Option<Self> {
        let wanted = cell::header(text);
        Self::ALL.iter().copied().find(|column| {
            column
                .names()
                .iter()
                .any(|name| cell::header(name) == wanted)
        })
    }

    /// A column whose digits a spreadsheet loses when they are stored as a number.
    pub const fn is_digits(self) -> bool {
        matches!(
            self,
            Self::HeadId | Self::InsuredId | Self::PayeeId | Self::Account
        )
    }
}

/// One line that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralLine {
    /// Row of the sheet, from 1.
    pub row: u32,
    /// 乡镇, as written.
    pub township: String,
    /// 村, as written.
    pub village: String,
    /// 户主姓名.
    pub head_name: String,
    /// 户主身份证号.
    pub head_id: IdNumber,
    /// 户类型.
    pub kind: String,
    /// 家庭人口.
    pub persons: u16,
    /// 涉及人姓名: patient, student.
    pub insured_name: String,
    /// 涉及人身份证号.
    pub insured_id: IdNumber,
    /// 与户主关系.
    pub relation: String,
    /// 致贫原因.
    pub peril: Peril,
    /// 事件日期.
    pub event_on: NaiveDate,
    /// 自付金额.
    pub self_paid: Fen,
    /// 村级评议日期.
    pub decided_on: NaiveDate,
    /// 评议文号.
    pub document: String,
    /// 收款人姓名.
    pub payee_name: String,
    /// 收款人身份证号, where the list has it.
    pub payee_id: Option<IdNumber>,
    /// 开户行.
    pub bank: String,
    /// 银行账号.
    pub account: BankAccount,
    /// 联系电话, where the list has it.
    pub phone: Option<Phone>,
    /// 患病情况, where the list has it.
    pub diagnosis: Option<Diagnosis>,
}

impl ReferralLine {
    /// The line for the desk, once its village is found.
    pub(crate) fn at(self, village: RegionCode) -> Line {
        Line {
            village,
            head_name: self.head_name,
            head_id: self.head_id,
            kind: self.kind,
            persons: self.persons,
            insured_name: self.insured_name,
            insured_id: self.insured_id,
            relation: self.relation,
            peril: self.peril,
            event_on: self.event_on,
            submitted: self.self_paid,
            decided_on: self.decided_on,
            document: self.document,
            payee_name: self.payee_name,
            payee_id: self.payee_id,
            bank: self.bank,
            account: self.account,
            phone: self.phone,
            diagnosis: self.diagnosis,
        }
    }
}

/// A row that is no household, and why it was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedRow {
    /// Row of the sheet, from 1.
    pub row: u32,
    /// Why.
    pub why: &'static str,
}

/// A list that was read.
#[derive(Debug, Clone)]
pub struct ReferralSheet {
    /// The title above the headers.
    pub title: Option<String>,
    /// Where each column stands, from 0.
    pub columns: BTreeMap<Column, usize>,
    /// The rows below the headers, each read or with every fault it has.
    pub rows: Vec<Result<ReferralLine, Vec<CellFault>>>,
    /// Rows that are no households.
    pub skipped: Vec<SkippedRow>,
}

impl ReferralSheet {
    /// A fault of a line, found later than reading.
    pub fn fault(
        &self,
        row: u32,
        column: Option<Column>,
        what: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> CellFault {
        CellFault {
            row,
            column: column.and_then(|column| self.columns.get(&column).copied()),
            header: column.map_or("整行", Column::header),
            what: what.into(),
            what_to_do: what_to_do.into(),
        }
    }
}

/// The grid of a list, and where its headers are.
#[derive(Debug)]
pub(super) struct Layout {
    pub grid: Grid,
    pub header_row: usize,
    pub columns: BTreeMap<Column, usize>,
}

/// Finds the list in a workbook.
pub(super) fn layout(bytes: &[u8]) -> Result<Layout, SheetFault> {
    let mut missing = None;
    for grid in grid::read(bytes)? {
        match find_headers(&grid) {
            Ok((header_row, columns)) => {
                return Ok(Layout {
                    grid,
                    header_row,
                    columns,
                });
            }
            Err(SheetFault::NoHeader { .. }) => {}
            Err(fault) => missing = missing.or(Some(fault)),
        }
    }
    Err(missing.unwrap_or(NO_HEADER))
}

fn find_headers(grid: &Grid) -> Result<(usize, BTreeMap<Column, usize>), SheetFault> {
    let recognised = |row: &[Cell]| row.iter().filter(|it| header_of(it).is_some()).count();
    let header_row = grid
        .rows
        .iter()
        .take(HEADER_ROWS_MAX)
        .position(|row| recognised(row) >= HEADERS_MIN)
        .ok_or(NO_HEADER)?;
    let mut columns = BTreeMap::new();
    for (index, cell) in grid.rows[header_row].iter().enumerate() {
        let Some(column) = header_of(cell) else {
            continue;
        };
        if column == Column::SelfPaid && cell.shown().contains('万') {
            return Err(SheetFault::AmountUnit("自付金额"));
        }
        if columns.insert(column, index).is_some() {
            return Err(SheetFault::RepeatedColumn(column.header()));
        }
    }
    let missing: Vec<_> = Column::ALL
        .iter()
        .filter(|column| column.is_needed() && !columns.contains_key(column))
        .map(|column| column.header())
        .collect();
    if missing.is_empty() {
        Ok((header_row, columns))
    } else {
        Err(SheetFault::MissingColumns(missing))
    }
}

fn header_of(cell: &Cell) -> Option<Column> {
    if let Cell::Text(text) = cell {
        Column::of_header(text)
    } else {
        None
    }
}

/// Reads a referral list: every row, and of a faulty row every fault.
pub fn read(bytes: &[u8]) -> Result<ReferralSheet, SheetFault> {
    let Layout {
        grid,
        header_row,
        columns,
    } = layout(bytes)?;
    let body = grid.rows.len() - header_row - 1;
    if body > limits::SHEET_ROWS_MAX {
        return Err(SheetFault::TooManyRows);
    }
    let title = grid.rows[..header_row]
        .iter()
        .flatten()
        .map(Cell::shown)
        .find(|text| !text.trim().is_empty())
        .map(|text| text.trim().to_owned());
    let mut sheet = ReferralSheet {
        title,
        columns,
        rows: Vec::new(),
        skipped: Vec::new(),
    };
    let mut seen: HashMap<(IdNumber, Peril, NaiveDate), u32> = HashMap::new();
    for index in header_row + 1..grid.rows.len() {
        let row = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Some(why) = passed_over(&grid.rows[index], &sheet.columns) {
            sheet.skipped.push(SkippedRow { row, why });
            continue;
        }
        let mut reading = Reading {
            sheet: &sheet,
            cells: &grid.rows[index],
            row,
            faults: Vec::new(),
        };
        let line = reading.line(&mut seen);
        let faults = reading.faults;
        sheet.rows.push(match line {
            Some(line) if faults.is_empty() => Ok(line),
            _ => Err(faults),
        });
    }
    Ok(sheet)
}

/// Why a row is no household: blank, a total, a note, the headers once more.
fn passed_over(cells: &[Cell], columns: &BTreeMap<Column, usize>) -> Option<&'static str> {
    let at = |column: Column| columns.get(&column).and_then(|index| cells.get(*index));
    let known = |column| at(column).is_some_and(|cell| !cell.is_empty());
    if cells.iter().filter(|it| header_of(it).is_some()).count() >= HEADERS_MIN {
        return Some("重复的表头 / the headers again");
    }
    let needed = Column::ALL.iter().copied().filter(|it| it.is_needed());
    if !needed.clone().any(known) && cells.iter().skip(1).all(Cell::is_empty) {
        let first: String = cells.first().map(Cell::shown).unwrap_or_default();
        if first.chars().all(|it| it.is_ascii_digit()) {
            return Some("空行 / blank");
        }
    }
    if known(Column::HeadId) || known(Column::InsuredId) {
        return None;
    }
    let first = cells.iter().find(|cell| !cell.is_empty())?;
    let first = cell::tidy(&first.shown());
    let first = cell::header(&first);
    if ["合计", "总计", "小计", "共计"]
        .iter()
        .any(|word| first.starts_with(word))
    {
        return Some("合计行 / a total");
    }
    let notes = [
        "备注",
        "说明",
        "注",
        "填表",
        "制表",
        "审核",
        "联系",
        "单位",
        "负责人",
        "经办",
    ];
    if notes.iter().any(|word| first.starts_with(word)) {
        return Some("说明行 / a note");
    }
    None
}

/// One row being read.
struct Reading<'a> {
    sheet: &'a ReferralSheet,
    cells: &'a [Cell],
    row: u32,
    faults: Vec<CellFault>,
}

impl Reading<'_> {
    fn fault(&mut self, column: Column, what: impl Display, what_to_do: impl Display) {
        let fault = self.sheet.fault(
            self.row,
            Some(column),
            what.to_string(),
            what_to_do.to_string(),
        );
        self.faults.push(fault);
    }

    fn cell(&self, column: Column) -> &Cell {
        static EMPTY: Cell = Cell::Empty;
        self.sheet
            .columns
            .get(&column)
            .and_then(|index| self.cells.get(*index))
            .unwrap_or(&EMPTY)
    }

    /// The cell, unless nothing (usable) stands in it.
    fn filled(&mut self, column: Column) -> Option<Cell> {
        let cell = self.cell(column).clone();
        match cell {
            Cell::Empty => self.fault(
                column,
                "未填写 / empty",
                format!("请填写{} / fill it in", column.header()),
            ),
            Cell::Unusable => self.fault(
                column,
                "单元格是公式错误或逻辑值 / an error or a logical value",
                "请重新录入 / enter it again",
            ),
            Cell::Text(_) | Cell::Number(_) | Cell::Day(_) => return Some(cell),
        }
        None
    }

    fn text(&mut self, column: Column) -> Option<String> {
        let text = cell::tidy(&self.filled(column)?.shown());
        if text.chars().count() > TEXT_CHARS_MAX {
            self.fault(
                column,
                format!("超过{TEXT_CHARS_MAX}个字 / longer than {TEXT_CHARS_MAX} characters"),
                "请缩短,或核对是否填错了列 / shorten it, or check the column",
            );
            return None;
        }
        // The rule of every free text: the log keeps these for ever.
        if holds_private(&text) {
            self.fault(
                column,
                "疑似有身份证号、银行账号或手机号 / looks like an ID number, an account or a phone number",
                "请核对是否填错了列;这些请填在专门的列里 / check the column: these have columns of their own",
            );
            return None;
        }
        Some(text)
    }

    /// A name: what is not one is as a rule a number from the next column.
    fn name(&mut self, column: Column) -> Option<String> {
        let text = self.text(column)?;
        if text.chars().any(char::is_numeric) {
            self.fault(
                column,
                "姓名中有数字 / a name with digits",
                "请核对是否填错了列 / check the column",
            );
            return None;
        }
        Some(text)
    }

    /// Digits must be text: as a number a spreadsheet keeps fifteen of them and forgets zeros.
    fn digits(&mut self, column: Column) -> Option<String> {
        match self.filled(column)? {
            // `1.30302E+17` is what a spreadsheet wrote of such a number into a .csv.
            Cell::Text(text) if !text.contains("E+") => Some(text),
            Cell::Text(_) | Cell::Number(_) | Cell::Day(_) | Cell::Empty | Cell::Unusable => {
                let (what, english) = if column == Column::Account {
                    ("银行账号", "the account")
                } else {
                    ("身份证号", "the ID number")
                };
                self.fault(
                    column,
                    format!("{what}被存成了数字,末几位可能已经丢失 / {english} is stored as a number, its last digits may be lost"),
                    "请把单元格设为文本格式后重新录入 / format the cell as text and enter it again",
                );
                None
            }
        }
    }

    fn id_number(&mut self, column: Column) -> Option<IdNumber> {
        let text = self.digits(column)?;
        // Only what could be a number is parsed: the last character is looked at as a byte.
        let plain = text
            .chars()
            .all(|it| it.is_whitespace() || half_width(it).is_ascii());
        let read = if plain {
            IdNumber::parse(&text)
        } else {
            Err(IdNumberFault::Character)
        };
        match read {
            Ok(number) => Some(number),
            Err(fault) => {
                let english = match fault {
                    IdNumberFault::Length(_) => "not 18 characters",
                    IdNumberFault::Character => "a character that is neither digit nor final X",
                    IdNumberFault::BirthDate => "the date of birth does not exist",
                    IdNumberFault::Checksum => "the check character does not fit",
                };
                self.fault(
                    column,
                    format!("身份证号{fault} / {english}"),
                    "请对照身份证或户口簿逐位核对后改正 / compare with the card, digit by digit",
                );
                None
            }
        }
    }

    fn day(&mut self, column: Column) -> Option<NaiveDate> {
        let read = cell::day(&self.filled(column)?);
        if read.is_none() {
            self.fault(
                column,
                "日期读不懂或不存在 / not a day",
                "请写成 2020-05-18 / write it like 2020-05-18",
            );
        }
        read
    }

    fn money(&mut self, column: Column) -> Option<Fen> {
        let (what, english) = match cell::money(&self.filled(column)?) {
            Ok(amount) if amount > SELF_PAID_MAX => ("金额过大", "too large"),
            Ok(amount) if amount > Fen::ZERO => return Some(amount),
            Ok(_) => ("金额应大于零", "not above zero"),
            Err(MoneyFault::Negative { .. }) => ("金额不能为负", "negative"),
            Err(MoneyFault::TooManyDecimals { .. }) => {
                ("金额多于两位小数", "more than two decimals")
            }
            Err(MoneyFault::MisplacedComma { .. }) => {
                ("千位逗号的位置不对", "a comma in the wrong place")
            }
            Err(MoneyFault::TooLarge { .. }) => ("金额过大", "too large"),
            Err(MoneyFault::NotANumber { .. } | MoneyFault::Empty) => {
                ("金额读不懂", "not an amount")
            }
        };
        self.fault(
            column,
            format!("{what} / {english}"),
            "请以元为单位写数字,如 41200.50 / write yuan like 41200.50",
        );
        None
    }

    fn persons(&mut self, column: Column) -> Option<u16> {
        let read = cell::count(&self.filled(column)?).filter(|it| (1..=PERSONS_MAX).contains(it));
        if read.is_none() {
            self.fault(
                column,
                format!("不是1到{PERSONS_MAX}的整数 / not a whole number from 1 to {PERSONS_MAX}"),
                "请填户籍人口数 / give the number of persons",
            );
        }
        read
    }

    fn peril(&mut self, column: Column) -> Option<Peril> {
        let text = self.text(column)?;
        let words = [
            (Peril::Illness, ["病", "医"]),
            (Peril::Schooling, ["学", "教"]),
            (Peril::Disaster, ["灾", "灾"]),
            (Peril::Accident, ["意外", "事故"]),
        ];
        let found: Vec<Peril> = words
            .iter()
            .filter(|(_, words)| words.iter().any(|word| text.contains(word)))
            .map(|(peril, _)| *peril)
            .collect();
        match found.as_slice() {
            [peril] => return Some(*peril),
            // Not repeated: in a row that is shifted it is somebody's illness.
            [] => self.fault(
                column,
                "原因不认识 / not a known cause",
                "请写 因病、因学、因灾 或 意外 / write one of these",
            ),
            [_, _, ..] => self.fault(
                column,
                "一行写了几个原因 / several causes in one row",
                "请一个原因一行 / one row for each cause",
            ),
        }
        None
    }

    fn account(&mut self, column: Column) -> Option<BankAccount> {
        let read = BankAccount::parse(&self.digits(column)?);
        if read.is_none() {
            self.fault(
                column,
                "账号应为8至32位数字 / an account has 8 to 32 digits",
                "请对照存折或银行卡核对 / compare with the passbook or card",
            );
        }
        read
    }

    /// Any spelling of a phone; as a number it has lost nothing but the zero of an area code.
    fn phone(&mut self, column: Column) -> Option<Phone> {
        let read = Phone::parse(&self.filled(column)?.shown());
        if read.is_none() {
            self.fault(
                column,
                "不是电话号码 / not a phone number",
                "请填一个7至12位的号码,座机带区号 / give one number of 7 to 12 digits, with its area code",
            );
        }
        read
    }

    fn diagnosis(&mut self, column: Column) -> Option<Diagnosis> {
        let read = Diagnosis::parse(&cell::tidy(&self.filled(column)?.shown()));
        if read.is_none() {
            let most = limits::DIAGNOSIS_CHARS_MAX;
            self.fault(
                column,
                format!("超过{most}个字 / longer than {most} characters"),
                "请只写病名 / the name of the illness is enough",
            );
        }
        read
    }

    /// What need not be filled in; `None` if it is, and cannot be read.
    #[expect(
        clippy::option_option,
        reason = "nothing there, or nothing readable there"
    )]
    fn optional<T>(
        &mut self,
        column: Column,
        read: fn(&mut Self, Column) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.cell(column).is_empty() {
            Some(None)
        } else {
            read(self, column).map(Some)
        }
    }

    /// Every cell is read before anything is missed, so that all faults come at once.
    fn line(
        &mut self,
        seen: &mut HashMap<(IdNumber, Peril, NaiveDate), u32>,
    ) -> Option<ReferralLine> {
        let township = self.text(Column::Township);
        let village = self.text(Column::Village);
        let head_name = self.name(Column::HeadName);
        let head_id = self.id_number(Column::HeadId);
        let kind = self.text(Column::Kind);
        let persons = self.persons(Column::Persons);
        let insured_name = self.name(Column::InsuredName);
        let insured_id = self.id_number(Column::InsuredId);
        let relation = self.text(Column::Relation);
        let peril = self.peril(Column::Peril);
        let event_on = self.day(Column::EventOn);
        let self_paid = self.money(Column::SelfPaid);
        let decided_on = self.day(Column::DecidedOn);
        let document = self.text(Column::Document);
        let payee_name = self.name(Column::PayeeName);
        let payee_id = self.optional(Column::PayeeId, Self::id_number);
        let bank = self.text(Column::Bank);
        let account = self.account(Column::Account);
        let phone = self.optional(Column::Phone, Self::phone);
        let diagnosis = self.optional(Column::Diagnosis, Self::diagnosis);
        if let (Some(insured), Some(peril), Some(event_on)) = (&insured_id, peril, event_on) {
            let first = *seen
                .entry((insured.clone(), peril, event_on))
                .or_insert(self.row);
            if first != self.row {
                self.fault(
                    Column::InsuredId,
                    format!("与第{first}行重复:同一人、同一原因、同一日期 / repeats row {first}: same person, cause and day"),
                    "若确为同一笔请删除本行,否则改正日期或人员 / delete this row, or correct person or day",
                );
            }
        }
        if let (Some(head), Some(insured)) = (&head_id, &insured_id)
            && head == insured
            && head_name.is_some()
            && insured_name.is_some()
            && head_name != insured_name
        {
            self.fault(
                Column::InsuredName,
                "与户主身份证号相同而姓名不同 / the head's ID number with another name",
                "请核对涉及人的姓名和身份证号 / check name and ID number",
            );
        }
        Some(ReferralLine {
            row: self.row,
            township: township?,
            village: village?,
            head_name: head_name?,
            head_id: head_id?,
            kind: kind?,
            persons: persons?,
            insured_name: insured_name?,
            insured_id: insured_id?,
            relation: relation?,
            peril: peril?,
            event_on: event_on?,
            self_paid: self_paid?,
            decided_on: decided_on?,
            document: document?,
            payee_name: payee_name?,
            payee_id: payee_id?,
            bank: bank?,
            account: account?,
            phone: phone?,
            diagnosis: diagnosis?,
        })
    }
}
