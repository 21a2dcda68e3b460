//! Each refusal and each warning of a scheme file, produced alone, with its line.

use super::{Finding, check_scheme, org_id, parse_scheme, schema};
use crate::quote::{parse_case, quote};
use crate::testkit::world::{SCHEME, day, yuan};
use benefits::{
    Accumulation, AidTreatment, Cap, CapScope, HeadAmount, OutcomeAmount, Per, Rate, Rule,
    UnitValue,
};
use lifecycle::calendar::YearDays;
use lifecycle::scheme::{IncomeWindow, Surplus, VoteBase, YearDate};
use lifecycle::{Calendar, Check, Peril, Scheme};
use std::collections::BTreeMap;

/// The scheme with one text replaced, which must be there.
fn with(find: &str, replace: &str) -> String {
    assert!(SCHEME.contains(find), "{find:?} is not in the scheme");
    SCHEME.replacen(find, replace, 1)
}

/// The line of the first occurrence of a text.
fn line_of(text: &str, anchor: &str) -> usize {
    let at = text.find(anchor).expect("the anchor stands in the text");
    text[..at].matches('\n').count() + 1
}

/// The year 2020 with the eight days of its National Day holiday, and 2021.
fn calendar() -> Calendar {
    let holidays = (1..=8).map(|it| day(2020, 10, it)).collect();
    let year = YearDays {
        holidays,
        ..YearDays::default()
    };
    Calendar::new(BTreeMap::from([(2020, year), (2021, YearDays::default())]))
}

fn faults(text: &str) -> Vec<Finding> {
    let report = check_scheme(text, Some(&calendar()));
    assert!(report.scheme.is_none(), "a faulty scheme is no scheme");
    report.faults
}

fn warnings(text: &str) -> Vec<Finding> {
    let report = check_scheme(text, Some(&calendar()));
    assert_eq!(report.faults, [], "a sound scheme");
    report.warnings
}

