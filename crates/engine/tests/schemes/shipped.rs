//! `fangpin scheme check` over every scheme file of the repository; what each may pay; and the
//! sixteen shapes of the field, each expressed by a file.

use crate::files::{COUNTIES, ORDERS, SHAPES, all, read, scheme, scheme_files};
use benefits::{
    Accumulation, AidTreatment, BandBase, BandMode, CapScope, Fen, Rounding, Rule, Schedule,
};
use engine::quote::{parse_case, quote};
use engine::scheme_file::unknown_tables;
use lifecycle::{Peril, Scheme};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_file_is_sound() {
    for path in all() {
        let scheme = scheme(&path);
        assert!(!scheme.source.trim().is_empty(), "{path}");
    }
}

/// Two files that make the same scheme would shut each other out when they are published.
#[test]
fn no_two_files_are_the_same_scheme() {
    let mut known = BTreeMap::new();
    for path in all() {
        let id = scheme(&path).id;
        if let Some(other) = known.insert(id, path.clone()) {
            panic!("{path} and {other} are the same scheme");
        }
    }
}

/// A file says at its head how its marks are to be read; and nobody's invented figure ships as a
/// county's.
#[test]
fn every_county_says_where_its_figures_come_from() {
    for path in scheme_files(COUNTIES)
        .into_iter()
        .chain(scheme_files(ORDERS))
    {
        let text = read(&path);
        let head: Vec<&str> = text.lines().take_while(|it| it.starts_with('#')).collect();
        let head = head.join("\n");
        assert!(head.contains("How to read the marks"), "{path}");
        assert!(text.contains("# default"), "{path}: which keys are ours?");
        assert!(!text.contains("invented for the shape"), "{path}");
    }
    for path in scheme_files(SHAPES) {
        assert_eq!(scheme(&path).source, "invented for the shape", "{path}");
    }
}

/// The README's table: which perils a file pays by, and which it refuses for want of figures.
#[test]
fn the_readme_says_what_each_county_may_pay() {
    let readme = read("README.md");
    let section = readme
        .split("## Counties that ship")
        .nth(1)
        .expect("README: Counties that ship");
    let section = section.split("\n#").next().unwrap_or_default();
    let told: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [file, _county, pays, refused] = cells.as_slice() else {
                panic!("README: {line}");
            };
            (
                file.trim_matches('`').to_owned(),
                (perils_of(pays), perils_of(refused)),
            )
        })
        .collect();
    let true_of: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = scheme_files(COUNTIES)
        .iter()
        .map(|path| {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let scheme = scheme(path);
            let codes = |unknown| {
                let perils = scheme.perils.iter().filter(|terms| {
                    let known = terms
                        .tables
                        .iter()
                        .all(|it| it.schedule.unknown().is_none());
                    known != unknown
                });
                perils.map(|terms| terms.peril.code().to_owned()).collect()
            };
            (name, (codes(false), codes(true)))
        })
        .collect();
    assert_eq!(told, true_of);
}

fn perils_of(cell: &str) -> BTreeSet<String> {
    let words = cell
        .split([',', ' '])
        .filter(|it| !it.is_empty() && *it != "-");
    words
        .map(|word| {
            assert!(
                Peril::from_code(word).is_some(),
                "README: {word} is no peril"
            );
            word.to_owned()
        })
        .collect()
}

