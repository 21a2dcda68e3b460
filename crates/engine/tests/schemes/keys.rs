//! A walk over the keys of the scheme file (failure 34: a configured escalation that no code reads).
//!
//! The keys come from the reference that is generated from the types, so that a key that is added
//! is missed here until somebody names the test that shows what it changes.

use crate::files::{all, read};
use benefits::Fen;
use engine::scheme_file::{check_scheme, parse_scheme, schema};
use engine::testkit::world::{SCHEME, TestDesk, World, day, evidence, yuan};
use engine::testkit::{Expect, MemoryStore, Role};
use lifecycle::phase::refusal::{RefusalCode, RefusalLine};
use lifecycle::phase::verification::LossFacts;
use lifecycle::{Command, Scheme, State, Status};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use toml::Value as Toml;

/// How a key is accounted for.
enum Shown {
    /// It holds other keys, each accounted for by itself.
    Block,
    /// It says which scheme, table or organisation this is.
    Identity,
    /// It is printed or quoted, and decides nothing.
    Prose,
    /// This function, in this file, shows what it changes.
    By(&'static str, &'static str),
    /// It changes a figure that people see, in this file under this name; no claim goes by it.
    Told(&'static str, &'static str),
}

use Shown::{Block, By, Identity, Prose, Told};

const EXAMPLES: &str = "crates/lifecycle/tests/examples.rs";
const COUNTED: &str = "crates/lifecycle/tests/calendar.rs";
const ASSESS: &str = "crates/benefits/src/assess/tests.rs";
const ORDERS: &str = "crates/engine/src/testkit/orders.rs";
const PROMISES: &str = "crates/engine/src/testkit/contract.rs";
const HERE: &str = "crates/engine/tests/schemes/keys.rs";
const SHIPPED: &str = "crates/engine/tests/schemes/shipped.rs";
const GRAPH: &str = "crates/gateway/src/types/scheme.rs";

