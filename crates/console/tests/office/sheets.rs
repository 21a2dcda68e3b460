//! Referral lists as offices send them: read, returned, mended, referred.

use crate::sample_sheet;
use benefits::Fen;
use chrono::NaiveDate;
use console::import;
use console::sheet::referral::{self, Column, ReferralSheet};
use engine::disclosure::{Disclosing, Disclosure, PrivateSubject, Purpose};
use engine::household::{Diagnosis, Household, IdNumber, Phone, PrivateDetails};
use engine::testkit::{Role, TestDesk, World};
use engine::{ClaimFilter, Page, limits};
use lifecycle::{Peril, Status};
use sheet::grid::{self, Cell, Grid, Look};
use sheet::{CellFault, SheetFault};
use std::fmt::Write as _;

const HEAD: &str = "130302199001010016";
const CHILD: &str = "130321198112300029";
const PHONE: &str = "13903350001";
const DIAGNOSIS: &str = "某种要保密的病";

/// A sheet with the usual headers and these rows.
fn sheet(rows: Vec<Vec<Cell>>) -> Vec<u8> {
    let mut all = vec![
        vec![Cell::text("某镇防贫险推送名单(2020年6月)")],
        Column::ALL
            .iter()
            .map(|it| Cell::text(it.header()))
            .collect(),
    ];
    all.extend(rows);
    let grid = Grid {
        name: "名单".into(),
        rows: all,
    };
    let look = Look {
        header_row: 1,
        ..Look::default()
    };
    grid::write(&grid, &look).expect("the sheet can be written")
}

/// One sound row.
fn sound() -> Vec<Cell> {
    [
        "1",
        "石门寨镇",
        "西上庄坨村",
        "王五",
        HEAD,
        "边缘易致贫户",
        "3",
        "王小",
        CHILD,
        "子",
        "因病",
        "2020-05-18",
        "41,200.50",
        "2020-05-20",
        "村评〔2020〕1号",
        "王五",
        "",
        "农信社",
        "6210000000000001",
        PHONE,
        DIAGNOSIS,
    ]
    .into_iter()
    .map(Cell::text)
    .collect()
}

fn with(column: Column, cell: Cell) -> Vec<Cell> {
    let mut row = sound();
    let at = Column::ALL.iter().position(|it| *it == column);
    row[at.expect("a column")] = cell;
    row
}

fn read(rows: Vec<Vec<Cell>>) -> ReferralSheet {
    referral::read(&sheet(rows)).expect("the sheet can be read")
}

fn faults(sheet: &ReferralSheet) -> Vec<CellFault> {
    sheet
        .rows
        .iter()
        .filter_map(|row| row.as_ref().err())
        .flatten()
        .cloned()
        .collect()
}

fn check(column: Column, cell: Cell, expected: &str) {
    let read = read(vec![with(column, cell)]);
    let faults = faults(&read);
    assert_eq!(faults.len(), 1, "{column:?}: {faults:?}");
    assert_eq!(faults[0].row, 3);
    assert_eq!(faults[0].header, column.header());
    assert!(faults[0].what.contains(expected), "{}", faults[0]);
}

#[test]
fn a_sound_row_is_read_with_its_title() {
    let sheet = read(vec![sound()]);
    assert_eq!(
        sheet.title.as_deref(),
        Some("某镇防贫险推送名单(2020年6月)")
    );
    let line = sheet.rows[0].as_ref().expect("a sound row");
    assert_eq!(line.row, 3);
    assert_eq!(line.head_id.reveal(), HEAD);
    assert_eq!(line.peril, Peril::Illness);
    assert_eq!(line.self_paid, Fen::new(4_120_050));
    assert_eq!(Some(line.event_on), NaiveDate::from_ymd_opt(2020, 5, 18));
}