fn read(text: &str) -> Scheme {
    parse_scheme(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// Replaces once, and expects one fault alone: on the line of `anchor`, of this field, with a reason
/// that says this.
#[track_caller]
fn refused(find: &str, replace: &str, anchor: &str, field: &str, reason: &str) {
    let text = with(find, replace);
    let told = faults(&text);
    let [fault] = told.as_slice() else {
        panic!("{replace:?}: one fault, not {told:#?}");
    };
    assert_eq!(fault.field, field, "{fault}");
    assert_eq!(fault.line, line_of(&text, anchor), "{fault}");
    assert!(fault.reason.contains(reason), "{fault}");
}

#[test]
fn a_sound_file_says_what_it_says() {
    let scheme = read(SCHEME);
    assert_eq!(scheme.id, read(SCHEME).id);
    assert_eq!(scheme.county.get(), 130_302);
    assert_eq!(scheme.insurer, org_id(scheme.county, "insurer"));
    assert_eq!(scheme.year.to, day(2020, 12, 31));
    assert_eq!(scheme.year.fixed_by, YearDate::Application);
    assert!(scheme.coverage.listed_first);
    assert_eq!(scheme.coverage.groups.len(), 3);
    assert_eq!(scheme.authority[0].alone_max, yuan(30_000));
    assert_eq!(scheme.authority[0].second_max, None);
    assert_eq!(scheme.uplift_max, yuan(2_000));
    assert_eq!(scheme.notice.term.days, 5);
    assert_eq!(scheme.checks, [Check::FieldVisit, Check::VillageEvaluation]);
    let evaluation = &scheme.evaluation;
    assert_eq!((evaluation.numerator, evaluation.denominator), (1, 2));
    assert_eq!(evaluation.of, VoteBase::Present);
    assert_eq!(scheme.pool.premium_total(), yuan(50_000));
    assert_eq!(scheme.pool.fee, Rate::parse("15%").expect("a rate"));
    assert_eq!(scheme.pool.surplus, Surplus::CarriedOver);
    let illness = scheme.terms(Peril::Illness).expect("covered");
    assert_eq!(illness.covers_from, day(2019, 1, 1));
    assert_eq!(illness.documents[1].kind, "诊断证明");
    assert_eq!(illness.documents[1].count_min, 1);
    let table = illness.schedule("边缘易致贫户", false).expect("served");
    assert_eq!(table.deductible, yuan(5_000));
    assert_eq!(scheme.terms(Peril::Disaster), None);
    let next = read(&with("version = 1", "version = 2"));
    assert_ne!(next.id, scheme.id, "each version is a scheme of its own");
}

#[test]
fn the_shipped_sample_is_sound() {
    let sample = include_str!("../../../server/sample/scheme.toml");
    let report = check_scheme(sample, Some(&calendar()));
    assert_eq!(report.faults, []);
    assert!(report.scheme.is_some());
}

/// The example in the README, word for word: sound, without a warning, and it pays what is said there.
#[test]
fn the_example_of_the_readme_is_sound() {
    let readme = include_str!("../../../../README.md");
    let example = readme.split("<!-- small scheme").nth(1).expect("the mark");
    let example = example.split("```toml\n").nth(1).expect("the example");
    let example = example.split("```").next().expect("its end");
    let report = check_scheme(example, Some(&calendar()));
    assert_eq!((report.faults, report.warnings), (vec![], vec![]));
    let case = readme
        .split("echo '")
        .find(|it| it.starts_with("{\"peril\""))
        .expect("the case");
    let case = case.split('\'').next().expect("its end");
    let case = parse_case(case).expect("a case");
    let read = quote(&report.scheme.expect("sound"), &case).expect("a quote");
    // 36,200 above the deductible: 1,500 + 5,000 + 14,000 + 1,080.
    assert_eq!(read.assessment.benefit, yuan(21_580));
    let others: Vec<_> = read.other_readings.iter().map(|it| it.difference).collect();
    // 36,200 at 90 %; 41,200 in bands; 41,200 at 90 %.
    assert_eq!(others, [yuan(11_000), yuan(4_500), yuan(15_500)]);
}

/// Dates as TOML has them, and as a spreadsheet would quote them.
#[test]
fn days_are_read_quoted_or_not() {
    assert_eq!(
        read(&SCHEME.replace("2019-01-01", "\"2019-01-01\"")),
        read(SCHEME)
    );
    for wrong in ["2019-01-01T08:00:00", "\"1 January\"", "\"2019-02-30\""] {
        refused(
            "covers_from = 2019-01-01",
            &format!("covers_from = {wrong}"),
            "covers_from",
            "perils[0].covers_from",
            "is not a day such as 2020-01-31",
        );
    }
}

/// Money, rates and shares as people write them.
#[test]
fn figures_are_read_as_people_write_them() {
    for text in [
        "30000",
        "30_000",
        "\"30,000\"",
        "\"30,000.00\"",
        "\"3 0000元\"",
    ] {
        let file = with("alone = 30000", &format!("alone = {text}"));
        let report = check_scheme(&file, None);
        let read = report.scheme.map(|it| it.authority[0].alone_max);
        let expected = (!text.contains("3 0")).then(|| yuan(30_000));
        assert_eq!(read, expected, "{text}");
    }
    for text in ["\"70 %\"", "\"0.7\"", "\"７０%\"", "\"70.00%\""] {
        let file = with("rate = \"70%\"", &format!("rate = {text}"));
        assert_eq!(read(&file), read(SCHEME), "{text}");
    }
    let income = |multiplier: &str| {
        let file = with(
            "listed_first = true",
            &format!(
                "listed_first = true\nincome = {{ base = \"3,747.00\", multiplier = {multiplier}, \
                 window = \"ROLLING_YEAR\" }}"
            ),
        );
        check_scheme(&file, None)
            .scheme
            .and_then(|it| it.coverage.income)
            .map(|it| (it.base, it.multiplier_bp, it.window))
    };
    let line = |multiplier| Some((yuan(3_747), multiplier, IncomeWindow::RollingYear));
    assert_eq!(income("\"1.5\""), line(15_000));
    assert_eq!(income("2"), line(20_000));
    assert_eq!(income("\"1.2345\""), line(12_345));
    for wrong in [
        "\"1.23456\"",
        "\"\"",
        "\"1.\"",
        "\".5\"",
        "\"0\"",
        "0",
        "-1",
        "\"half\"",
    ] {
        assert_eq!(income(wrong), None, "{wrong}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let amount = "procedure.authority[0].alone";
    refused(
        "alone = 30000",
        "alone = -1",
        "alone",
        amount,
        "-1 is negative",
    );
    refused(
        "alone = 30000",
        "alone = \"3万\"",
        "alone",
        amount,
        "is not an amount",
    );
    refused(
        "alone = 30000",
        "alone = 300.50",
        "alone",
        amount,
        "write \"300.50\" in quotes",
    );
    let rate = "perils[0].tables[0].rule.bands[0].rate";
    let bands = "bands = [{ from = 0, rate = \"70%\" }]";
    let rated = |rate: &str| format!("bands = [\n{{ from = 0,\n rate = {rate} }}]");
    refused(
        bands,
        &rated("0.7"),
        "rate",
        rate,
        "write \"0.7\" in quotes",
    );
    refused(bands, &rated("70"), "rate", rate, "\"70%\" for 70 per cent");
    refused(bands, &rated("\"70.555%\""), "rate", rate, "two decimals");
    refused(bands, &rated("\"170%\""), "rate", rate, "100 %");
    let pass = "procedure.evaluation.pass";
    refused("\"1/2\"", "\"half\"", "evaluation", pass, "is not a share");
    refused("\"1/2\"", "\"-1/2\"", "evaluation", pass, "is not a share");
    refused("\"1/2\"", "2", "evaluation", pass, "is not a share");
    let days = "notice.days";
    refused(
        "days = 5",
        "days = -5",
        "days = -5",
        days,
        "-5 is out of range",
    );
    refused(
        "days = 5",
        "days = 65536",
        "days = 65536",
        days,
        "out of range",
    );
    refused(
        "\"130302\"",
        "\"1303\"",
        "county =",
        "county",
        "\"1303\" is not a six-digit county code",
    );
    refused(
        "peril = \"ILLNESS\"",
        "peril = \"OLD_AGE\"",
        "OLD_AGE",
        "perils[0].peril",
        "\"ILLNESS\" (因病)",
    );
    refused(
        "of = \"PRESENT\"",
        "of = \"present\"",
        "evaluation",
        "procedure.evaluation.of",
        "\"PRESENT\" (到会人数)",
    );
    refused(
        "kind = \"banded\"",
        "kind = \"stepped\"",
        "stepped",
        "perils[0].tables[0].rule.kind",
        "\"banded\" (分段按比例)",
    );
    refused(
        "kind = \"banded\"",
        "",
        "[perils.tables.rule]",
        "perils[0].tables[0].rule.kind",
        "is missing",
    );
    refused(
        "[[procedure.authority]]",
        "[procedure.duties]\nAPPROVE = [\"APPROVER\"]\n[[procedure.authority]]",
        "APPROVE =",
        "procedure.duties.APPROVE",
        "is not a step",
    );
}

/// What serde refuses is told one at a time, and its line is that of the field all the same, also
/// within a rule.
#[test]
fn a_wrong_form_is_told_with_its_line() {
    refused("code = ", "kode = ", "kode", "kode", "unknown field `kode`");
    refused(
        "version = 1",
        "version = \"1\"",
        "version",
        "version",
        "invalid type",
    );
    refused(
        "mode = ",
        "moed = ",
        "moed",
        "perils[0].tables[0].rule.moed",
        "unexpected keys in table: moed, available keys: base, mode, bands",
    );
    refused(
        "bands = [{ from = 0,",
        "bands = [\n{ form = 0,",
        "form =",
        "perils[0].tables[0].rule.bands[0].form",
        "unknown field",
    );
    refused(
        "kind = \"banded\"\nbase = \"excess_over_deductible\"\nmode = \"progressive\"\n\
         bands = [{ from = 0, rate = \"70%\" }]",
        "kind = \"income_gap\"\nline = 4000\nper = \"head\"",
        "per = ",
        "perils[0].tables[0].rule.per",
        "unexpected keys in table: per, available keys: line",
    );
    refused(
        "caps = []",
        "caps = 5",
        "caps = 5",
        "perils[0].tables[0].caps",
        "invalid type",
    );
    let twice = "[perils.tables.rule]\nrule = 5";
    let told = faults(&with("[perils.tables.rule]", twice));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn syntax_is_told_with_its_line() {
    let text = with("[year]", "[year");
    let told = faults(&text);
    assert_eq!(told[0].line, line_of(&text, "[year"), "{told:?}");
    let text = with("year = 2020", "year = ?");
    let told = faults(&text);
    assert_eq!(told[0].line, line_of(&text, "year = ?"), "{told:?}");
    let text = text.replace("days = 5", "days 5");
    let lines: Vec<usize> = faults(&text).iter().map(|it| it.line).collect();
    assert!(lines.contains(&line_of(&text, "year = ?")), "{lines:?}");
    assert!(lines.contains(&line_of(&text, "days 5")), "{lines:?}");
    let twice = with("[year]", "[year]\nyear = 2020");
    assert_eq!(faults(&twice)[0].line, line_of(&twice, "[year]") + 2);
}

/// An empty file is the beginning of every scheme: it is told all that is needed.
#[test]
fn an_empty_file_is_told_all_that_is_missing() {
    let fields: Vec<String> = faults("").into_iter().map(|it| it.field).collect();
    let all = [
        "county",
        "code",
        "version",
        "name",
        "source",
        "insurer",
        "year",
        "covered",
        "procedure",
        "notice",
        "deadlines",
        "pool",
        "perils",
    ];
    assert_eq!(fields, all);
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_the_lines() {
    let text = SCHEME
        .replace("\"130302\"", "\"13\"")
        .replace("days = 5", "days = 4")
        .replace("refusal_letter_days = 3", "refusal_letter_days = 9")
        .replace("rate = \"100%\"", "rate = 1.5")
        .replace("fee = \"15%\"", "");
    let told: Vec<(usize, String)> = faults(&text)
        .into_iter()
        .map(|it| (it.line, it.field))
        .collect();
    let expected = [
        ("county =", "county"),
        ("days = 4", "notice.days"),
        ("refusal_letter_days", "deadlines.refusal_letter_days"),
        ("[pool]", "pool.fee"),
        ("rate = 1.5", "perils[1].tables[0].rule.bands[0].rate"),
        ("rate = 1.5", "perils[1].tables[0].rule.bands[0].rate"),
    ];
    let expected: Vec<(usize, String)> = expected
        .iter()
        .map(|(anchor, field)| (line_of(&text, anchor), (*field).to_owned()))
        .collect();
    assert_eq!(told, expected);
    let spoken = faults(&text)[1].to_string();
    assert_eq!(spoken.split(": ").nth(1), Some("notice.days"), "{spoken}");
}

/// A missing field is told where its parent stands; what may be left open is not asked for.
#[test]
fn what_is_missing_is_told_where_it_belongs() {
    for (find, anchor, field) in [
        (
            "hot_line = \"0335-0000000 (测试)\"",
            "[notice]",
            "notice.hot_line",
        ),
        (
            "county_review = false",
            "[procedure]",
            "procedure.county_review",
        ),
        ("fixed_by = \"APPLICATION\"", "[year]", "year.fixed_by"),
        ("premium = 50", "[pool]", "pool.premium"),
        ("peril = \"ILLNESS\"", "[[perils]]", "perils[0].peril"),
        ("caps = []", "[[perils.tables]]", "perils[0].tables[0].caps"),
        ("of = \"PRESENT\"", "evaluation", "procedure.evaluation.of"),
        (
            "duty = \"APPROVER\"",
            "[[procedure.authority]]",
            "procedure.authority[0].duty",
        ),
    ] {
        let find = if find.starts_with("of") {
            ", of = \"PRESENT\""
        } else {
            find
        };
        refused(find, "", anchor, field, "is missing");
    }
    refused(
        "name = \"海港区防贫险方案(测试)2020年度\"",
        "name = \" \"",
        "name",
        "name",
        "is empty",
    );
}

/// Ambiguity is declared: both readings are told, and that the county must say which.
#[test]
fn base_and_mode_must_be_declared() {
    let rule = "perils[0].tables[0].rule";
    for (find, field, readings) in [
        (
            "base = \"excess_over_deductible\"",
            "base",
            ["excess_over_deductible", "whole_loss"],
        ),
        ("mode = \"progressive\"", "mode", ["progressive", "flat"]),
    ] {
        let anchor = "[perils.tables.rule]";
        for reason in readings.into_iter().chain(["The county must decide"]) {
            refused(find, "", anchor, &format!("{rule}.{field}"), reason);
        }
    }
}

#[test]
fn a_missing_notice_is_refused() {
    let from = SCHEME.find("[notice]").expect("there");
    let to = SCHEME.find("[deadlines]").expect("there");
    let told = faults(&format!("{}{}", &SCHEME[..from], &SCHEME[to..]));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].line, told[0].field.as_str()), (1, "notice"));
    assert!(
        told[0]
            .reason
            .contains("no money is paid without a public notice")
    );
    refused(
        "days = 5",
        "days = 4",
        "days = 4",
        "notice.days",
        "at least 5 days",
    );
    refused(
        "proofs_min = 1",
        "proofs_min = 0",
        "proofs_min",
        "notice.proofs_min",
        "at least one proof",
    );
}

#[test]
fn a_step_nobody_may_do_is_refused() {
    let duties = |row: &str| format!("[procedure.duties]\n{row}\n[[procedure.authority]]");
    for (row, field, reason) in [
        ("CLOSE_NOTICE = []", "CLOSE_NOTICE", "a step nobody may do"),
        (
            "INSTRUCT_PAYOUT = [\"TIMER\"]",
            "INSTRUCT_PAYOUT",
            "TIMER (定时任务) may never do this, so nobody may do this step",
        ),
        (
            "APPROVE_CLAIM = [\"APPROVER\", \"SURVEYOR\"]",
            "APPROVE_CLAIM",
            "SURVEYOR (查勘员) may never do this",
        ),
        (
            "RECORD_VERIFICATION = [\"SURVEYOR\", \"AUDITOR\"]",
            "RECORD_VERIFICATION",
            "AUDITOR (审计监督) may never do this",
        ),
        (
            "RECORD_VERIFICATION = [\"INSURER_HANDLER\"]",
            "RECORD_VERIFICATION",
            "SURVEYOR is left out",
        ),
    ] {
        let replace = duties(row);
        let field = format!("procedure.duties.{field}");
        refused("[[procedure.authority]]", &replace, row, &field, reason);
    }
    refused(
        "[[procedure.authority]]",
        &duties("RECORD_FINDING = [\"SURVEYOR\"]"),
        "checks =",
        "procedure.checks[1]",
        "nobody may record VILLAGE_EVALUATION",
    );
    let checks = "[\"FIELD_VISIT\", \"VILLAGE_EVALUATION\"]";
    refused(
        checks,
        "[]",
        "checks",
        "procedure.checks",
        "at least one check",
    );
    let twice = "[\"FIELD_VISIT\", \"VILLAGE_EVALUATION\", \"FIELD_VISIT\"]";
    refused(
        checks,
        twice,
        "checks",
        "procedure.checks[2]",
        "stands twice",
    );
    // Order E: the township verifies and the county certifies; the insurer visits nobody.
    let order_e = with(checks, "[\"TOWNSHIP_REVIEW\"]");
    assert_eq!(read(&order_e).checks, [Check::TownshipReview]);
    // A step moved to another duty.
    let moved = with(
        "[[procedure.authority]]",
        &duties("APPROVE_CLAIM = [\"APPROVER\", \"COUNTY_REVIEWER\"]"),
    );
    assert_eq!(read(&moved).duties.len(), 1);
}

#[test]
fn a_limit_nobody_can_reach_is_refused() {
    let authority = "procedure.authority";
    let row = |text: &str| format!("alone = 30000\n{text}");
    refused(
        "alone = 30000",
        &row("[[procedure.authority]]\nduty = \"FINANCE\"\nalone = 1"),
        "duty = \"FINANCE\"",
        "procedure.authority[1].duty",
        "may not approve, so nobody can reach this limit",
    );
    refused(
        "alone = 30000",
        &row("[[procedure.authority]]\nduty = \"APPROVER\"\nalone = 1"),
        "duty = \"APPROVER\"\nalone = 1",
        "procedure.authority[1].duty",
        "stands twice",
    );
    refused(
        "alone = 30000",
        &row("with_second = 20000"),
        "with_second",
        "procedure.authority[0].with_second",
        "lies below what one person may approve alone",
    );
    for limits in [
        "with_second_twelve_months = 20000",
        "alone_twelve_months = 30000\nwith_second_twelve_months = 20000",
    ] {
        refused(
            "alone = 30000",
            &row(limits),
            "with_second_twelve_months",
            "procedure.authority[0].with_second_twelve_months",
            "lies below what one person may let twelve months come to alone",
        );
    }
    // Only a county reviewer could confirm, who has no limit of its own.
    refused(
        "[[procedure.authority]]",
        "[procedure.duties]\nSECOND_APPROVE_CLAIM = [\"COUNTY_REVIEWER\"]\n\
         [[procedure.authority]]",
        "alone = 30000",
        "procedure.authority[0].alone",
        "nothing above it can be approved",
    );
    let text = with(
        "[[procedure.authority]]\nduty = \"APPROVER\"\nalone = 30000",
        "authority = []",
    );
    let told = faults(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].field, authority);
    assert!(told[0].reason.contains("nobody may approve any sum"));
}

/// Four eyes are the rule: who writes no limit lets nobody approve alone.
#[test]
fn four_eyes_unless_a_limit_is_written() {
    let authority = read(&with("alone = 30000", "")).authority[0];
    assert_eq!(authority.alone_max, yuan(0));
    assert_eq!(authority.second_max, None);
}

/// Somebody must be able to approve the largest sum that each table can pay.
#[test]
fn authority_reaches_the_largest_payable_sum() {
    let limited = |limit: &str| {
        with(
            "alone = 30000",
            &format!("alone = 30000\nwith_second = {limit}"),
        )
    };
    let told = faults(&limited("50000"));
    assert_eq!(told.len(), 2, "one for each table without a cap: {told:?}");
    assert_eq!(told[0].line, line_of(SCHEME, "[[procedure.authority]]"));
    assert!(
        told[0]
            .reason
            .contains("\"illness-2020\" can pay any sum, for want of a cap")
    );
    assert!(told[1].reason.contains("\"schooling-2020\""));
    let capped = |limit: &str| {
        let cap = "caps = [{ scope = \"person_year\", limit = 50000 }]";
        limited(limit).replace("caps = []", cap)
    };
    assert_eq!(check_scheme(&capped("50000"), None).faults, []);
    let told = faults(&capped("49999.99").replace("49999.99", "\"49,999.99\""));
    assert!(
        told[0].reason.contains("can pay up to 50,000.00 yuan"),
        "{told:?}"
    );
    assert!(
        told[0].reason.contains("more than 49,999.99 yuan"),
        "{told:?}"
    );
    // A fixed sum is its own cap, with the uplift on top.
    let rule = "kind = \"banded\"\nbase = \"excess_over_deductible\"\nmode = \"progressive\"\n";
    let fixed = |amount: u32| {
        capped("50000")
            .replacen(
                "caps = [{ scope = \"person_year\", limit = 50000 }]",
                "caps = []",
                1,
            )
            .replacen(rule, "", 1)
            .replacen(
                "bands = [{ from = 0, rate = \"70%\" }]",
                &format!("kind = \"fixed\"\namount = {amount}"),
                1,
            )
    };
    assert_eq!(check_scheme(&fixed(48_000), None).faults, []);
    let told = faults(&fixed(48_001));
    assert!(told[0].reason.contains("up to 50,001.00 yuan"), "{told:?}");
}

/// What only follows from the figures must fit as well: never a sum that was cut off in silence.
#[test]
fn sums_that_follow_must_fit() {
    refused(
        "premium = 50",
        "premium = 9_999_999_999_999",
        "premium = 9_999_999_999_999",
        "pool.premium",
        "too large",
    );
}

#[test]
fn a_household_has_time_to_appeal() {
    for days in ["9", "91"] {
        let days = format!("appeal_days = {days}");
        refused(
            "appeal_days = 30",
            &days,
            &days,
            "deadlines.appeal_days",
            "10 to 90 days",
        );
    }
}

/// A refusal names a clause by its id: no two have the same, nor has a benefit table.
#[test]
fn clauses_have_names_of_their_own() {
    for id in ["illness-2020", "covered"] {
        let clauses = format!(
            "[[clauses]]\nid = \"covered\"\ntext = \"甲\"\n[[clauses]]\nid = \"{id}\" # twice\ntext = \"乙\"\n[notice]"
        );
        refused(
            "[notice]",
            &clauses,
            "# twice",
            "clauses[1].id",
            "stands twice",
        );
    }
}

#[test]
fn deadlines_beyond_the_law_are_refused() {
    let letter = "refusal_letter_days = 3";
    refused(
        letter,
        "refusal_letter_days = 4",
        "refusal_letter_days",
        "deadlines.refusal_letter_days",
        "within 3 days (保险法 24)",
    );
    let rows = |rows: &[&str]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| format!("[[deadlines.status]]\n{row}\n"))
            .collect();
        format!("{letter}\n{}", rows.concat())
    };
    let row = |status: &str, days: u16, counting: &str| {
        format!("status = \"{status}\"\ndays = {days} # {status}\ncounting = \"{counting}\"")
    };
    let natural = |status: &str, days: u16| row(status, days, "CALENDAR_DAYS");
    let working = |status: &str, days: u16| row(status, days, "WORKING_DAYS");
    let sound = |rows: &str| check_scheme(&with(letter, rows), Some(&calendar())).faults;

    assert_eq!(sound(&rows(&[&natural("APPROVED", 10)])), []);
    refused(
        letter,
        &rows(&[&natural("APPROVED", 11)]),
        "days = 11",
        "deadlines.status[0].days",
        "APPROVED can take 11 days, and payment is due within 10 days",
    );
    assert_eq!(
        sound(&rows(&[
            &natural("VERIFYING", 20),
            &natural("VERIFIED", 10)
        ])),
        []
    );
    refused(
        letter,
        &rows(&[&natural("VERIFYING", 20), &natural("VERIFIED", 11)]),
        "days = 11",
        "deadlines.status[1].days",
        "VERIFYING and VERIFIED can take 31 days, and a decision is due within 30 days",
    );
    refused(
        letter,
        &rows(&[&natural("VERIFYING", 20), &natural("NOTICE_CLOSED", 11)]),
        "days = 11",
        "deadlines.status[1].days",
        "VERIFYING and NOTICE_CLOSED can take 31 days",
    );
    refused(
        letter,
        &rows(&[&natural("APPROVED", 5), &natural("INSTRUCTED", 6)]),
        "days = 6",
        "deadlines.status[1].days",
        "APPROVED and INSTRUCTED can take 11 days",
    );
    refused(
        letter,
        &rows(&[&natural("VERIFYING", 31)]),
        "days = 31",
        "deadlines.status[0].days",
        "VERIFYING can take 31 days",
    );
    // Measured at their longest: a natural term that rolls, and working days over the National Day
    // holiday, Thursday 1 to Thursday 8 October 2020.
    refused(
        letter,
        &rows(&[&format!("{}\nrolls = true", natural("APPROVED", 10))]),
        "days = 10",
        "deadlines.status[0].days",
        "APPROVED can take 18 days",
    );
    refused(
        letter,
        &rows(&[&working("APPROVED", 5)]),
        "days = 5 # APPROVED",
        "deadlines.status[0].days",
        "APPROVED can take 17 days",
    );
    refused(
        letter,
        &rows(&[&working("APPROVED", 60_000)]),
        "days = 60000",
        "deadlines.status[0].days",
        "APPROVED can take years",
    );
    // Without a calendar only weekends are known: five working days are seven days, eight are twelve.
    let by_weekends = |days| {
        let text = with(letter, &rows(&[&working("APPROVED", days)]));
        check_scheme(&text, None).faults.len()
    };
    assert_eq!((by_weekends(5), by_weekends(8)), (0, 1));

    let twice = rows(&[&natural("APPROVED", 9), &natural("APPROVED", 8)]);
    refused(
        letter,
        &twice,
        "status = \"APPROVED\"\ndays = 8",
        "deadlines.status[1].status",
        "twice",
    );
    refused(
        letter,
        &rows(&[&natural("WITHDRAWN", 5)]),
        "status = \"WITHDRAWN\"",
        "deadlines.status[0].status",
        "is an end",
    );
    refused(
        letter,
        &rows(&[&natural("PAID", 0)]),
        "days = 0",
        "deadlines.status[0].days",
        "at least 1 day",
    );
}