const KEYS: &[(&str, Shown)] = &[
    ("county", Identity),
    ("code", Identity),
    ("version", By(ORDERS, "publish")),
    ("name", Prose),
    ("source", Prose),
    ("insurer", By(PROMISES, "scope_of_an_insurer")),
    ("year", Block),
    ("year.year", Identity),
    ("year.from", By(EXAMPLES, "policy_year")),
    ("year.to", By(EXAMPLES, "policy_year")),
    ("year.fixed_by", By(EXAMPLES, "policy_year")),
    ("covered", Block),
    ("covered.groups", By(EXAMPLES, "coverage")),
    ("covered.listed_first", By(ORDERS, "only_the_listed")),
    ("covered.exclusions", By(EXAMPLES, "coverage")),
    ("covered.income", Block),
    ("covered.income.base", By(EXAMPLES, "coverage")),
    ("covered.income.multiplier", By(EXAMPLES, "coverage")),
    ("covered.income.window", By(EXAMPLES, "coverage")),
    ("covered.income.groups", By(EXAMPLES, "coverage")),
    ("procedure", Block),
    ("procedure.checks", By(ORDERS, "checks")),
    ("procedure.county_review", By(ORDERS, "approval")),
    (
        "procedure.uplift_max",
        By(
            EXAMPLES,
            "an_uplift_is_its_own_line_and_takes_two_approvers",
        ),
    ),
    (
        "procedure.liveness_days_max",
        By(HERE, "an_old_liveness_check_stops_the_payment"),
    ),
    ("procedure.payee_check", By(EXAMPLES, "payee")),
    ("procedure.payee_check_days_max", By(EXAMPLES, "payee")),
    ("procedure.evaluation", Block),
    ("procedure.evaluation.present_min", By(EXAMPLES, "coverage")),
    ("procedure.evaluation.pass", By(EXAMPLES, "coverage")),
    ("procedure.evaluation.exceeded", By(EXAMPLES, "coverage")),
    ("procedure.evaluation.of", By(EXAMPLES, "coverage")),
    ("procedure.authority", Block),
    ("procedure.authority.duty", By(EXAMPLES, "authority")),
    ("procedure.authority.alone", By(EXAMPLES, "authority")),
    ("procedure.authority.with_second", By(EXAMPLES, "authority")),
    (
        "procedure.authority.alone_twelve_months",
        By(EXAMPLES, "twelve_months"),
    ),
    (
        "procedure.authority.with_second_twelve_months",
        By(EXAMPLES, "twelve_months"),
    ),
    (
        "procedure.duties",
        By(
            EXAMPLES,
            "a_scheme_moves_duties_but_not_to_whom_it_must_not",
        ),
    ),
    ("notice", Block),
    ("notice.days", By(ORDERS, "notice")),
    (
        "notice.counting",
        By(
            COUNTED,
            "working_days_skip_weekends_and_holidays_and_count_days_worked_instead",
        ),
    ),
    (
        "notice.rolls",
        By(
            COUNTED,
            "a_term_that_ends_on_a_rest_day_rolls_where_the_scheme_says_so",
        ),
    ),
    (
        "notice.proofs_min",
        By(
            HERE,
            "a_notice_closes_with_as_many_proofs_as_the_file_wants",
        ),
    ),
    (
        "notice.shows_amount",
        By(HERE, "a_notice_shows_what_the_file_says"),
    ),
    (
        "notice.shows_peril",
        By(HERE, "a_notice_shows_what_the_file_says"),
    ),
    (
        "notice.hot_line",
        By(HERE, "a_notice_shows_what_the_file_says"),
    ),
    ("clauses", Block),
    (
        "clauses.id",
        By(HERE, "a_refusal_quotes_the_clauses_of_the_file"),
    ),
    (
        "clauses.text",
        By(HERE, "a_refusal_quotes_the_clauses_of_the_file"),
    ),
    ("deadlines", Block),
    (
        "deadlines.refusal_letter_days",
        By(HERE, "a_refusal_letter_is_due_when_the_file_says"),
    ),
    (
        "deadlines.appeal_days",
        By(HERE, "an_appeal_has_the_time_the_file_gives"),
    ),
    ("deadlines.status", Block),
    (
        "deadlines.status.status",
        By(HERE, "a_status_ends_when_the_file_says"),
    ),
    (
        "deadlines.status.days",
        By(HERE, "a_status_ends_when_the_file_says"),
    ),
    (
        "deadlines.status.counting",
        By(HERE, "a_status_ends_when_the_file_says"),
    ),
    (
        "deadlines.status.rolls",
        By(HERE, "a_status_ends_when_the_file_says"),
    ),
    ("pool", Block),
    (
        "pool.headcount",
        By(SHIPPED, "li_countys_heads_make_its_premium"),
    ),
    ("pool.headcount_basis", Prose),
    (
        "pool.premium",
        By(SHIPPED, "li_countys_heads_make_its_premium"),
    ),
    ("pool.fee", Told(GRAPH, "fee_basis_points")),
    ("pool.surplus", Told(GRAPH, "surplus")),
    ("pool.shortage", Told(GRAPH, "shortage")),
    (
        "pool.queue_order",
        By(EXAMPLES, "the_queue_is_in_the_order_the_scheme_declares"),
    ),
    (
        "pool.write_off_max",
        By(EXAMPLES, "recovered_and_written_off_are_what_was_paid"),
    ),
    ("perils", Block),
    ("perils.peril", By(EXAMPLES, "referral")),
    ("perils.covers_from", By(EXAMPLES, "referral")),
    ("perils.covers_to", By(EXAMPLES, "referral")),
    ("perils.documents", Block),
    ("perils.documents.kind", By(EXAMPLES, "documents")),
    ("perils.documents.count", By(EXAMPLES, "documents")),
    ("perils.documents.supplier", By(EXAMPLES, "documents")),
    ("perils.documents.due", By(EXAMPLES, "documents")),
    (
        "perils.documents.advance",
        By(HERE, "an_advance_wants_its_own_documents"),
    ),
    ("perils.tables", Block),
    (
        "perils.tables.groups",
        By(SHIPPED, "the_invented_files_pay_what_was_computed_by_hand"),
    ),
    (
        "perils.tables.advance",
        By(SHIPPED, "the_invented_files_pay_what_was_computed_by_hand"),
    ),
    ("perils.tables.id", Identity),
    ("perils.tables.clause", Prose),
    ("perils.tables.source", Prose),
    (
        "perils.tables.warning_line",
        By(
            ASSESS,
            "the_warning_line_opens_a_check_and_never_changes_the_sum",
        ),
    ),
    (
        "perils.tables.layers",
        By(ASSESS, "declared_layers_are_stated_all_and_in_order"),
    ),
    (
        "perils.tables.grants",
        By(ASSESS, "aid_goes_off_where_the_schedule_says_so"),
    ),
    (
        "perils.tables.loans",
        By(ASSESS, "aid_goes_off_where_the_schedule_says_so"),
    ),
    (
        "perils.tables.deductible",
        By(ASSESS, "the_loss_must_lie_strictly_above_the_deductible"),
    ),
    (
        "perils.tables.deductible_of_total",
        By(
            ASSESS,
            "the_part_of_the_total_is_a_deductible_and_is_rounded_up",
        ),
    ),
    (
        "perils.tables.accumulation",
        By(ASSESS, "losses_of_the_year_earn_what_they_add"),
    ),
    (
        "perils.tables.rounding",
        By(ASSESS, "the_rounding_is_stated_and_applied_once"),
    ),
    ("perils.tables.caps", Block),
    (
        "perils.tables.caps.scope",
        By(ASSESS, "each_cap_counts_its_own_total"),
    ),
    (
        "perils.tables.caps.limit",
        By(ASSESS, "each_cap_counts_its_own_total"),
    ),
    ("perils.tables.rule", Block),
    (
        "perils.tables.rule(banded).kind",
        By(SHIPPED, "each_kind_of_rule_has_a_file"),
    ),
    (
        "perils.tables.rule(banded).base",
        By(ASSESS, "the_other_readings_stand_beside_the_declared_one"),
    ),
    (
        "perils.tables.rule(banded).mode",
        By(ASSESS, "the_vectors_of_both_readings"),
    ),
    ("perils.tables.rule(banded).bands", Block),
    (
        "perils.tables.rule(banded).bands.from",
        By(ASSESS, "the_vectors_of_both_readings"),
    ),
    (
        "perils.tables.rule(banded).bands.to",
        By(ASSESS, "the_vectors_of_both_readings"),
    ),
    (
        "perils.tables.rule(banded).bands.rate",
        By(ASSESS, "the_vectors_of_both_readings"),
    ),
    (
        "perils.tables.rule(fixed).kind",
        By(SHIPPED, "each_kind_of_rule_has_a_file"),
    ),
    ("perils.tables.rule(fixed).amount", By(ASSESS, "fixed_sums")),
    (
        "perils.tables.rule(fixed).per",
        By(ASSESS, "a_fixed_sum_is_paid_for_the_event_or_for_each_head"),
    ),
    (
        "perils.tables.rule(fixed_by_outcome).kind",
        By(SHIPPED, "each_kind_of_rule_has_a_file"),
    ),
    ("perils.tables.rule(fixed_by_outcome).amounts", Block),
    (
        "perils.tables.rule(fixed_by_outcome).amounts.outcome",
        By(ASSESS, "fixed_sums"),
    ),
    (
        "perils.tables.rule(fixed_by_outcome).amounts.amount",
        By(ASSESS, "fixed_sums"),
    ),
    (
        "perils.tables.rule(fixed_by_heads).kind",
        By(SHIPPED, "each_kind_of_rule_has_a_file"),
    ),
    ("perils.tables.rule(fixed_by_heads).amounts", Block),
    (
        "perils.tables.rule(fixed_by_heads).amounts.heads",
        By(ASSESS, "a_fixed_sum_by_heads_holds_from_its_number_upwards"),
    ),
    (
        "perils.tables.rule(fixed_by_heads).amounts.amount",
        By(ASSESS, "a_fixed_sum_by_heads_holds_from_its_number_upwards"),
    ),
    (
        "perils.tables.rule(per_unit).kind",
        By(SHIPPED, "each_kind_of_rule_has_a_file"),
    ),
    ("perils.tables.rule(per_unit).values", Block),
    (
        "perils.tables.rule(per_unit).values.unit",
        By(
            ASSESS,
            "units_are_counted_and_a_sum_below_the_minimum_pays_nothing",
        ),
    ),
    (
        "perils.tables.rule(per_unit).values.value",
        By(
            ASSESS,
            "units_are_counted_and_a_sum_below_the_minimum_pays_nothing",
        ),
    ),
    (
        "perils.tables.rule(per_unit).minimum",
        By(
            ASSESS,
            "units_are_counted_and_a_sum_below_the_minimum_pays_nothing",
        ),
    ),
    (
        "perils.tables.rule(income_gap).kind",
        By(SHIPPED, "each_kind_of_rule_has_a_file"),
    ),
    (
        "perils.tables.rule(income_gap).line",
        By(ASSESS, "an_income_gap_is_filled_for_every_head"),
    ),
    (
        "perils.tables.rule(unknown).kind",
        By(SHIPPED, "unknown_figures_quote_nothing"),
    ),
    (
        "perils.tables.rule(unknown).missing",
        By(SHIPPED, "unknown_figures_quote_nothing"),
    ),
];