#[test]
fn numbers_of_identity_are_forgiven_what_is_harmless() {
    for text in [
        "１３０３０２１９９００１０１００１６",
        "'130302199001010016",
        "130302 19900101 0016",
        "1303021990０1010016",
    ] {
        let read = read(vec![with(Column::HeadId, Cell::text(text))]);
        assert_eq!(faults(&read), [], "{text}");
    }
    let read = read(vec![with(Column::HeadId, Cell::text("13032119680920226x"))]);
    assert_eq!(faults(&read), [], "small x");
}

#[test]
fn each_fault_says_what_and_what_to_do() {
    check(Column::HeadId, Cell::text("130302199001010017"), "校验码");
    check(Column::HeadId, Cell::text("13030219900101001"), "18位");
    check(
        Column::HeadId,
        Cell::text("13030219900101OO16"),
        "以外的字符",
    );
    check(
        Column::HeadId,
        Cell::text("13030219900101001中"),
        "以外的字符",
    );
    check(Column::EventOn, Cell::text("520日"), "日期");
    check(Column::SelfPaid, Cell::text("约4万"), "读不懂");
    check(Column::SelfPaid, Cell::text("0"), "大于零");
    check(Column::SelfPaid, Cell::text("-5"), "负");
    check(Column::SelfPaid, Cell::text("6210000000000001"), "过大");
    check(Column::Persons, Cell::text("很多"), "整数");
    check(Column::Peril, Cell::text("因病因学"), "几个原因");
    check(Column::Peril, Cell::text("其他"), "不认识");
    check(Column::HeadName, Cell::text("王5"), "数字");
    check(Column::Document, Cell::Empty, "未填写");
    check(Column::Account, Cell::text("12"), "8至32位");
}

#[test]
fn digits_stored_as_a_number_are_refused_since_some_are_lost() {
    check(
        Column::HeadId,
        Cell::whole(130_302_199),
        "身份证号被存成了数字",
    );
    check(
        Column::Account,
        Cell::whole(621_000_000),
        "银行账号被存成了数字",
    );
}

#[test]
fn all_faults_of_a_row_come_at_once_and_none_shows_a_number() {
    let mut row = with(Column::HeadId, Cell::text("130302199001010017"));
    row[11] = Cell::text("上月");
    row[12] = Cell::text(HEAD);
    row[1] = Cell::Empty;
    let found = faults(&read(vec![row]));
    assert_eq!(found.len(), 4, "{found:?}");
    for fault in &found {
        assert!(!fault.to_string().contains("1303"), "{fault}");
    }
}

#[test]
fn a_repeated_row_names_the_first_one() {
    let mut again = sound();
    again[0] = Cell::text("2");
    again[11] = Cell::text("2020年5月18日");
    let mut later = sound();
    later[11] = Cell::text("2020-05-19");
    let sheet = read(vec![sound(), again, later]);
    let found = faults(&sheet);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].row, found[0].header), (4, "涉及人身份证号"));
    assert!(found[0].what.contains("第3行"), "{}", found[0]);
}

#[test]
fn totals_blanks_and_notes_are_passed_over_and_reported() {
    let headers = Column::ALL
        .iter()
        .map(|it| Cell::text(it.header()))
        .collect();
    let sheet = read(vec![
        sound(),
        Vec::new(),
        vec![Cell::text("2")],
        headers,
        vec![
            Cell::text("合 计"),
            Cell::Empty,
            Cell::text("1户"),
            Cell::whole(41_200),
        ],
        vec![Cell::text("说明:以上为示例")],
        vec![Cell::text("填表人:某某")],
    ]);
    assert_eq!(sheet.rows.len(), 1);
    let rows: Vec<u32> = sheet.skipped.iter().map(|it| it.row).collect();
    assert_eq!(rows, [4, 5, 6, 7, 8, 9]);
}