#[test]
fn a_quorum_that_cannot_pass_is_refused() {
    let pass = "procedure.evaluation.pass";
    for (find, replace, field, reason) in [
        (
            "\"1/2\"",
            "\"1/0\"",
            pass,
            "1/0 of the votes can never be reached",
        ),
        (
            "\"1/2\"",
            "\"3/2\"",
            pass,
            "3/2 of the votes can never be reached",
        ),
        ("\"1/2\"", "\"0/2\"", pass, "everybody would pass"),
        (
            "\"1/2\"",
            "\"2/2\"",
            pass,
            "more than 2/2 of the votes can never be reached",
        ),
        (
            "present_min = 9",
            "present_min = 0",
            "procedure.evaluation.present_min",
            "an evaluation of nobody",
        ),
    ] {
        refused(find, replace, "evaluation", field, reason);
    }
    // Reaching all of the votes is possible; so is any number of persons.
    let all = "\"1/1\", exceeded = false";
    read(&with("\"1/2\", exceeded = true", all));
    read(&with("present_min = 9", "present_min = 60000"));
    // Without the check nobody needs the rule; with it, somebody must write it.
    let rule =
        "evaluation = { present_min = 9, pass = \"1/2\", exceeded = true, of = \"PRESENT\" }";
    refused(
        rule,
        "",
        "[procedure]",
        "procedure.evaluation",
        "needs a quorum",
    );
    let without = with(rule, "").replace(", \"VILLAGE_EVALUATION\"", "");
    read(&without);
}