/// The keys of the reference, each with the schema of its value.
fn keys() -> BTreeMap<String, Value> {
    let schema = serde_json::to_value(schema()).expect("JSON");
    let mut keys = BTreeMap::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

fn collect(whole: &Value, node: &Value, path: &str, keys: &mut BTreeMap<String, Value>) {
    let node = resolve(whole, node);
    for choices in ["anyOf", "oneOf"] {
        for choice in node[choices].as_array().into_iter().flatten() {
            let kind = choice.pointer("/properties/kind/const");
            let kind = kind.and_then(Value::as_str);
            let path = kind.map_or_else(|| path.to_owned(), |kind| format!("{path}({kind})"));
            collect(whole, choice, &path, keys);
        }
    }
    if !node["items"].is_null() {
        collect(whole, &node["items"], path, keys);
    }
    for (name, value) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        keys.insert(path.clone(), value.clone());
        collect(whole, value, &path, keys);
    }
}

fn resolve<'a>(whole: &'a Value, node: &'a Value) -> &'a Value {
    let name = node["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    name.and_then(|it| whole.pointer(it)).unwrap_or(node)
}

#[test]
fn every_key_is_accounted_for() {
    let known: BTreeSet<String> = keys().into_keys().collect();
    let listed: BTreeSet<String> = KEYS.iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(listed.len(), KEYS.len(), "a key stands twice");
    let missed: Vec<_> = known.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&known).collect();
    assert!(
        missed.is_empty(),
        "name the test that shows what they change: {missed:#?}"
    );
    assert!(gone.is_empty(), "no such keys: {gone:#?}");
}