#[test]
fn headers_stand_in_any_order_with_synonyms_and_breaks() {
    let mut grid = grid::read(&sheet(vec![sound()])).expect("read").remove(0);
    for row in &mut grid.rows {
        if row.len() > 1 {
            row.resize(Column::ALL.len(), Cell::Empty);
            row.reverse();
        }
    }
    for cell in &mut grid.rows[1] {
        *cell = match cell.shown().as_str() {
            "自付金额" => Cell::text("个人自付金额\n（元）"),
            "涉及人姓名" => Cell::text("患 者\n姓 名"),
            "户主身份证号" => Cell::text("户主身份证\n号码"),
            other => Cell::text(other),
        };
    }
    let look = Look {
        header_row: 1,
        ..Look::default()
    };
    let bytes = grid::write(&grid, &look).expect("written");
    let sheet = referral::read(&bytes).expect("read");
    assert_eq!(faults(&sheet), []);
    assert_eq!(sheet.rows.len(), 1);
}

fn headers_with(change: impl Fn(&str) -> String) -> Result<ReferralSheet, SheetFault> {
    let mut grid = grid::read(&sheet(vec![sound()])).expect("read").remove(0);
    for cell in &mut grid.rows[1] {
        *cell = Cell::text(change(&cell.shown()));
    }
    referral::read(
        &grid::write(
            &grid,
            &Look {
                header_row: 1,
                ..Look::default()
            },
        )
        .expect("written"),
    )
}

#[test]
fn a_sheet_without_the_right_headers_says_which() {
    let missing = headers_with(|it| if it == "银行账号" { "备注" } else { it }.to_owned());
    assert!(
        missing
            .expect_err("missing")
            .to_string()
            .contains("银行账号")
    );
    let twice = headers_with(|it| if it == "开户行" { "账号" } else { it }.to_owned());
    assert!(matches!(twice, Err(SheetFault::RepeatedColumn("银行账号"))));
    let unit = headers_with(|it| {
        if it == "自付金额" {
            "自付金额(万元)"
        } else {
            it
        }
        .to_owned()
    });
    assert!(matches!(unit, Err(SheetFault::AmountUnit(_))));
    let none = headers_with(|_| "某列".to_owned());
    assert!(matches!(none, Err(SheetFault::NoHeader { .. })));
}

/// Every fault of a sheet, as it is told and as it stands in the sheet that goes back.
fn told(bytes: &[u8]) -> (Vec<CellFault>, String) {
    let found = faults(&referral::read(bytes).expect("the sheet can be read"));
    let returned = referral::write_faults(bytes, &found).expect("written");
    let grid = grid::read(&returned).expect("a workbook").remove(0);
    let remarks = grid.width() - referral::EXTRA_HEADERS.len();
    let mut words = String::new();
    for fault in &found {
        let _ = write!(words, "{fault}\n{fault:?}\n");
    }
    for row in &grid.rows[2..] {
        words.extend(row.iter().skip(remarks).map(Cell::shown));
    }
    (found, words)
}

#[test]
fn phone_and_illness_are_read_where_a_list_has_them() {
    for (phone, diagnosis) in [
        (
            Cell::text("139 0335 0001"),
            Cell::text(" 某种 要保密的病\n"),
        ),
        (
            Cell::text("+86１３９-０３３５-０００１"),
            Cell::text(DIAGNOSIS),
        ),
    ] {
        let mut row = with(Column::Phone, phone);
        row[20] = diagnosis;
        let read = read(vec![row]);
        let line = read.rows[0].as_ref().expect("a sound row");
        assert_eq!(line.phone.as_ref().map(Phone::reveal), Some(PHONE));
        let illness = line.diagnosis.as_ref().map(Diagnosis::reveal);
        assert_eq!(illness, Some(DIAGNOSIS));
        let printed = format!("{line:?}");
        assert!(!printed.contains(PHONE) && !printed.contains(DIAGNOSIS));
    }
    // A spreadsheet that made a number of it has lost nothing.
    let read = read(vec![with(Column::Phone, Cell::whole(7_061_234))]);
    let line = read.rows[0].as_ref().expect("a sound row");
    assert_eq!(line.phone.as_ref().map(Phone::reveal), Some("7061234"));
    let mut row = sound();
    (row[19], row[20]) = (Cell::Empty, Cell::Empty);
    let read = self::read(vec![row]);
    let line = read.rows[0].as_ref().expect("both may be left out");
    assert_eq!((&line.phone, &line.diagnosis), (&None, &None));
    for (header, column) in [
        ("户主联系电话", Column::Phone),
        ("联系方式", Column::Phone),
        ("手机号码\n(必填)", Column::Phone),
        ("所患疾病", Column::Diagnosis),
        ("疾病名称(诊断证明)", Column::Diagnosis),
    ] {
        let bytes = headers_with(|it| {
            let own = it == column.header();
            if own { header } else { it }.to_owned()
        });
        let read = bytes.expect("read");
        assert!(read.columns.contains_key(&column), "{header}");
    }
}