#[test]
fn a_year_that_cannot_be_is_refused() {
    refused(
        "to = 2020-12-31",
        "to = 2019-12-31",
        "to = 2019",
        "year.to",
        "lies before year.from",
    );
    refused(
        "to = 2020-12-31",
        "to = 2021-01-01",
        "to = 2021",
        "year.to",
        "of 367 days",
    );
    refused(
        "year = 2020",
        "year = 2021",
        "year = 2021",
        "year.year",
        "begins in 2020",
    );
    refused(
        "version = 1",
        "version = 0",
        "version",
        "version",
        "count from 1",
    );
    refused(
        "covers_to = 2020-12-31",
        "covers_to = 2018-12-31",
        "covers_to",
        "perils[0].covers_to",
        "lies before covers_from",
    );
    refused(
        "covers_to = 2020-12-31",
        "covers_to = 2019-12-31",
        "covers_from",
        "perils[0].covers_from",
        "never meets the policy year 2020-01-01 to 2020-12-31",
    );
    // A contract year is as good as a natural one.
    read(
        &with("from = 2020-01-01", "from = 2020-05-31")
            .replace("to = 2020-12-31\nfixed", "to = 2021-05-30\nfixed"),
    );
}

#[test]
fn groups_fit_the_tables() {
    let groups = "groups = [\"脱贫不稳定户\", \"边缘易致贫户\", \"突发严重困难户\"]";
    let table = "[[perils.tables]]\nid = \"illness-2020\"";
    let for_one = "[[perils.tables]]\ngroups = [\"低保户\"]\nid = \"illness-2020\"";
    let text = with(table, for_one);
    let told = faults(&text);
    let known: Vec<&str> = told.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(known, ["perils[0].tables[0].groups[0]"]);
    assert!(
        told[0]
            .reason
            .contains("\"低保户\" is not in covered.groups")
    );
    assert_eq!(told[0].line, line_of(&text, "低保户"));
    refused(
        "listed_first = true",
        "listed_first = true\nincome = { base = 3747, multiplier = \"1.5\", window = \
         \"PREVIOUS_YEAR\", groups = [\"低保户\"] }",
        "低保户",
        "covered.income.groups[0]",
        "\"低保户\" is not in covered.groups",
    );
    refused(
        groups,
        "groups = [\"脱贫不稳定户\", \"边缘易致贫户\", \"边缘易致贫户\"]",
        "groups",
        "covered.groups[2]",
        "stands twice",
    );
    // Tables of both perils for two of the three groups only.
    let two = "[[perils.tables]]\ngroups = [\"脱贫不稳定户\", \"边缘易致贫户\"]";
    let text = SCHEME.replace("[[perils.tables]]", two);
    let told = faults(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].field, "covered.groups[2]");
    assert_eq!(told[0].line, line_of(&text, groups));
    assert!(
        told[0]
            .reason
            .contains("no table serves \"突发严重困难户\"")
    );
    // Everybody is covered, but every table is for some.
    let told = faults(&text.replace(groups, "groups = []"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].field, "covered.groups");
    assert!(
        told[0]
            .reason
            .contains("every table is for some groups only")
    );
}