/// What is named exists: a test that is renamed or deleted is missed here.
#[test]
fn every_named_test_exists() {
    for (key, shown) in KEYS {
        match shown {
            By(file, function) => {
                let text = read(file);
                assert!(
                    text.contains(&format!("fn {function}(")),
                    "{key}: {file} {function}"
                );
            }
            Told(file, name) => {
                let text = read(file);
                assert!(text.contains(&format!(" {name}: ")), "{key}: {file} {name}");
            }
            Block | Identity | Prose => {}
        }
    }
}

/// Blocks hold keys, and nothing else is a block.
#[test]
fn blocks_hold_keys() {
    let known = keys();
    for (key, shown) in KEYS {
        let holds = known.keys().any(|it| {
            it.strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(['.', '(']))
        });
        assert_eq!(matches!(shown, Block), holds, "{key}");
    }
}

/// Keys that no sound scheme changes alone: a year is named by the day it begins, a band ends where
/// the next begins, a group is covered and served, a limit is of a duty that approves.
const BOUND: &[&str] = &[
    "year.year",
    "procedure.authority.duty",
    "perils.tables.groups",
    "perils.tables.rule(banded).bands.from",
    "perils.tables.rule(banded).bands.to",
];

/// Every key, changed in one of the repository's files, makes another scheme, or is refused at its
/// place where another key binds it: none is read and dropped.
#[test]
fn every_key_changes_the_scheme() {
    let mut silent: BTreeSet<String> = keys()
        .into_keys()
        .filter(|key| !key.ends_with(").kind"))
        .collect();
    for (key, shown) in KEYS {
        if matches!(shown, Block) {
            silent.remove(*key);
        }
    }
    let mut texts: Vec<String> = all().iter().map(|path| read(path)).collect();
    texts.push(SCHEME.to_owned());
    for text in texts {
        let scheme = parse_scheme(&text).expect("sound");
        let document: Toml = Toml::Table(toml::from_str(&text).expect("TOML"));
        let mut leaves = Vec::new();
        walk(&document, "", &mut Vec::new(), &mut leaves);
        for (key, place) in leaves {
            if silent.contains(&key) && changes(&document, &key, &place, &scheme) {
                silent.remove(&key);
            }
        }
    }
    assert!(silent.is_empty(), "nothing comes of them: {silent:#?}");
}

/// A step into a document.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Item(usize),
}