#[test]
fn what_is_wrong_with_them_is_told_without_them() {
    let long = "病".repeat(limits::DIAGNOSIS_CHARS_MAX + 1);
    for (column, text, expected) in [
        (Column::Phone, "1390335000", "不是电话号码"),
        (Column::Phone, "13903350001、13903350002", "不是电话号码"),
        (Column::Phone, DIAGNOSIS, "不是电话号码"),
        (Column::Diagnosis, long.as_str(), "超过200个字"),
    ] {
        check(column, Cell::text(text), expected);
        let (found, words) = told(&sheet(vec![with(column, Cell::text(text))]));
        assert_eq!((found[0].row, found[0].header), (3, column.header()));
        for private in [text, PHONE, DIAGNOSIS, HEAD, "病病"] {
            assert!(!words.contains(private), "{column:?}: {words}");
        }
    }
}

/// The rule of the mutations' free texts holds for a list's as well.
#[test]
fn a_free_text_takes_no_private_value() {
    for text in [
        HEAD,
        "卡6210000000000001",
        "电话13903350001",
        "１３９ ０３３５ ０００１",
    ] {
        for column in [
            Column::Township,
            Column::Village,
            Column::HeadName,
            Column::Kind,
            Column::InsuredName,
            Column::Relation,
            Column::Peril,
            Column::Document,
            Column::PayeeName,
            Column::Bank,
        ] {
            let bytes = sheet(vec![with(column, Cell::text(text))]);
            let (found, words) = told(&bytes);
            assert_eq!(found.len(), 1, "{column:?}: {found:?}");
            assert_eq!((found[0].row, found[0].header), (3, column.header()));
            assert!(found[0].what.contains("疑似有身份证号"), "{}", found[0]);
            assert!(!words.contains(text), "{column:?}: {words}");
        }
    }
    // A row that is shifted shows nobody's illness.
    let (_, words) = told(&sheet(vec![with(Column::Peril, Cell::text("尿毒症"))]));
    assert!(
        words.contains("不认识") && !words.contains("尿毒"),
        "{words}"
    );
}

/// The same list as a spreadsheet program writes it into a `.csv`.
fn separated(rows: &[Vec<Cell>]) -> String {
    let mut all = vec![
        vec![Cell::text("某镇防贫险推送名单(2020年6月)")],
        Column::ALL
            .iter()
            .map(|it| Cell::text(it.header()))
            .collect(),
    ];
    all.extend(rows.to_vec());
    let mut out = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    for row in all {
        out.write_record(row.iter().map(Cell::shown))
            .expect("a row");
    }
    String::from_utf8(out.into_inner().expect("written")).expect("text")
}