#[test]
fn tables_and_perils_are_distinct() {
    refused(
        "id = \"schooling-2020\"",
        "id = \"illness-2020\"",
        "id = \"illness-2020\"\nclause = \"因学",
        "perils[1].tables[0].id",
        "names another table already: perils[0].tables[0]",
    );
    refused(
        "peril = \"SCHOOLING\"",
        "peril = \"ILLNESS\"",
        "peril = \"ILLNESS\"\ncovers_from = 2019-01-01\ncovers_to = 2020-12-31\ndocuments = [\n    \
         { kind = \"学费收据\"",
        "perils[1].peril",
        "the peril stands twice",
    );
    let from = SCHEME.find("[[perils.tables]]").expect("there");
    let to = SCHEME
        .find("[[perils]]\nperil = \"SCHOOLING\"")
        .expect("there");
    let table = &SCHEME[from..to];
    let other = table.replace("id = \"illness-2020\"", "id = \"other\"");
    refused(
        table,
        &format!("{table}{other}"),
        "[[perils.tables]]\nid = \"other\"",
        "perils[0].tables[1]",
        "an earlier table is for everybody",
    );
    let group = |table: &str, groups: &str| {
        table.replace(
            "[[perils.tables]]",
            &format!("[[perils.tables]]\ngroups = [{groups}]"),
        )
    };
    let first = group(table, "\"脱贫不稳定户\"");
    let second = group(
        &other,
        "\"边缘易致贫户\", \"突发严重困难户\", \"脱贫不稳定户\"",
    );
    refused(
        table,
        &format!("{first}{second}"),
        "groups = [\"边缘易致贫户\", \"突发严重困难户\", \"脱贫不稳定户\"]",
        "perils[0].tables[1].groups",
        "an earlier table serves \"脱贫不稳定户\" already",
    );
}