/// A table without figures is named, and quotes nothing.
#[test]
fn unknown_figures_quote_nothing() {
    let mut refused = 0;
    for path in all() {
        let scheme = scheme(&path);
        let unknown: BTreeSet<&str> = unknown_tables(&scheme).iter().map(|it| it.0).collect();
        for terms in &scheme.perils {
            for table in &terms.tables {
                let Rule::Unknown { missing } = &table.schedule.rule else {
                    continue;
                };
                assert!(unknown.contains(table.schedule.id.as_str()), "{path}");
                let group = scheme.coverage.groups.first().map_or("", String::as_str);
                let case = format!(
                    "{{\"peril\": \"{}\", \"group\": \"{group}\", \"submittedYuan\": 90000}}",
                    terms.peril
                );
                let case = parse_case(&case).expect("a case");
                let fault = quote(&scheme, &case)
                    .expect_err("figures are missing")
                    .to_string();
                assert!(fault.contains(missing.as_str()), "{path}: {fault}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

/// Li county's premium is what its heads make, and not what its report prints.
#[test]
fn li_countys_heads_make_its_premium() {
    let pool = scheme("crates/server/schemes/lixian-2020.toml").pool;
    assert_eq!(pool.headcount, 8_124 + 10_661 + 3_555);
    assert_eq!(pool.premium_total(), Fen::from_yuan(357_440));
}

type Shown = fn(&Scheme) -> bool;

fn any_table(scheme: &Scheme, shows: impl Fn(&Schedule) -> bool) -> bool {
    let mut tables = scheme.perils.iter().flat_map(|it| &it.tables);
    tables.any(|table| shows(&table.schedule))
}

fn banded(scheme: &Scheme, shows: impl Fn(BandBase, BandMode, usize) -> bool) -> bool {
    any_table(scheme, |it| {
        if let Rule::Banded { base, mode, bands } = &it.rule {
            shows(*base, *mode, bands.len())
        } else {
            false
        }
    })
}

const R1_PROGRESSIVE: &str = "crates/server/schemes/r1-u-table-progressive.toml";
const R1_FLAT: &str = "crates/server/schemes/r1-u-table-flat.toml";
const CHONGZUO: &str = "crates/server/schemes/chongzuo-2021.toml";
const HUOSHAN: &str = "crates/server/schemes/huoshan-2024.toml";

/// The shapes of the field, each with a file that has it.
const SHAPES_SHOWN: &[(u8, &str, &str, Shown)] = &[
    (
        1,
        "groups with tables of their own",
        "tests/cases/shapes/groups.toml",
        |it| it.perils.iter().any(|terms| terms.tables.len() > 1),
    ),
    (
        2,
        "warning line apart from the deductible",
        "tests/cases/shapes/warning-line.toml",
        |it| {
            any_table(it, |it| {
                it.deductible > Fen::ZERO && it.warning_line > it.deductible
            })
        },
    ),
    (
        2,
        "a warning line alone",
        "crates/server/schemes/laiyuan-2023.toml",
        |it| {
            any_table(it, |it| {
                it.deductible == Fen::ZERO && it.warning_line > Fen::ZERO
            })
        },
    ),
    (3, "progressive", R1_PROGRESSIVE, |it| {
        banded(it, |_, mode, bands| {
            mode == BandMode::Progressive && bands > 1
        })
    }),
    (3, "flat", R1_FLAT, |it| {
        banded(it, |_, mode, bands| mode == BandMode::Flat && bands > 1)
    }),
    (4, "excess over the deductible", R1_PROGRESSIVE, |it| {
        banded(it, |base, _, _| base == BandBase::ExcessOverDeductible)
    }),
    (
        4,
        "whole loss",
        "tests/cases/shapes/whole-loss.toml",
        |it| banded(it, |base, _, _| base == BandBase::WholeLoss),
    ),
    (5, "each event", R1_PROGRESSIVE, |it| {
        any_table(it, |it| it.accumulation == Accumulation::Event)
    }),
    (
        5,
        "person's year",
        "tests/cases/shapes/person-year.toml",
        |it| any_table(it, |it| it.accumulation == Accumulation::PersonYear),
    ),
    (
        5,
        "household's year",
        "tests/cases/shapes/household-year.toml",
        |it| any_table(it, |it| it.accumulation == Accumulation::HouseholdYear),
    ),
    (
        6,
        "caps of event, person and household",
        "tests/cases/shapes/caps.toml",
        |it| {
            let scopes = [
                CapScope::Event,
                CapScope::PersonYear,
                CapScope::HouseholdYear,
            ];
            any_table(it, |it| {
                scopes
                    .iter()
                    .all(|scope| it.caps.iter().any(|cap| cap.scope == *scope))
            })
        },
    ),
    (6, "no cap", CHONGZUO, |it| {
        any_table(it, |it| it.unknown().is_none() && it.caps.is_empty())
    }),
    (
        7,
        "fixed sum",
        "crates/server/schemes/lixian-2020.toml",
        |it| any_table(it, |it| matches!(it.rule, Rule::Fixed { .. })),
    ),
    (
        8,
        "fixed by outcome",
        "crates/server/schemes/taihu-2021.toml",
        |it| any_table(it, |it| matches!(it.rule, Rule::FixedByOutcome { .. })),
    ),
    (9, "fixed by heads", "tests/cases/shapes/heads.toml", |it| {
        any_table(it, |it| matches!(it.rule, Rule::FixedByHeads { .. }))
    }),
    (10, "per unit", "tests/cases/shapes/units.toml", |it| {
        any_table(it, |it| matches!(it.rule, Rule::PerUnit { .. }))
    }),
    (
        11,
        "ratio of the total",
        "tests/cases/shapes/ratio.toml",
        |it| any_table(it, |it| it.deductible_of_total.is_some()),
    ),
    (
        12,
        "income gap",
        "tests/cases/shapes/income-gap.toml",
        |it| any_table(it, |it| matches!(it.rule, Rule::IncomeGap { .. })),
    ),
    (13, "a period for each peril", HUOSHAN, |it| {
        it.perils
            .windows(2)
            .any(|pair| pair[0].covers_to != pair[1].covers_to)
    }),
    (
        14,
        "natural year",
        "crates/server/schemes/wuyang-2019.toml",
        |it| {
            it.year.from.format("%m-%d").to_string() == "01-01"
                && it.year.to.format("%m-%d").to_string() == "12-31"
        },
    ),
    (14, "contract year", HUOSHAN, |it| {
        it.year.from.format("%m-%d").to_string() != "01-01"
    }),
    (15, "uplift", R1_PROGRESSIVE, |it| it.uplift_max > Fen::ZERO),
    (16, "half a fen goes up", R1_PROGRESSIVE, |it| {
        any_table(it, |it| it.rounding == Rounding::HalfUp)
    }),
    (
        16,
        "parts of a fen are dropped",
        "tests/cases/shapes/rounded-down.toml",
        |it| any_table(it, |it| it.rounding == Rounding::Down),
    ),
];

#[test]
fn each_of_the_sixteen_shapes_has_a_file() {
    for (number, shape, path, shows) in SHAPES_SHOWN {
        assert!(
            shows(&scheme(path)),
            "shape {number}, {shape}: not in {path}"
        );
    }
    let shown: BTreeSet<u8> = SHAPES_SHOWN.iter().map(|it| it.0).collect();
    assert_eq!(shown, (1..=16).collect());
    for path in scheme_files(SHAPES) {
        let named = SHAPES_SHOWN.iter().any(|it| it.2 == path);
        let quoted = QUOTES
            .iter()
            .any(|it| path.ends_with(&format!("/{}.toml", it.0)));
        assert!(named || quoted, "{path} shows nothing");
    }
}

/// Each kind of rule, and layers and aid, in one of the files.
#[test]
fn each_kind_of_rule_has_a_file() {
    let mut kinds = BTreeSet::new();
    let mut layers = false;
    let mut aid = BTreeSet::new();
    for path in all() {
        for table in scheme(&path).perils.iter().flat_map(|it| &it.tables) {
            kinds.insert(match table.schedule.rule {
                Rule::Banded { .. } => "banded",
                Rule::Fixed { .. } => "fixed",
                Rule::FixedByOutcome { .. } => "fixed by outcome",
                Rule::FixedByHeads { .. } => "fixed by heads",
                Rule::PerUnit { .. } => "per unit",
                Rule::IncomeGap { .. } => "income gap",
                Rule::Unknown { .. } => "unknown",
            });
            layers |= !table.schedule.layers.is_empty();
            aid.insert(table.schedule.grants == AidTreatment::Deducted);
        }
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    assert!(layers);
    assert_eq!(aid.len(), 2);
}

/// What the invented files pay, computed by hand: file, case, benefit in fen.
const QUOTES: &[(&str, &str, i64)] = &[
    (
        "groups",
        r#""peril": "ILLNESS", "group": "脱贫不稳定户", "submittedYuan": 13000"#,
        800_000,
    ),
    (
        "groups",
        r#""peril": "ILLNESS", "group": "边缘易致贫户", "submittedYuan": 13000"#,
        480_000,
    ),
    (
        "advance",
        r#""peril": "ILLNESS", "group": "脱贫不稳定户", "isAdvance": true"#,
        500_000,
    ),
    // 60 % of 20,000, less the advance; 10,000 more add 6,000.
    (
        "advance",
        r#""peril": "ILLNESS", "group": "脱贫不稳定户", "submittedYuan": 25000, "usedEventYuan": 5000, "usedEventAdvancedYuan": 5000"#,
        700_000,
    ),
    (
        "advance",
        r#""peril": "ILLNESS", "group": "脱贫不稳定户", "submittedYuan": 10000, "usedEventYuan": 12000, "usedEventLossYuan": 25000"#,
        600_000,
    ),
    // Between the two lines: paid, though no warning was given.
    (
        "warning-line",
        r#""peril": "ILLNESS", "submittedYuan": 7000"#,
        120_000,
    ),
    (
        "whole-loss",
        r#""peril": "ILLNESS", "submittedYuan": 5000"#,
        0,
    ),
    (
        "whole-loss",
        r#""peril": "ILLNESS", "submittedYuan": "5000.01""#,
        250_001,
    ),
    // The first 4,000 of the year are used: 6,000 at 30 %, 2,000 at 60 %.
    (
        "person-year",
        r#""peril": "ILLNESS", "submittedYuan": 8000, "usedPersonYearLossYuan": 4000"#,
        300_000,
    ),
    (
        "household-year",
        r#""peril": "ILLNESS", "submittedYuan": 4000, "usedHouseholdYearLossYuan": 4000"#,
        180_000,
    ),
    (
        "caps",
        r#""peril": "ILLNESS", "submittedYuan": 40000"#,
        2_000_000,
    ),
    (
        "caps",
        r#""peril": "ILLNESS", "submittedYuan": 40000, "usedPersonYearYuan": 15000"#,
        1_500_000,
    ),
    (
        "caps",
        r#""peril": "ILLNESS", "submittedYuan": 40000, "usedHouseholdYearYuan": 45000"#,
        500_000,
    ),
    ("heads", r#""peril": "ILLNESS", "heads": 2"#, 100_000),
    ("heads", r#""peril": "ILLNESS", "heads": 5"#, 150_000),
    (
        "units",
        r#""peril": "DISASTER", "units": [{"unit": "猪", "count": 1}, {"unit": "羊", "count": 1}]"#,
        0,
    ),
    (
        "units",
        r#""peril": "DISASTER", "units": [{"unit": "猪", "count": 2}, {"unit": "羊", "count": 1}]"#,
        210_000,
    ),
    // Of 20,000 the first 2,000 are the household's own.
    (
        "ratio",
        r#""peril": "ILLNESS", "submittedYuan": 20000, "layers": [{"name": "基本医保", "paidYuan": 10000}]"#,
        560_000,
    ),
    (
        "income-gap",
        r#""peril": "ILLNESS", "heads": 3, "incomePerHeadYuan": 5200"#,
        240_000,
    ),
    (
        "periods",
        r#""peril": "ACCIDENT", "submittedYuan": 1"#,
        300_000,
    ),
    // 7,000 less a grant of 999.98 at 33.33 %: 1,999.806666.
    (
        "rounded-down",
        r#""peril": "SCHOOLING", "submittedYuan": 7000, "layers": [{"name": "学费减免", "paidYuan": 0}], "grantsYuan": "999.98""#,
        199_980,
    ),
];

#[test]
fn the_invented_files_pay_what_was_computed_by_hand() {
    for (file, case, benefit) in QUOTES {
        let scheme = scheme(&format!("{SHAPES}/{file}.toml"));
        let case = parse_case(&format!("{{{case}}}")).unwrap_or_else(|it| panic!("{file}: {it:?}"));
        let quote = quote(&scheme, &case).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        assert_eq!(
            quote.assessment.benefit,
            Fen::new(*benefit),
            "{file} {case:?}"
        );
    }
}

/// The vectors that were published with the unnamed county's table: excess over the deductible, and
/// what each reading pays, in yuan.
#[test]
fn the_two_readings_of_the_unnamed_county_pay_their_vectors() {
    let of = |path: &str, excess: i64| {
        let layers: Vec<String> = ["基本医疗报销", "大病保险", "医疗救助", "商业补充保险"]
            .iter()
            .map(|name| format!("{{\"name\": \"{name}\", \"paidYuan\": 0}}"))
            .collect();
        let case = format!(
            "{{\"peril\": \"ILLNESS\", \"submittedYuan\": {}, \"layers\": [{}]}}",
            excess + 5_000,
            layers.join(", ")
        );
        let case = parse_case(&case).expect("a case");
        quote(&scheme(path), &case)
            .expect("a quote")
            .assessment
            .benefit
    };
    for (excess, progressive, flat) in [
        (4_999, 149_970, 149_970),
        (5_000, 150_000, 250_000),
        (14_999, 649_950, 749_950),
        (15_000, 650_000, 1_050_000),
        (35_000, 2_050_000, 3_150_000),
    ] {
        assert_eq!(
            of(R1_PROGRESSIVE, excess),
            Fen::new(progressive),
            "{excess}"
        );
        assert_eq!(of(R1_FLAT, excess), Fen::new(flat), "{excess}");
    }
}