#[test]
fn a_csv_is_the_same_list() {
    let mut wrong = with(Column::HeadId, Cell::text("1.30302E+17"));
    wrong[20] = Cell::text("第一行\n第二行");
    let rows = [
        sound(),
        wrong,
        with(Column::EventOn, Cell::text("2020/5/18")),
    ];
    let text = separated(&rows);
    let as_book = referral::read(&sheet(rows.to_vec())).expect("a workbook");
    let (chinese, _, lost) = encoding_rs::GB18030.encode(&text);
    assert!(!lost);
    for bytes in [
        text.clone().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        chinese.into_owned(),
    ] {
        let read = referral::read(&bytes).expect("a list");
        assert_eq!(read.title, as_book.title);
        assert_eq!(read.rows[0], as_book.rows[0]);
        assert_eq!(read.rows[2], as_book.rows[2]);
        let found = faults(&read);
        assert_eq!((found[0].row, found[0].header), (4, "户主身份证号"));
        assert!(found[0].what.contains("存成了数字"), "{}", found[0]);
        // What goes back is a workbook of the same layout.
        let (_, words) = told(&bytes);
        assert!(words.contains("第4行"), "{words}");
    }
    // Blank lines are rows, as the spreadsheet program counts them.
    let spaced = text.replacen("\n1,", "\n\n\n1,", 1);
    let found = faults(&referral::read(spaced.as_bytes()).expect("a list"));
    assert_eq!(found[0].row, 6);
    for bytes in [&b"\x89PNG\r\n\x1a\n\0\0"[..], b"%PDF-1.7\xff\xff\xff"] {
        assert!(matches!(referral::read(bytes), Err(SheetFault::NotXlsx)));
    }
    let flood = ",\n".repeat(limits::SHEET_ROWS_MAX + 100);
    let flood = referral::read(flood.as_bytes());
    assert!(matches!(flood, Err(SheetFault::TooManyRows)));
    assert!(matches!(
        referral::read(b"a,b\n1,2\n"),
        Err(SheetFault::NoHeader { .. })
    ));
}

#[test]
fn what_is_no_workbook_is_refused() {
    assert!(matches!(
        referral::read(b"\xd0\xcf\x11\xe0\0 an old .xls"),
        Err(SheetFault::NotXlsx)
    ));
    assert!(matches!(
        referral::read(b"PK\x03\x04 cut off"),
        Err(SheetFault::Unreadable(_))
    ));
    let mut cut = sheet(vec![sound()]);
    cut.truncate(cut.len() / 2);
    assert!(matches!(
        referral::read(&cut),
        Err(SheetFault::Unreadable(_))
    ));
    let large = vec![b'P'; limits::SHEET_BYTES_MAX + 1];
    assert!(matches!(
        referral::read(&large),
        Err(SheetFault::TooManyBytes)
    ));
}

#[test]
fn rows_are_counted_up_to_the_limit() {
    let last_row_at = |row: usize| {
        let mut rows = vec![Vec::new(); row];
        rows[row - 1] = sound();
        referral::read(&sheet(rows))
    };
    let full = last_row_at(limits::SHEET_ROWS_MAX).expect("at the limit");
    assert_eq!(full.rows.len() + full.skipped.len(), limits::SHEET_ROWS_MAX);
    let over = last_row_at(limits::SHEET_ROWS_MAX + 1);
    assert!(matches!(over, Err(SheetFault::TooManyRows)));
    // One cell in the last row a spreadsheet has must not make room for a million rows.
    let mut far = rust_xlsxwriter::Workbook::new();
    far.add_worksheet()
        .write_string(1_048_575, 16_000, "x")
        .expect("cell");
    far.add_worksheet()
        .write_string(1_048_575, 1, "x")
        .expect("cell");
    let far = far.save_to_buffer().expect("saved");
    assert!(matches!(referral::read(&far), Err(SheetFault::TooManyRows)));
}