#[test]
fn documents_are_counted_once() {
    let row = "{ kind = \"诊断证明\", supplier = \"HOUSEHOLD\", due = \"VERIFICATION\" },";
    refused(
        row,
        "{ kind = \"医疗费用结算单\", supplier = \"VILLAGE\", due = \"VERIFICATION\" },",
        "\"VILLAGE\"",
        "perils[0].documents[1].kind",
        "stands twice for VERIFICATION",
    );
    refused(
        row,
        "{ kind = \"诊断证明\", count = 0, supplier = \"HOUSEHOLD\", due = \"VERIFICATION\" },",
        "count = 0",
        "perils[0].documents[1].count",
        "at least 1",
    );
    // The same kind may be due at two steps.
    read(&with(
        row,
        &row.replace("诊断证明", "医疗费用结算单")
            .replace("VERIFICATION", "PAYOUT"),
    ));
}

/// The faults of a schedule carry the line of the part at fault.
#[test]
fn faults_of_a_table_carry_their_line() {
    let bands = "bands = [{ from = 0, rate = \"70%\" }]";
    let rule = "perils[0].tables[0].rule";
    refused(
        bands,
        "bands = [\n{ from = 0, to = 5000, rate = \"30%\" },\n{ from = 6000, rate = \"50%\" },\n]",
        "from = 6000",
        &format!("{rule}.bands[1].from"),
        "gap before band 2: nothing from 5,000.00 to 6,000.00",
    );
    refused(
        bands,
        "bands = [\n{ from = 0, to = 5000, rate = \"30%\" },\n{ from = 4000, rate = \"50%\" },\n]",
        "from = 4000",
        &format!("{rule}.bands[1].from"),
        "before the last one ends at 5,000.00",
    );
    refused(
        bands,
        "bands = [\n{ from = 0, to = 5000, rate = \"30%\" },\n]",
        "to = 5000",
        &format!("{rule}.bands[0].to"),
        "leave it open",
    );
    refused(
        "caps = []",
        "caps = [\n{ scope = \"event\", limit = 5 },\n{ scope = \"event\", limit = 6 },\n]",
        "{ scope = \"event\", limit = 6",
        "perils[0].tables[0].caps[1]",
        "two caps for the same scope",
    );
    refused(
        "id = \"illness-2020\"",
        "id = \"\"",
        "id = \"\"",
        "perils[0].tables[0].id",
        "empty",
    );
}