/// The leaves of a document: the key as the reference names it, and the way to it.
fn walk(node: &Toml, key: &str, way: &mut Vec<Step>, leaves: &mut Vec<(String, Vec<Step>)>) {
    let tables = |items: &[Toml]| items.first().is_some_and(Toml::is_table);
    if let Some(table) = node.as_table().filter(|_| key != "procedure.duties") {
        let kind = table.get("kind").and_then(Toml::as_str);
        let kind = kind.filter(|_| key == "perils.tables.rule");
        let prefix = kind.map_or_else(|| key.to_owned(), |kind| format!("{key}({kind})"));
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            way.push(Step::Key(name.clone()));
            walk(value, &key, way, leaves);
            way.pop();
        }
    } else if let Some(items) = node.as_array().filter(|items| tables(items)) {
        for (index, item) in items.iter().enumerate() {
            way.push(Step::Item(index));
            walk(item, key, way, leaves);
            way.pop();
        }
    } else {
        leaves.push((key.to_owned(), way.clone()));
    }
}

/// Whether another value at this place makes another sound scheme; for a bound key, whether it is
/// refused there, or in the list it stands in: a gap is told of the band after it.
fn changes(document: &Toml, key: &str, way: &[Step], scheme: &Scheme) -> bool {
    let field = field(way);
    let list = field.rsplit_once('[').map_or(field.as_str(), |it| it.0);
    let value = way.iter().fold(document, |node, step| match step {
        Step::Key(name) => &node[name.as_str()],
        Step::Item(index) => &node[*index],
    });
    candidates(value).into_iter().any(|candidate| {
        let mut changed = document.clone();
        let place = way.iter().fold(&mut changed, |node, step| match step {
            Step::Key(name) => &mut node[name.as_str()],
            Step::Item(index) => &mut node[*index],
        });
        *place = candidate;
        let text = toml::to_string(&changed).expect("TOML");
        let report = check_scheme(&text, None);
        let refused_here = || report.faults.iter().any(|it| it.field.starts_with(list));
        let other = report.scheme.as_ref().is_some_and(|it| it != scheme);
        other || (BOUND.contains(&key) && refused_here())
    })
}

/// The field of a place, as a fault names it.
fn field(way: &[Step]) -> String {
    way.iter().fold(String::new(), |field, step| match step {
        Step::Key(name) if field.is_empty() => name.clone(),
        Step::Key(name) => format!("{field}.{name}"),
        Step::Item(index) => format!("{field}[{index}]"),
    })
}

/// Other values of the same form; most are refused at most places, one is enough.
fn candidates(value: &Toml) -> Vec<Toml> {
    const WORDS: &[&str] = &[
        "130303",
        "12.34%",
        "3/4",
        "1.75",
        "2020-02-03",
        "2019-02-03",
        "EVENT",
        "BILL",
        "PREVIOUS_YEAR",
        "ROLLING_YEAR",
        "CALENDAR_DAYS",
        "WORKING_DAYS",
        "BANK_REPLY",
        "SMALLEST_FIRST",
        "PRESENT",
        "CAST",
        "CARRIED_OVER",
        "RETURNED",
        "COUNTY_TOPS_UP",
        "INSURER_BEARS",
        "ILLNESS",
        "ACCIDENT",
        "HOUSEHOLD",
        "VILLAGE",
        "REFERRAL",
        "ARCHIVE",
        "COUNTY_REVIEWER",
        "APPROVER",
        "REFERRED",
        "deducted",
        "ignored",
        "event",
        "person_year",
        "household_year",
        "head",
        "excess_over_deductible",
        "whole_loss",
        "progressive",
        "flat",
        "half_up",
        "down",
    ];
    let texts = || WORDS.iter().map(|it| Toml::String((*it).to_owned()));
    match value {
        Toml::Boolean(value) => vec![Toml::Boolean(!value)],
        Toml::Integer(value) => vec![Toml::Integer(value + 1), Toml::Integer(value - 1)],
        Toml::String(value) => {
            let longer = Toml::String(format!("{value}改"));
            let other = texts().filter(|it| it.as_str() != Some(value));
            other.chain([longer]).collect()
        }
        Toml::Datetime(_) => texts().collect(),
        Toml::Array(items) => {
            let mut fewer = items.clone();
            fewer.pop();
            let mut more = items.clone();
            more.push(Toml::String("某类户".to_owned()));
            vec![Toml::Array(more), Toml::Array(fewer)]
        }
        Toml::Table(table) => {
            let mut other = table.clone();
            let held = Toml::Array(vec![Toml::String("COUNTY_CASEWORKER".to_owned())]);
            other.insert("PREVIEW_NOTICE".to_owned(), held);
            vec![Toml::Table(other)]
        }
        Toml::Float(_) => Vec::new(),
    }
}