#[test]
fn the_returned_sheet_has_the_same_layout_and_can_be_sent_in_again() {
    let mut wrong = with(Column::HeadId, Cell::text("130302199001010017"));
    wrong[12] = Cell::text("=1+1");
    wrong[11] = Cell::text("2020-05-19");
    let numeric = with(Column::InsuredId, Cell::whole(130_321_198));
    let original = sheet(vec![sound(), wrong, numeric]);
    let found = faults(&referral::read(&original).expect("read"));
    let returned = referral::write_faults(&original, &found).expect("written");
    let mut grid = grid::read(&returned).expect("a workbook").remove(0);
    assert_eq!(grid.cell(0, 0).shown(), "某镇防贫险推送名单(2020年6月)");
    assert_eq!(grid.rows.len(), 4, "title, headers, two faulty rows");
    let headers: Vec<String> = grid.rows[1].iter().map(Cell::shown).collect();
    let expected = Column::ALL
        .iter()
        .map(|it| it.header())
        .chain(referral::EXTRA_HEADERS);
    assert_eq!(headers, expected.collect::<Vec<_>>());
    assert_eq!(grid.cell(2, 12), &Cell::text("=1+1"), "text stays text");
    assert_eq!(grid.cell(2, 21).shown(), "4");
    assert_eq!(grid.cell(2, 22).shown(), "E 户主身份证号\nM 自付金额");
    assert!(
        grid.cell(3, 8).is_empty(),
        "what is left of a number is not what was meant"
    );

    // As it is, it comes back again, without a second set of remarks.
    let again = faults(&referral::read(&returned).expect("read"));
    assert_eq!(again.len(), 3);
    let twice = referral::write_faults(&returned, &again).expect("written");
    assert_eq!(
        grid::read(&twice).expect("read").remove(0).rows[1].len(),
        25
    );

    // Mended in place, remarks still there, it is read.
    grid.put(2, 4, Cell::text(HEAD));
    grid.put(2, 12, Cell::whole(9_000));
    grid.put(3, 8, Cell::text("13032119680920226X"));
    let mended = grid::write(
        &grid,
        &Look {
            header_row: 1,
            ..Look::default()
        },
    )
    .expect("written");
    let mended = referral::read(&mended).expect("read");
    assert_eq!(faults(&mended), []);
    assert_eq!(mended.rows.len(), 2);
}

/// The test county with the sample's villages: its own has fewer.
async fn office() -> TestDesk {
    let desk = TestDesk::open_with(
        std::sync::Arc::new(engine::testkit::MemoryStore::new()),
        World {
            households: Vec::new(),
            ..World::new()
        },
    )
    .await;
    let county = include_str!("../../../server/sample/county.toml");
    let county = engine::county_file::parse_county(county).expect("the sample county is sound");
    for region in &county.regions {
        desk.store()
            .put_region(county.county, region)
            .await
            .expect("a region");
    }
    desk
}

/// What a reading in the clear tells, on record.
async fn plain(desk: &TestDesk, home: &Household, subject: PrivateSubject) -> Option<String> {
    let disclosure = Disclosure {
        county: home.county,
        household: home.id,
        subject,
        purpose: Purpose::Verification,
        reason: "入户前核对".into(),
        account: Role::Handler.account_id(),
        person: Role::Handler.person_id(),
        at: desk.now(),
    };
    match desk.store().disclose(disclosure, desk.now(), 100).await {
        Ok(Disclosing::Told { value, .. }) => Some(value.reveal().to_owned()),
        Ok(Disclosing::Absent) => None,
        other => panic!("{other:?}"),
    }
}

/// What the list holds of phone and illness is written down with the line; read again, it does not take the
/// place of what is newer; a dry run writes nothing.
#[tokio::test]
async fn phone_and_illness_come_in_with_the_line() {
    let desk = office().await;
    let list = separated(&[sound()]).into_bytes();
    let (scheme, caller) = (desk.world.scheme.id, Role::Shimenzhai.caller());
    let looked = import::workbook(&desk.desk, &caller, &list, scheme, true).await;
    assert_eq!(looked.expect("read").added, 1);
    let number = IdNumber::parse(HEAD).expect("valid");
    let home = async || {
        let found = desk.store().household_of(caller.scope.county, &number);
        found.await.expect("reading")
    };
    assert_eq!(home().await, None);
    let report = refer(&desk, Role::Shimenzhai, &list).await;
    assert_eq!(tally(&report), (1, 0, 0, 0), "{report}");
    let claim = report.claims[0];
    let registered = home().await.expect("a household");
    let subjects = [
        PrivateSubject::Phone(registered.id),
        PrivateSubject::Diagnosis(claim),
    ];
    let told = async || {
        let [phone, diagnosis] = subjects;
        (
            plain(&desk, &registered, phone).await,
            plain(&desk, &registered, diagnosis).await,
        )
    };
    assert_eq!(told().await, (Some(PHONE.into()), Some(DIAGNOSIS.into())));
    let newer = PrivateDetails {
        county: registered.county,
        household: registered.id,
        phone: Phone::parse("13903350009"),
        diagnosis: Diagnosis::parse("后来查明的病").map(|text| (claim, text)),
        by: caller.person,
        at: desk.now(),
    };
    desk.store()
        .put_private_details(&newer)
        .await
        .expect("writing");
    let again = refer(&desk, Role::Shimenzhai, &list).await;
    assert_eq!(tally(&again), (0, 1, 0, 0), "{again}");
    assert_eq!(
        told().await,
        (Some("13903350009".into()), Some("后来查明的病".into()))
    );
    let words = format!("{report}{again}{:?}", desk.log().await);
    for private in [PHONE, DIAGNOSIS, "13903350009", "后来查明的病"] {
        assert!(!words.contains(private), "{private}");
    }
}