#[test]
fn warnings_are_told_and_not_refused() {
    let alike = |told: &[Finding]| {
        told.iter()
            .filter(|it| it.reason.contains("are two figures"))
            .count()
    };
    let told = warnings(SCHEME);
    assert_eq!((told.len(), alike(&told)), (2, 2), "{told:?}");
    assert_eq!(told[0].field, "perils[0].tables[0].deductible");
    assert_eq!(told[0].line, line_of(SCHEME, "deductible = 5000"));

    // From here on deductible and warning line differ, and nothing is left to warn of.
    let quiet = SCHEME.replace("warning_line = ", "warning_line = 1");
    assert_eq!(warnings(&quiet), []);
    let one = |text: &str, anchor: &str, field: &str, reason: &str| {
        let told = warnings(text);
        let [warning] = told.as_slice() else {
            panic!("one warning, not {told:#?}");
        };
        assert_eq!(warning.field, field, "{warning}");
        assert_eq!(warning.line, line_of(text, anchor), "{warning}");
        assert!(warning.reason.contains(reason), "{warning}");
    };
    // The bands of R1; the jumps are the differences of domain.md's test vectors, rounded to the edge.
    let r1 = "bands = [{ from = 0, to = 5000, rate = \"30%\" }, { from = 5000, to = 15000, rate = \
        \"50%\" }, { from = 15000, to = 35000, rate = \"70%\" }, { from = 35000, rate = \"90%\" }]";
    let flat = quiet
        .replacen("mode = \"progressive\"", "mode = \"flat\"", 1)
        .replace("bands = [{ from = 0, rate = \"70%\" }]", r1);
    one(
        &flat,
        "mode = \"flat\"",
        "perils[0].tables[0].rule.mode",
        "up to 7,000.00 yuan, at 35,000.00; edge by edge: 1,000.00 at 5,000.00, 3,000.00 at \
         15,000.00, 7,000.00 at 35,000.00",
    );
    let whole = quiet.replacen("excess_over_deductible", "whole_loss", 1);
    one(
        &whole,
        "base = \"whole_loss\"",
        "perils[0].tables[0].rule.base",
        "one fen above 5,000.00 pays 3,500.00 yuan at once",
    );
    let rule = "kind = \"banded\"\nbase = \"excess_over_deductible\"\nmode = \"progressive\"\n\
        bands = [{ from = 0, rate = \"70%\" }]";
    let unknown = quiet.replace(rule, "kind = \"unknown\"\nmissing = \"the rates\"");
    one(
        &unknown,
        "[perils.tables.rule]",
        "perils[0].tables[0].rule",
        "nothing is paid by it; missing: the rates",
    );
    let unserved = quiet.replacen(
        "[[perils.tables]]",
        "[[perils.tables]]\ngroups = [\"边缘易致贫户\", \"突发严重困难户\"]",
        1,
    );
    one(
        &unserved,
        "[[perils.tables]]",
        "perils[0].tables",
        "no table of this peril serves \"脱贫不稳定户\"",
    );
    let later = quiet
        .replace("year = 2020", "year = 2021")
        .replace("from = 2020-01-01", "from = 2021-06-01")
        .replace("to = 2020-12-31\nfixed", "to = 2022-05-31\nfixed")
        .replace("covers_to = 2020", "covers_to = 2022");
    one(
        &later,
        "[year]",
        "year",
        "the calendar holds no holidays for 2022",
    );
    assert_eq!(
        check_scheme(&later, None).warnings,
        [],
        "no calendar was given"
    );
}