// --- from the file to what happens ----------------------------------------------------------------

/// The usual desk, its scheme file changed: each text must be there.
async fn desk(changes: &[(&str, &str)]) -> TestDesk {
    let text = changes
        .iter()
        .fold(SCHEME.to_owned(), |text, (find, replace)| {
            assert!(text.contains(find), "{find}");
            text.replacen(find, replace, 1)
        });
    let world = World {
        scheme: parse_scheme(&text).unwrap_or_else(|faults| panic!("{faults:#?}")),
        ..World::new()
    };
    TestDesk::open_with(Arc::new(MemoryStore::new()), world).await
}

#[tokio::test]
async fn a_notice_shows_what_the_file_says() {
    let posted = async |changes: &[(&str, &str)]| {
        let desk = desk(changes).await;
        let household = desk.world.household("石门寨").clone();
        let story = desk.refer(&household).through_verification(yuan(41_200));
        let claim = story.preview().open_notice().await;
        let State::NoticeOpen(open) = claim.state else {
            panic!("the notice is open");
        };
        open.notice.line
    };
    let usual = posted(&[]).await;
    assert_eq!(usual.amount, Some(yuan(25_340)));
    assert!(usual.peril.is_some());
    assert_eq!(usual.hot_line, "0335-0000000 (测试)");
    let less = posted(&[
        ("shows_amount = true", "shows_amount = false"),
        ("shows_peril = true", "shows_peril = false"),
        ("0335-0000000", "0335-1111111"),
    ])
    .await;
    assert_eq!((less.amount, less.peril), (None, None));
    assert_eq!(less.hot_line, "0335-1111111 (测试)");
}

#[tokio::test]
async fn a_notice_closes_with_as_many_proofs_as_the_file_wants() {
    let desk = desk(&[("proofs_min = 1", "proofs_min = 2")]).await;
    let household = desk.world.household("石门寨").clone();
    let story = desk.refer(&household).through_verification(yuan(41_200));
    let story = story.preview().open_notice().prove().pass_days(6);
    let open = story.close_notice().expect_blocked("PROOF_MISSING").await;
    let open = open.expect("a claim");
    let closed = desk.on(&open).prove().close_notice().await;
    closed.expect_status(Status::NoticeClosed);
}

#[tokio::test]
async fn a_refusal_letter_is_due_when_the_file_says() {
    for (days, due) in [("3", day(2020, 6, 4)), ("1", day(2020, 6, 2))] {
        let days = format!("refusal_letter_days = {days}");
        let desk = desk(&[("refusal_letter_days = 3", &days)]).await;
        let household = desk.world.household("石门寨").clone();
        let claim = desk.refer(&household).accept().declare_ineligible().await;
        assert_eq!(claim.refusals[0].letter_due_on, due);
    }
}

/// From 1 June 2020: ten natural days end on Thursday the 11th, twelve on a Saturday, and so on Monday the 15th.
#[tokio::test]
async fn an_appeal_has_the_time_the_file_gives() {
    for (days, until) in [("10", day(2020, 6, 11)), ("12", day(2020, 6, 15))] {
        let days = format!("appeal_days = {days}");
        let desk = desk(&[("appeal_days = 30", &days)]).await;
        let household = desk.world.household("石门寨").clone();
        let story = desk.refer(&household).accept().declare_ineligible();
        let claim = story.issue_letter().await;
        assert_eq!(claim.refusals[0].appeal_until(), Some(until));
    }
}

/// A refusal rests on a clause of the file, and its letter quotes it.
#[tokio::test]
async fn a_refusal_quotes_the_clauses_of_the_file() {
    let clause = "[[clauses]]\nid = \"covered\"\ntext = \"只保名单内的户(测试)\"\n\n[notice]";
    let desk = desk(&[("[notice]", clause)]).await;
    let household = desk.world.household("石门寨").clone();
    let accepted = desk.refer(&household).accept().await;
    let refuse = |clause: &str| Command::DeclareIneligible {
        lines: vec![RefusalLine {
            code: RefusalCode::NotListed,
            facts: "名单内没有该户(测试)".into(),
            clause: clause.into(),
        }],
    };
    desk.on(&accepted)
        .command(Role::Handler, refuse("covers"))
        .expect_blocked("CLAUSE_UNKNOWN")
        .await;
    let refused = desk.on(&accepted).command(Role::Handler, refuse("covered"));
    let told = refused.issue_letter().await;
    let letter = told.refusals[0].letter.as_ref().expect("issued");
    assert_eq!(letter.letter.lines[0].clause, "只保名单内的户(测试)");
}