async fn refer(desk: &TestDesk, role: Role, bytes: &[u8]) -> import::ImportReport {
    let scheme = desk.world.scheme.id;
    let report = import::workbook(&desk.desk, &role.caller(), bytes, scheme, false).await;
    let report = report.expect("the list is read");
    let parts = report.added + report.already_there + report.failed + report.skipped;
    assert_eq!(parts, report.rows, "{report}");
    report
}

fn tally(report: &import::ImportReport) -> (usize, usize, usize, usize) {
    (
        report.added,
        report.already_there,
        report.failed,
        report.skipped,
    )
}

#[tokio::test]
async fn the_sample_list_adds_sixteen_then_the_mended_sheet_adds_the_seventeenth() {
    let desk = office().await;
    let list = sample_sheet::referral_workbook();
    let caller = Role::CountyCaseworker.caller();
    let scheme = desk.world.scheme.id;
    let dry = import::workbook(&desk.desk, &caller, &list, scheme, true);
    let dry = dry.await.expect("checked");
    assert_eq!(tally(&dry), (16, 0, 2, 2), "{dry}");
    assert!(desk.log().await.is_empty(), "a dry run writes nothing");

    let first = refer(&desk, Role::CountyCaseworker, &list).await;
    assert_eq!(tally(&first), (16, 0, 2, 2), "{first}");
    assert_eq!(first.claims.len(), 16);
    assert_eq!(
        first.title.as_deref(),
        Some("石门寨镇、驻操营镇动态监测户防贫险推送名单(2020年6月5日)")
    );
    let wrong: Vec<_> = first.faults.iter().map(|it| (it.row, it.header)).collect();
    assert_eq!(wrong, [(11, "涉及人身份证号"), (20, "涉及人身份证号")]);
    let faulty = first.faulty.expect("a sheet comes back");

    let again = refer(&desk, Role::CountyCaseworker, &list).await;
    assert_eq!(tally(&again), (0, 16, 2, 2), "reading again adds nothing");
    assert_eq!(again.claims, first.claims);

    let second = refer(
        &desk,
        Role::CountyCaseworker,
        &sample_sheet::corrected(&faulty),
    )
    .await;
    assert_eq!(tally(&second), (1, 1, 0, 0), "{second}");
    assert_eq!(second.faulty, None);

    let scope = Role::Auditor.caller().scope;
    let (all, page) = (ClaimFilter::default(), Page::first(100));
    let claims = desk.store().claims(&scope, &all, &page).await;
    let claims = claims.expect("claims").rows;
    assert_eq!(claims.len(), 17);
    assert!(
        claims
            .iter()
            .all(|claim| claim.status() == Status::Referred)
    );
    let illness = claims
        .iter()
        .filter(|it| it.case.peril == Peril::Illness)
        .count();
    assert_eq!((illness, claims.len() - illness), (11, 6));
    let households: std::collections::BTreeSet<_> = claims.iter().map(|it| it.household).collect();
    assert_eq!(households.len(), 17);
    desk.expect_sound().await;
}