/// The sixteen shapes of domain.md 2.4: each one as a file says it, read into the parts it is made of.
#[test]
fn each_of_the_sixteen_shapes_can_be_written() {
    let table = |find: &str, replace: &str| {
        let scheme = read(&with(find, replace));
        scheme.terms(Peril::Illness).expect("covered").tables[0]
            .schedule
            .clone()
    };
    let rule = |text: &str| {
        let banded = "kind = \"banded\"\nbase = \"excess_over_deductible\"\nmode = \
            \"progressive\"\nbands = [{ from = 0, rate = \"70%\" }]";
        table(banded, text).rule
    };
    let named = "id = \"illness-2020\"\n";
    let field = |text: &str| table(named, &format!("{named}{text}\n"));
    // 1 groups: `groups_fit_the_tables`; 2, 3, 4: the scheme itself, and the warnings.
    assert_eq!(
        field("accumulation = \"household_year\"").accumulation,
        Accumulation::HouseholdYear
    );
    let caps = table(
        "caps = []",
        "caps = [{ scope = \"household_year\", limit = 200_000 }]",
    )
    .caps;
    let limit = yuan(200_000);
    assert_eq!(
        caps,
        [Cap {
            scope: CapScope::HouseholdYear,
            limit
        }]
    );
    let fixed = |per| Rule::Fixed {
        amount: yuan(4_000),
        per,
    };
    assert_eq!(rule("kind = \"fixed\"\namount = 4000"), fixed(Per::Event));
    assert_eq!(
        rule("kind = \"fixed\"\namount = 4000\nper = \"head\""),
        fixed(Per::Head)
    );
    assert_eq!(
        rule("kind = \"fixed_by_outcome\"\namounts = [{ outcome = \"本科\", amount = 2000 }]"),
        Rule::FixedByOutcome {
            amounts: vec![OutcomeAmount {
                outcome: "本科".into(),
                amount: yuan(2_000)
            }]
        }
    );
    assert_eq!(
        rule("kind = \"fixed_by_heads\"\namounts = [{ heads = 1, amount = 600 }]"),
        Rule::FixedByHeads {
            amounts: vec![HeadAmount {
                heads: 1,
                amount: yuan(600)
            }]
        }
    );
    assert_eq!(
        rule("kind = \"per_unit\"\nminimum = 500\nvalues = [{ unit = \"猪\", value = 800 }]"),
        Rule::PerUnit {
            values: vec![UnitValue {
                unit: "猪".into(),
                value: yuan(800)
            }],
            minimum: yuan(500)
        }
    );
    let ratio = field("deductible_of_total = \"10%\"").deductible_of_total;
    assert_eq!(ratio, Some(Rate::parse("10%").expect("a rate")));
    assert_eq!(
        rule("kind = \"income_gap\"\nline = 4000"),
        Rule::IncomeGap { line: yuan(4_000) }
    );
    let layers = field("layers = [\"基本医保\", \"大病保险\"]\ngrants = \"deducted\"");
    assert_eq!(layers.layers, ["基本医保", "大病保险"]);
    assert_eq!(
        (layers.grants, layers.loans),
        (AidTreatment::Deducted, AidTreatment::Ignored)
    );
    assert_eq!(
        rule("kind = \"unknown\"\nmissing = \"赔付比例\""),
        Rule::Unknown {
            missing: "赔付比例".into()
        }
    );
}

/// The reference in the repository is what the types say.
#[test]
fn the_committed_reference_is_fresh() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../server/schemes/scheme.schema.json"
    );
    let generated = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &generated).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "{path} is stale: UPDATE_GOLDEN=1 cargo test -p engine reference"
    );
}