/// 1 June 2020 is a Monday: three working days end on Thursday, five natural ones on Saturday, or on
/// the Monday after it.
#[tokio::test]
async fn a_status_ends_when_the_file_says() {
    for (row, due) in [
        ("", None),
        (
            "status = \"VERIFYING\"\ndays = 3\ncounting = \"WORKING_DAYS\"",
            Some(day(2020, 6, 4)),
        ),
        (
            "status = \"VERIFYING\"\ndays = 5\ncounting = \"WORKING_DAYS\"",
            Some(day(2020, 6, 8)),
        ),
        (
            "status = \"VERIFYING\"\ndays = 5\ncounting = \"CALENDAR_DAYS\"",
            Some(day(2020, 6, 6)),
        ),
        (
            "status = \"VERIFYING\"\ndays = 5\ncounting = \"CALENDAR_DAYS\"\nrolls = true",
            Some(day(2020, 6, 8)),
        ),
        (
            "status = \"REFERRED\"\ndays = 3\ncounting = \"WORKING_DAYS\"",
            None,
        ),
    ] {
        let letter = "refusal_letter_days = 3";
        let rows = if row.is_empty() {
            letter.to_owned()
        } else {
            format!("{letter}\n[[deadlines.status]]\n{row}")
        };
        let desk = desk(&[(letter, &rows)]).await;
        let household = desk.world.household("石门寨").clone();
        let claim = desk.refer(&household).accept().assign().await;
        assert_eq!(claim.deadline, due, "{row}");
    }
}

/// An advance wants the documents that are for advances, any other claim the others.
#[tokio::test]
async fn an_advance_wants_its_own_documents() {
    let desk = desk(&[
        (
            "{ kind = \"诊断证明\", supplier = \"HOUSEHOLD\", due = \"VERIFICATION\" }",
            "{ kind = \"诊断证明\", supplier = \"HOUSEHOLD\", due = \"VERIFICATION\", advance = true }",
        ),
        (
            "[[perils.tables]]",
            "[[perils.tables]]\nadvance = true\nid = \"advance-2020\"\nclause = \"首次确诊先行救助2,000元(测试)\"\n\
             source = \"R3\"\nwarning_line = 0\nrounding = \"half_up\"\ncaps = []\n\
             rule = { kind = \"fixed\", amount = 2000, per = \"event\" }\n\n[[perils.tables]]",
        ),
    ])
    .await;
    let household = desk.world.household("石门寨").clone();
    let facts = |kind| LossFacts {
        other_compensation: Some(Fen::ZERO),
        evidence: vec![evidence(kind)],
        ..LossFacts::default()
    };
    let advance = desk.draft(&household).advance().refer().accept().assign();
    let advance = advance.visit().evaluate().await;
    desk.on(&advance)
        .verify_facts(facts("医疗费用结算单"))
        .expect_blocked("EVIDENCE_MISSING")
        .await;
    let verified = desk.on(&advance).verify_facts(facts("诊断证明")).await;
    assert_eq!(verified.amount(), yuan(2_000));
}

#[tokio::test]
async fn an_old_liveness_check_stops_the_payment() {
    let approved = async |days: &str| {
        let desk = desk(&[("liveness_days_max = 30", days)]).await;
        let household = desk.world.household("石门寨").clone();
        let story = desk.refer(&household).through_verification(yuan(41_200));
        let claim = story.through_notice().approve().await;
        (desk, claim)
    };
    // Everybody was checked on 25 May; the payment is ordered on 7 June.
    let (desk, claim) = approved("liveness_days_max = 12").await;
    desk.on(&claim)
        .instruct()
        .expect_blocked("LIVENESS_STALE")
        .await;
    let (desk, claim) = approved("liveness_days_max = 13").await;
    let paid = desk.on(&claim).instruct().confirm().await;
    paid.expect_paid(yuan(25_340));
}