#[tokio::test]
async fn a_township_refers_its_own_villages_only() {
    let desk = office().await;
    let report = refer(&desk, Role::Shimenzhai, &sample_sheet::referral_workbook()).await;
    assert_eq!(report.added, 9, "{report}");
    let elsewhere: Vec<_> = report
        .faults
        .iter()
        .filter(|it| it.header == "乡镇")
        .collect();
    assert_eq!(elsewhere.len(), 7);
    assert!(
        elsewhere
            .iter()
            .all(|it| it.what.contains("不在您的辖区") && !it.what_to_do.contains("是否为")),
        "{report}"
    );
    let other = refer(&desk, Role::Zhucaoying, &sample_sheet::referral_workbook()).await;
    assert_eq!(other.added, 7, "{other}");
    // Another account reads the same list: what stands stands.
    let county = refer(
        &desk,
        Role::CountyCaseworker,
        &sample_sheet::referral_workbook(),
    )
    .await;
    assert_eq!(tally(&county), (0, 16, 2, 2), "{county}");
}

#[tokio::test]
async fn who_may_not_refer_registers_nobody() {
    let desk = office().await;
    let report = refer(&desk, Role::Surveyor, &sample_sheet::referral_workbook()).await;
    assert_eq!((report.added, report.failed), (0, 18));
    assert!(report.faults.iter().any(|it| it.what.contains("岗位")));
    let sample = referral::read(&sample_sheet::referral_workbook()).expect("read");
    let line = sample.rows[0].as_ref().expect("sound");
    let county = engine::testkit::world::county();
    assert_eq!(
        desk.store()
            .household_of(county, &line.head_id)
            .await
            .expect("asked"),
        None
    );
}

#[tokio::test]
async fn an_unknown_village_comes_back_with_names_like_it() {
    let desk = office().await;
    let rows = vec![with(Column::Village, Cell::text("西上庄陀村"))];
    let report = refer(&desk, Role::CountyCaseworker, &sheet(rows)).await;
    assert_eq!((report.failed, report.faults[0].header), (1, "村"));
    assert!(
        report.faults[0].what_to_do.contains("西上庄坨村"),
        "{report}"
    );
    let rows = vec![with(Column::Township, Cell::text("石门寨"))];
    let report = refer(&desk, Role::CountyCaseworker, &sheet(rows)).await;
    assert_eq!(
        report.added, 1,
        "the word for the rank may be missing: {report}"
    );
}

#[tokio::test]
async fn what_the_desk_refuses_comes_back_at_its_column() {
    let desk = office().await;
    let rows = vec![with(Column::EventOn, Cell::text("2020-12-31"))];
    let report = refer(&desk, Role::CountyCaseworker, &sheet(rows)).await;
    assert_eq!(
        (report.failed, report.faults[0].place().as_str()),
        (1, "L 事件日期")
    );
    // The household was registered; the mended row finds it.
    let report = refer(&desk, Role::CountyCaseworker, &sheet(vec![sound()])).await;
    assert_eq!(report.added, 1, "{report}");
    // The same event with another amount is neither added nor lost.
    let rows = vec![with(Column::SelfPaid, Cell::text("50000"))];
    let report = refer(&desk, Role::CountyCaseworker, &sheet(rows)).await;
    assert!(report.faults[0].what.contains("已经推送"), "{report}");
    let rows = vec![with(Column::PayeeName, Cell::text("陌生人"))];
    let report = refer(&desk, Role::CountyCaseworker, &sheet(rows)).await;
    assert_eq!((report.failed, report.faults[0].header), (1, "收款人姓名"));
    let rows = vec![with(Column::HeadName, Cell::text("王六"))];
    let report = refer(&desk, Role::CountyCaseworker, &sheet(rows)).await;
    assert_eq!((report.failed, report.faults[0].header), (1, "户主姓名"));
}
