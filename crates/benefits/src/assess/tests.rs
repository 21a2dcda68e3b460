//! Examples: each rule, each step, each fault.

use super::*;
use crate::{Cap, EventTotals};

fn yuan(text: &str) -> Fen {
    Fen::parse_yuan(text).expect("an amount in yuan")
}

fn band(from: i64, to: Option<i64>, basis_points: u32) -> Band {
    Band {
        from: Fen::from_yuan(from),
        to: to.map(Fen::from_yuan),
        rate: Rate::from_basis_points(basis_points).expect("a rate"),
    }
}

/// R1 illness of `domain.md` 2.1 in the given reading.
fn r1(base: BandBase, mode: BandMode) -> Schedule {
    Schedule {
        id: "r1-illness".into(),
        clause: "因病".into(),
        source: "U-TABLE".into(),
        warning_line: yuan("5000"),
        layers: vec![],
        grants: AidTreatment::Ignored,
        loans: AidTreatment::Ignored,
        deductible: yuan("5000"),
        deductible_of_total: None,
        accumulation: Accumulation::Event,
        rule: Rule::Banded {
            base,
            mode,
            bands: vec![
                band(0, Some(5_000), 3_000),
                band(5_000, Some(15_000), 5_000),
                band(15_000, Some(35_000), 7_000),
                band(35_000, None, 9_000),
            ],
        },
        caps: vec![Cap {
            scope: CapScope::PersonYear,
            limit: yuan("200000"),
        }],
        rounding: Rounding::HalfUp,
    }
}

fn with(schedule: Schedule, rule: Rule) -> Schedule {
    Schedule {
        rule,
        deductible: Fen::ZERO,
        caps: vec![],
        ..schedule
    }
}

fn progressive() -> Schedule {
    r1(BandBase::ExcessOverDeductible, BandMode::Progressive)
}

fn flat() -> Schedule {
    r1(BandBase::ExcessOverDeductible, BandMode::Flat)
}

fn loss(submitted: &str) -> Loss {
    Loss {
        submitted: yuan(submitted),
        ..Loss::default()
    }
}

fn layer(name: &str, paid: &str) -> Layer {
    Layer {
        name: name.into(),
        paid: yuan(paid),
    }
}

fn benefit(schedule: &Schedule, loss: &Loss) -> Result<String, AssessFault> {
    assess(schedule, loss, &RunningTotals::default()).map(|done| done.benefit.to_string())
}

/// The vectors of `domain.md` 2.4: excess, progressive, flat. Flat puts an excess of exactly
/// 5,000 into the band 5,000 (含) to below 15,000.
#[test]
fn the_vectors_of_both_readings() {
    for (eligible, by_slice, by_band) in [
        ("9999", "1,499.70", "1,499.70"),
        ("10000", "1,500.00", "2,500.00"),
        ("19999", "6,499.50", "7,499.50"),
        ("20000", "6,500.00", "10,500.00"),
        ("40000", "20,500.00", "31,500.00"),
    ] {
        assert_eq!(
            benefit(&progressive(), &loss(eligible)),
            Ok(by_slice.into()),
            "{eligible}"
        );
        assert_eq!(
            benefit(&flat(), &loss(eligible)),
            Ok(by_band.into()),
            "{eligible}"
        );
    }
}

#[test]
fn the_loss_must_lie_strictly_above_the_deductible() {
    // One fen above: 0.3 fen of the excess; half a fen in the band of 50 % of the whole loss.
    for (base, one_fen_above) in [
        (BandBase::ExcessOverDeductible, "0.00"),
        (BandBase::WholeLoss, "1,500.01"),
    ] {
        let schedule = r1(base, BandMode::Progressive);
        assert_eq!(benefit(&schedule, &loss("4999.99")), Ok("0.00".into()));
        assert_eq!(benefit(&schedule, &loss("5000")), Ok("0.00".into()));
        assert_eq!(
            benefit(&schedule, &loss("5000.01")),
            Ok(one_fen_above.into())
        );
    }
}

#[test]
fn the_rounding_is_stated_and_applied_once() {
    // Two slices of half a fen each: together one fen, not two and not none.
    let half = |from, to| Band {
        from: Fen::new(from),
        to,
        ..band(0, None, 5_000)
    };
    let rule = Rule::Banded {
        base: BandBase::ExcessOverDeductible,
        mode: BandMode::Progressive,
        bands: vec![half(0, Some(Fen::new(1))), half(1, None)],
    };
    for (rounding, two_halves, one_half) in [
        (Rounding::HalfUp, "0.01", "0.01"),
        (Rounding::Down, "0.01", "0.00"),
    ] {
        let schedule = Schedule {
            rounding,
            ..with(progressive(), rule.clone())
        };
        assert_eq!(benefit(&schedule, &loss("0.02")), Ok(two_halves.into()));
        assert_eq!(benefit(&schedule, &loss("0.01")), Ok(one_half.into()));
    }
}

#[test]
fn fixed_sums() {
    let fixed = with(
        progressive(),
        Rule::Fixed {
            amount: yuan("4000"),
            per: Per::Event,
        },
    );
    assert_eq!(benefit(&fixed, &loss("0")), Ok("4,000.00".into()));
    let amount = |outcome: &str, sum| OutcomeAmount {
        outcome: outcome.into(),
        amount: yuan(sum),
    };
    let amounts = vec![amount("本科", "2000"), amount("专科", "1000")];
    let admission = with(progressive(), Rule::FixedByOutcome { amounts });
    let of = |outcome: Option<&str>| Loss {
        outcome: outcome.map(Into::into),
        ..loss("0")
    };
    assert_eq!(
        benefit(&admission, &of(Some("专科"))),
        Ok("1,000.00".into())
    );
    assert_eq!(benefit(&admission, &of(None)), Err(AssessFault::NoOutcome));
    assert_eq!(
        benefit(&admission, &of(Some("高中"))),
        Err(AssessFault::UnknownOutcome {
            outcome: "高中".into()
        })
    );
}

#[test]
fn each_cap_counts_its_own_total() {
    let mut schedule = flat();
    schedule.caps = vec![
        Cap {
            scope: CapScope::Event,
            limit: yuan("30000"),
        },
        Cap {
            scope: CapScope::PersonYear,
            limit: yuan("50000"),
        },
        Cap {
            scope: CapScope::HouseholdYear,
            limit: yuan("60000"),
        },
    ];
    let used = RunningTotals {
        person_year: yuan("25000"),
        household_year: yuan("59000"),
        ..RunningTotals::default()
    };
    let done = assess(&schedule, &loss("40000"), &used).expect("assessed");
    let after: Vec<String> = done.caps.iter().map(|cap| cap.after.to_string()).collect();
    assert_eq!(after, ["30,000.00", "25,000.00", "1,000.00"]);
    assert_eq!(done.benefit, yuan("1000"));
    // A total above the limit, as after a lowered cap, leaves nothing; it is no fault.
    let used = RunningTotals {
        household_year: yuan("70000"),
        ..RunningTotals::default()
    };
    let done = assess(&schedule, &loss("40000"), &used).expect("assessed");
    assert_eq!(done.benefit, Fen::ZERO);
}

#[test]
fn what_cannot_be_computed_is_a_fault() {
    let negative = |field: &str| {
        Err(AssessFault::NegativeAmount {
            field: field.into(),
            amount: Fen::new(-1),
        })
    };
    let minus = Fen::new(-1);
    let mut bad = loss("0");
    bad.submitted = minus;
    assert_eq!(benefit(&flat(), &bad), negative("submitted"));
    let mut bad = loss("10");
    bad.layers = vec![Layer {
        name: "医疗救助".into(),
        paid: minus,
    }];
    assert_eq!(benefit(&flat(), &bad), negative("医疗救助"));
    let used = RunningTotals {
        person_year: minus,
        ..RunningTotals::default()
    };
    let got = assess(&flat(), &loss("1"), &used).map(|done| done.benefit.to_string());
    assert_eq!(got, negative("person_year"));
    let mut bad = loss("10");
    bad.layers = vec![layer("基本医保", "6"), layer("大病保险", "4.01")];
    assert_eq!(
        benefit(&flat(), &bad),
        Err(AssessFault::LayersExceedSubmitted {
            submitted: yuan("10"),
            layers: yuan("10.01")
        })
    );
    let most = Loss {
        submitted: Fen::new(i64::MAX),
        ..Loss::default()
    };
    assert_eq!(benefit(&flat(), &most), Err(AssessFault::Overflow));
    let unsound = with(flat(), Rule::FixedByOutcome { amounts: vec![] });
    assert_eq!(
        benefit(&unsound, &loss("1")),
        Err(AssessFault::UnsoundSchedule {
            faults: vec![ScheduleFault::NoOutcomes]
        })
    );
}

#[test]
fn the_warning_line_opens_a_check_and_never_changes_the_sum() {
    let mut high = progressive();
    high.warning_line = yuan("18000");
    let done = |text| assess(&high, &loss(text), &RunningTotals::default()).expect("assessed");
    assert!(!done("18000").over_warning_line);
    assert!(done("18000.01").over_warning_line);
    assert_eq!(
        benefit(&high, &loss("10000")),
        benefit(&progressive(), &loss("10000"))
    );
}

#[test]
fn a_person_can_follow_the_derivation() {
    let loss = Loss {
        layers: vec![layer("基本医保", "12,000"), layer("大病保险", "3,000")],
        ..loss("25,000.01")
    };
    let used = RunningTotals {
        person_year: yuan("199,000"),
        ..RunningTotals::default()
    };
    let done = assess(&progressive(), &loss, &used).expect("assessed");
    let lines: Vec<String> = done
        .steps()
        .iter()
        .map(|step| format!("{} | {} | {}", step.label_en, step.working, step.amount))
        .collect();
    assert_eq!(
        lines,
        [
            "Submitted | 因病 | 25,000.01",
            "Paid by 基本医保 | 12,000.00 | 12,000.00",
            "Paid by 大病保险 | 3,000.00 | 3,000.00",
            "Eligible | 25,000.01 − 12,000.00 − 3,000.00 | 10,000.01",
            "Warning line (opens a check, never changes the sum) | 10,000.01 > 5,000.00 | 5,000.00",
            "Excess over the deductible | 10,000.01 − 5,000.00 | 5,000.01",
            "Slice from 0.00 to below 5,000.00 | 5,000.00 × 30 % | 1,500.00",
            "Slice from 5,000.00 to below 15,000.00 | 0.01 × 50 % = 0.005 | 0.00",
            "Table amount (progressive; rounded half up to the fen, once) \
             | 1,500.00 + 0.005 | 1,500.01",
            "Cap: person, policy year | min(1,500.01, 200,000.00 − 199,000.00 = 1,000.00) | 1,000.00",
            "Benefit | 1,000.00 | 1,000.00",
        ]
    );
    let zh: Vec<String> = done.steps().into_iter().map(|step| step.label_zh).collect();
    assert_eq!(zh[6], "分段 0.00（含）至 5,000.00");
    assert_eq!(zh[8], "理算金额（分段累进；四舍五入到分，仅此一次）");
    assert_eq!(zh[10], "赔付金额");
}

fn sum_of(schedule: &Schedule, loss: &Loss, used: &RunningTotals) -> String {
    let done = assess(schedule, loss, used).expect("assessed");
    done.benefit.to_string()
}

#[test]
fn a_fixed_sum_is_paid_for_the_event_or_for_each_head() {
    let rule = |per| Rule::Fixed {
        amount: yuan("4000"),
        per,
    };
    let (event, head) = (
        with(progressive(), rule(Per::Event)),
        with(progressive(), rule(Per::Head)),
    );
    let three = Loss {
        heads: Some(3),
        ..Loss::default()
    };
    assert_eq!(benefit(&event, &three), Ok("4,000.00".into()));
    assert_eq!(benefit(&head, &three), Ok("12,000.00".into()));
    for heads in [None, Some(0)] {
        let nobody = Loss {
            heads,
            ..Loss::default()
        };
        assert_eq!(benefit(&event, &nobody), Ok("4,000.00".into()));
        assert_eq!(benefit(&head, &nobody), Err(AssessFault::NoHeads));
    }
}

#[test]
fn a_fixed_sum_by_heads_holds_from_its_number_upwards() {
    let amounts = [(1, "1000"), (2, "1800"), (3, "2500")]
        .map(|(heads, amount)| HeadAmount {
            heads,
            amount: yuan(amount),
        })
        .into();
    let schedule = with(progressive(), Rule::FixedByHeads { amounts });
    let of = |heads| Loss {
        heads,
        ..Loss::default()
    };
    for (heads, sum) in [
        (1, "1,000.00"),
        (2, "1,800.00"),
        (3, "2,500.00"),
        (9, "2,500.00"),
    ] {
        assert_eq!(benefit(&schedule, &of(Some(heads))), Ok(sum.into()));
    }
    for heads in [None, Some(0)] {
        assert_eq!(benefit(&schedule, &of(heads)), Err(AssessFault::NoHeads));
    }
}

fn animals(counts: &[(&str, u32)]) -> Loss {
    Loss {
        units: counts
            .iter()
            .map(|&(unit, count)| UnitCount {
                unit: unit.into(),
                count,
            })
            .collect(),
        ..Loss::default()
    }
}

fn livestock() -> Schedule {
    let values = [("猪", "800"), ("羊", "500.50")]
        .map(|(unit, value)| UnitValue {
            unit: unit.into(),
            value: yuan(value),
        })
        .into();
    let minimum = yuan("1001");
    with(progressive(), Rule::PerUnit { values, minimum })
}

#[test]
fn units_are_counted_and_a_sum_below_the_minimum_pays_nothing() {
    for (counts, sum) in [
        (&[("猪", 1)][..], "0.00"),
        (&[("羊", 2)], "1,001.00"),
        (&[("猪", 2), ("羊", 3)], "3,101.50"),
        (&[("猪", 1), ("猪", 1)], "1,600.00"),
        (&[("猪", 0)], "0.00"),
    ] {
        assert_eq!(benefit(&livestock(), &animals(counts)), Ok(sum.into()));
    }
    assert_eq!(
        benefit(&livestock(), &animals(&[])),
        Err(AssessFault::NoUnits)
    );
    assert_eq!(
        benefit(&livestock(), &animals(&[("猪", 2), ("牛", 1)])),
        Err(AssessFault::UnknownUnit { unit: "牛".into() })
    );
}

#[test]
fn an_income_gap_is_filled_for_every_head() {
    let schedule = with(progressive(), Rule::IncomeGap { line: yuan("6000") });
    let of = |income: Option<&str>, heads| Loss {
        income_per_head: income.map(yuan),
        heads,
        ..Loss::default()
    };
    for (income, sum) in [
        ("5200.25", "2,399.25"),
        ("6000", "0.00"),
        ("7000", "0.00"),
        ("0", "18,000.00"),
    ] {
        assert_eq!(
            benefit(&schedule, &of(Some(income), Some(3))),
            Ok(sum.into())
        );
    }
    assert_eq!(
        benefit(&schedule, &of(None, Some(3))),
        Err(AssessFault::NoIncome)
    );
    assert_eq!(
        benefit(&schedule, &of(Some("1"), None)),
        Err(AssessFault::NoHeads)
    );
    let mut bad = of(None, Some(3));
    bad.income_per_head = Some(Fen::new(-1));
    assert_eq!(
        benefit(&schedule, &bad),
        Err(AssessFault::NegativeAmount {
            field: "income_per_head".into(),
            amount: Fen::new(-1)
        })
    );
}

#[test]
fn a_rule_that_no_source_prints_is_refused_for_payment() {
    let missing = "中间各档的比例";
    let schedule = with(
        progressive(),
        Rule::Unknown {
            missing: missing.into(),
        },
    );
    assert_eq!(schedule.check(), []);
    assert_eq!(schedule.unknown(), Some(missing));
    assert_eq!(progressive().unknown(), None);
    let refused = Err(AssessFault::Unknown {
        missing: missing.into(),
    });
    assert_eq!(benefit(&schedule, &loss("90000")), refused);
    let used = RunningTotals::default();
    let readings = other_readings(&schedule, &loss("90000"), &used);
    assert_eq!(readings, refused.map(|_: String| vec![]));
}

#[test]
fn the_deductible_is_a_gate_for_every_rule() {
    let fixed = Schedule {
        deductible: yuan("5000"),
        ..with(
            progressive(),
            Rule::Fixed {
                amount: yuan("4000"),
                per: Per::Event,
            },
        )
    };
    assert_eq!(benefit(&fixed, &loss("5000")), Ok("0.00".into()));
    assert_eq!(benefit(&fixed, &loss("5000.01")), Ok("4,000.00".into()));
}

#[test]
fn the_part_of_the_total_is_a_deductible_and_is_rounded_up() {
    let tenth = Schedule {
        deductible_of_total: Some(Rate::from_basis_points(1_000).expect("a tenth")),
        deductible: yuan("1000"),
        ..with(
            progressive(),
            Rule::Banded {
                base: BandBase::ExcessOverDeductible,
                mode: BandMode::Progressive,
                bands: vec![band(0, None, 10_000)],
            },
        )
    };
    let of = |submitted, paid| Loss {
        layers: vec![layer("基本医保", paid)],
        ..loss(submitted)
    };
    let found = |loss: &Loss| {
        let done = assess(&tenth, loss, &RunningTotals::default()).expect("assessed");
        (done.deductible.to_string(), done.benefit.to_string())
    };
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    // 10 % of 30,000 is 3,000: at it nothing, above it the excess.
    assert_eq!(found(&of("30000", "27000")), pair("3,000.00", "0.00"));
    assert_eq!(found(&of("30000", "26999.99")), pair("3,000.00", "0.01"));
    // 10 % of 30,000.01 is 3,000.001: up to 3,000.01.
    assert_eq!(found(&of("30000.01", "27000")), pair("3,000.01", "0.00"));
    // 10 % of 8,000 is below the stated 1,000.
    assert_eq!(found(&of("8000", "6500")), pair("1,000.00", "500.00"));
}

#[test]
fn aid_goes_off_where_the_schedule_says_so() {
    use AidTreatment::{Deducted, Ignored};
    let whole = Rule::Banded {
        base: BandBase::ExcessOverDeductible,
        mode: BandMode::Progressive,
        bands: vec![band(0, None, 10_000)],
    };
    let fees = Loss {
        grants: yuan("3000"),
        loans: yuan("2000"),
        ..loss("12000")
    };
    for (grants, loans, sum) in [
        (Ignored, Ignored, "6,000.00"),
        (Deducted, Ignored, "3,000.00"),
        (Ignored, Deducted, "4,000.00"),
        (Deducted, Deducted, "1,000.00"),
    ] {
        let schedule = Schedule {
            deductible: yuan("6000"),
            grants,
            loans,
            ..with(progressive(), whole.clone())
        };
        assert_eq!(benefit(&schedule, &fees), Ok(sum.into()));
        // More aid than fees leaves nothing; it is no fault.
        let rich = Loss {
            grants: yuan("50000"),
            loans: yuan("50000"),
            ..loss("6000")
        };
        assert_eq!(benefit(&schedule, &rich), Ok("0.00".into()));
        for field in ["grants", "loans"] {
            let minus = |name| if name == field { -1 } else { 0 };
            let bad = Loss {
                grants: Fen::new(minus("grants")),
                loans: Fen::new(minus("loans")),
                ..loss("6000")
            };
            assert_eq!(
                benefit(&schedule, &bad),
                Err(AssessFault::NegativeAmount {
                    field: field.into(),
                    amount: Fen::new(-1)
                })
            );
        }
    }
}

#[test]
fn declared_layers_are_stated_all_and_in_order() {
    let declared = vec!["基本医保".to_owned(), "大病保险".to_owned()];
    let schedule = Schedule {
        layers: declared.clone(),
        ..progressive()
    };
    let of = |layers: &[(&str, &str)]| Loss {
        layers: layers
            .iter()
            .map(|(name, paid)| layer(name, paid))
            .collect(),
        ..loss("25000")
    };
    let lawful = of(&[("基本医保", "15000"), ("大病保险", "0")]);
    assert_eq!(benefit(&schedule, &lawful), Ok("1,500.00".into()));
    // What a liable party paid is no layer: it is deducted after them, down to nothing.
    for (other, pays) in [("1000", "1,200.00"), ("9000", "0.00")] {
        let with_other = Loss {
            other: yuan(other),
            stated_eligible: Some(yuan("10000")),
            ..lawful.clone()
        };
        assert_eq!(benefit(&schedule, &with_other), Ok(pays.into()), "{other}");
    }
    for wrong in [
        &[][..],
        &[("基本医保", "15000")],
        &[("大病保险", "0"), ("基本医保", "15000")],
        &[("基本医保", "15000"), ("大病保险", "0"), ("医疗救助", "0")],
    ] {
        let loss = of(wrong);
        let stated = wrong.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(
            benefit(&schedule, &loss),
            Err(AssessFault::LayersDiffer {
                declared: declared.clone(),
                stated
            })
        );
        assert!(benefit(&progressive(), &loss).is_ok());
    }
}

#[test]
fn the_slip_must_add_up() {
    let mut slip = Loss {
        layers: vec![layer("基本医保", "15000")],
        stated_eligible: Some(yuan("10000")),
        ..loss("25000")
    };
    assert_eq!(benefit(&progressive(), &slip), Ok("1,500.00".into()));
    slip.stated_eligible = Some(yuan("10000.01"));
    assert_eq!(
        benefit(&progressive(), &slip),
        Err(AssessFault::SumMismatch {
            stated: yuan("10000.01"),
            computed: yuan("10000"),
        })
    );
    // Aid is not on the slip of the layers.
    slip.stated_eligible = Some(yuan("10000"));
    slip.grants = yuan("1000");
    let schedule = Schedule {
        grants: AidTreatment::Deducted,
        ..progressive()
    };
    assert_eq!(benefit(&schedule, &slip), Ok("1,200.00".into()));
}

#[test]
fn losses_of_the_year_earn_what_they_add() {
    let year = |accumulation| Schedule {
        accumulation,
        ..progressive()
    };
    let used = RunningTotals {
        person_year_loss: yuan("4000"),
        household_year_loss: yuan("12000"),
        ..RunningTotals::default()
    };
    // Excess of the event 1,000; of the person 5,000; of the household 13,000 after 7,000 before.
    for (accumulation, sum) in [
        (Accumulation::Event, "300.00"),
        (Accumulation::PersonYear, "1,500.00"),
        (Accumulation::HouseholdYear, "3,000.00"),
    ] {
        assert_eq!(sum_of(&year(accumulation), &loss("6000"), &used), sum);
    }
    let done = assess(
        &year(Accumulation::HouseholdYear),
        &loss("6000"),
        &RunningTotals {
            household_year_loss: yuan("12000"),
            ..used.clone()
        },
    )
    .expect("assessed");
    assert_eq!(done.prior_loss, yuan("12000"));
    assert_eq!(done.base, yuan("13000"));
    assert_eq!(done.year_amount, yuan("5500"));
    assert_eq!(done.prior_amount, yuan("2500"));
    // A bill of nothing adds nothing, wherever the year stands.
    for accumulation in [Accumulation::PersonYear, Accumulation::HouseholdYear] {
        assert_eq!(sum_of(&year(accumulation), &loss("0"), &used), "0.00");
    }
    for field in ["person_year_loss", "household_year_loss"] {
        let minus = |name| Fen::new(if name == field { -1 } else { 0 });
        let bad = RunningTotals {
            person_year_loss: minus("person_year_loss"),
            household_year_loss: minus("household_year_loss"),
            ..RunningTotals::default()
        };
        let field = field.to_owned();
        assert_eq!(
            assess(&progressive(), &loss("1"), &bad).map(|done| done.benefit),
            Err(AssessFault::NegativeAmount {
                field,
                amount: Fen::new(-1)
            })
        );
    }
}

#[test]
fn the_other_readings_stand_beside_the_declared_one() {
    use BandBase::{ExcessOverDeductible, WholeLoss};
    use BandMode::{Flat, Progressive};
    let of = |schedule: &Schedule, loss: &Loss| {
        let readings = other_readings(schedule, loss, &RunningTotals::default());
        readings.map(|readings| {
            let line = |it: Reading| (it.base, it.mode, it.difference.to_string());
            readings.into_iter().map(line).collect::<Vec<_>>()
        })
    };
    // Declared: 6,500.00. Flat 10,500; the whole 20,000 progressive 10,000, flat 14,000.
    assert_eq!(
        of(&progressive(), &loss("20000")),
        Ok(vec![
            (ExcessOverDeductible, Flat, "4,000.00".into()),
            (WholeLoss, Progressive, "3,500.00".into()),
            (WholeLoss, Flat, "7,500.00".into()),
        ])
    );
    assert_eq!(
        of(&r1(WholeLoss, Flat), &loss("20000")),
        Ok(vec![
            (ExcessOverDeductible, Progressive, "-7,500.00".into()),
            (ExcessOverDeductible, Flat, "-3,500.00".into()),
            (WholeLoss, Progressive, "-4,000.00".into()),
        ])
    );
    assert_eq!(of(&livestock(), &animals(&[("猪", 2)])), Ok(vec![]));
    // A reading that could not be declared is shown all the same.
    let falling = Schedule {
        accumulation: Accumulation::PersonYear,
        ..with(
            progressive(),
            Rule::Banded {
                base: ExcessOverDeductible,
                mode: Progressive,
                bands: vec![band(0, Some(5_000), 9_000), band(5_000, None, 3_000)],
            },
        )
    };
    assert_eq!(of(&falling, &loss("1000")).map(|it| it.len()), Ok(3));
}

#[test]
fn every_fault_says_what_is_wrong() {
    let text = |text: &str| text.to_owned();
    for (fault, says) in [
        (
            AssessFault::LayersDiffer {
                declared: vec![text("基本医保")],
                stated: vec![],
            },
            "the schedule declares the layers 基本医保, the loss states none",
        ),
        (
            AssessFault::SumMismatch {
                stated: yuan("10.01"),
                computed: yuan("10"),
            },
            "the slip leaves 10.01 to the household, submitted less all layers is 10.00",
        ),
        (
            AssessFault::UnknownUnit { unit: text("牛") },
            "the schedule has no value for the unit \"牛\"",
        ),
        (
            AssessFault::Unknown {
                missing: text("比例"),
            },
            "the schedule cannot pay, its source does not print: 比例",
        ),
    ] {
        assert_eq!(fault.to_string(), says);
    }
}

fn labels(schedule: &Schedule, loss: &Loss, used: &RunningTotals) -> Vec<String> {
    let done = assess(schedule, loss, used).expect("assessed");
    let line =
        |step: crate::Step| format!("{} | {} | {}", step.label_zh, step.working, step.amount);
    done.steps().into_iter().skip(1).map(line).collect()
}

#[test]
fn an_advance_is_netted_and_a_supplement_earns_what_it_adds() {
    let used = |advanced, benefit, loss| RunningTotals {
        event: EventTotals {
            benefit: yuan(benefit),
            advanced: yuan(advanced),
            loss: yuan(loss),
            year_loss: yuan(loss),
            submitted: yuan(loss),
            held: yuan(benefit),
        },
        ..RunningTotals::default()
    };
    let pays = |loss_of, used: &RunningTotals| sum_of(&progressive(), &loss(loss_of), used);
    // 25,000 alone: 5,000 × 30 % + 10,000 × 50 % + 5,000 × 70 % = 10,000.
    assert_eq!(pays("25000", &used("0", "0", "0")), "10,000.00");
    assert_eq!(pays("25000", &used("5000", "5000", "0")), "5,000.00");
    // 15,000 earn 4,000; 10,000 more earn what is missing to the 10,000 of both, whatever was paid for the first.
    assert_eq!(pays("10000", &used("0", "4000", "15000")), "6,000.00");
    assert_eq!(pays("10000", &used("0", "1000", "15000")), "6,000.00");
    assert_eq!(pays("10000", &used("0", "4500", "15000")), "6,000.00");
    // What an advance exceeds the first settlement by goes off the next.
    assert_eq!(pays("10000", &used("1000", "5000", "15000")), "5,000.00");
    assert_eq!(pays("6000", &used("5000", "5000", "0")), "0.00");
    let capped = Schedule {
        caps: vec![Cap {
            scope: CapScope::Event,
            limit: yuan("9000"),
        }],
        ..progressive()
    };
    let before = used("0", "4000", "15000");
    assert_eq!(sum_of(&capped, &loss("10000"), &before), "5,000.00");
    // A fixed sum is for the event as a whole.
    let fixed = with(
        progressive(),
        Rule::Fixed {
            amount: yuan("6000"),
            per: Per::Event,
        },
    );
    let before = used("0", "5000", "0");
    assert_eq!(sum_of(&fixed, &loss("1"), &before), "1,000.00");
    // In a year that accumulates, the event's own losses are a part of the year's.
    let year = Schedule {
        accumulation: Accumulation::PersonYear,
        ..progressive()
    };
    let before = RunningTotals {
        person_year: yuan("5000"),
        person_year_loss: yuan("15000"),
        ..used("1000", "5000", "15000")
    };
    assert_eq!(sum_of(&year, &loss("10000"), &before), "5,000.00");
    // A deductible as a part of the total is a part of the event's total: a fifth of 25,000.
    let part = Schedule {
        deductible: Fen::ZERO,
        deductible_of_total: Some(Rate::from_basis_points(2_000).expect("a rate")),
        ..progressive()
    };
    let before = used("0", "4500", "15000");
    assert_eq!(sum_of(&part, &loss("10000"), &before), "6,000.00");
}

#[test]
fn the_derivation_shows_an_advance() {
    let used = RunningTotals {
        event: EventTotals {
            benefit: yuan("5000"),
            advanced: yuan("1000"),
            loss: yuan("15000"),
            year_loss: yuan("15000"),
            submitted: yuan("15000"),
            held: yuan("5000"),
        },
        ..RunningTotals::default()
    };
    let lines = labels(&progressive(), &loss("10000"), &used);
    assert_eq!(
        lines[2..],
        [
            "同一事件累计自付 | 15,000.00 + 10,000.00 | 25,000.00",
            "超过起付线的部分 | 25,000.00 − 5,000.00 | 20,000.00",
            "分段 0.00（含）至 5,000.00 | 5,000.00 × 30 % | 1,500.00",
            "分段 5,000.00（含）至 15,000.00 | 10,000.00 × 50 % | 5,000.00",
            "分段 15,000.00（含）至 35,000.00 | 5,000.00 × 70 % | 3,500.00",
            "全案理算金额（分段累进；四舍五入到分，仅此一次） | 1,500.00 + 5,000.00 + 3,500.00 | 10,000.00",
            "此前损失按同一标准的理算金额 | 15,000.00 | 4,000.00",
            "理算金额（本次增加的部分） | 10,000.00 − 4,000.00 | 6,000.00",
            "扣除同一事件已先行赔付的部分 | 6,000.00 − 1,000.00 | 5,000.00",
            "封顶线：个人年度累计 | min(5,000.00, 200,000.00 − 0.00 = 200,000.00) | 5,000.00",
            "赔付金额 | 5,000.00 | 5,000.00",
        ]
    );
    let words = assess(&progressive(), &loss("10000"), &used)
        .expect("assessed")
        .plain_words();
    assert!(
        words.contains("同一件事在这之前已经负担了15,000.00元，和这次合起来是25,000.00元。")
            && words.contains(
                "这是这件事前后合起来的数，其中4,000.00元是以前的费用应得的，所以这次增加的是6,000.00元。\
                 这件事之前已经先行赔付了1,000.00元，要减去，还剩5,000.00元。"
            ),
        "{words}"
    );
}

#[test]
fn the_derivation_shows_slip_aid_accumulation_and_caps() {
    let schedule = Schedule {
        grants: AidTreatment::Deducted,
        accumulation: Accumulation::PersonYear,
        ..progressive()
    };
    let fees = Loss {
        layers: vec![layer("基本医保", "4000")],
        stated_eligible: Some(yuan("11000")),
        grants: yuan("1000"),
        loans: yuan("500"),
        ..loss("15000")
    };
    let used = RunningTotals {
        person_year: yuan("210000"),
        person_year_loss: yuan("6000"),
        ..RunningTotals::default()
    };
    assert_eq!(
        labels(&schedule, &fees, &used),
        [
            "已由基本医保支付 | 4,000.00 | 4,000.00",
            "结算单自付（与各层核对相符） | 15,000.00 − 4,000.00 = 11,000.00 | 11,000.00",
            "助学金、补助（扣除） | 1,000.00 | 1,000.00",
            "助学贷款（不扣除） | 500.00 | 500.00",
            "合规自付 | 15,000.00 − 4,000.00 − 1,000.00 | 10,000.00",
            "预警线（只启动核查，不影响金额） | 10,000.00 > 5,000.00 | 5,000.00",
            "个人本年度累计自付 | 6,000.00 + 10,000.00 | 16,000.00",
            "超过起付线的部分 | 16,000.00 − 5,000.00 | 11,000.00",
            "分段 0.00（含）至 5,000.00 | 5,000.00 × 30 % | 1,500.00",
            "分段 5,000.00（含）至 15,000.00 | 6,000.00 × 50 % | 3,000.00",
            "全年理算金额（分段累进；四舍五入到分，仅此一次） | 1,500.00 + 3,000.00 | 4,500.00",
            "此前损失按同一标准的理算金额 | 6,000.00 | 300.00",
            "理算金额（本次增加的部分） | 4,500.00 − 300.00 | 4,200.00",
            "封顶线：个人年度累计 | min(4,200.00, max(0, 200,000.00 − 210,000.00) = 0.00) | 0.00",
            "赔付金额 | 0.00 | 0.00",
        ]
    );
}

#[test]
fn the_derivation_shows_every_other_rule() {
    let used = RunningTotals::default();
    assert_eq!(
        labels(&livestock(), &animals(&[("猪", 2), ("羊", 3)]), &used)[2..],
        [
            "猪（按单位） | 2 × 800.00 | 1,600.00",
            "羊（按单位） | 3 × 500.50 | 1,501.50",
            "合计与起赔额 | 3,101.50 ≥ 1,001.00 | 3,101.50",
            "理算金额 | 3,101.50 | 3,101.50",
            "赔付金额 | 3,101.50 | 3,101.50",
        ]
    );
    let line = yuan("6000");
    let gap = with(progressive(), Rule::IncomeGap { line });
    let poor = Loss {
        heads: Some(3),
        income_per_head: Some(yuan("5200")),
        ..Loss::default()
    };
    assert_eq!(
        labels(&gap, &poor, &used)[2..],
        [
            "人均收入缺口 | 6,000.00 − 5,200.00 | 800.00",
            "理算金额（补差，按人） | 800.00 × 3 | 2,400.00",
            "赔付金额 | 2,400.00 | 2,400.00",
        ]
    );
    let gated = Schedule {
        deductible: yuan("1000"),
        deductible_of_total: Some(Rate::from_basis_points(2_000).expect("a fifth")),
        ..with(
            progressive(),
            Rule::Fixed {
                amount: yuan("4000"),
                per: Per::Head,
            },
        )
    };
    let three = |submitted, paid| Loss {
        heads: Some(3),
        layers: vec![layer("基本医保", paid)],
        ..loss(submitted)
    };
    assert_eq!(
        labels(&gated, &three("10000", "7000"), &used)[3..],
        [
            "起付线（不低于总费用的规定比例，比例部分进位到分） \
             | max(1,000.00, 10,000.00 × 20 %) | 2,000.00",
            "超过起付线 | 3,000.00 > 2,000.00 | 3,000.00",
            "定额（按人） | 4,000.00 × 3 | 12,000.00",
            "赔付金额 | 12,000.00 | 12,000.00",
        ]
    );
    assert_eq!(
        labels(&gated, &three("10000", "8000"), &used)[4..],
        [
            "未超过起付线 | 2,000.00 ≤ 2,000.00 | 0.00",
            "定额（按人） | 0.00 | 0.00",
            "赔付金额 | 0.00 | 0.00",
        ]
    );
}

#[test]
fn a_household_can_follow_the_plain_words() {
    let words = |schedule: &Schedule, loss: &Loss, used: &RunningTotals| {
        assess(schedule, loss, used)
            .expect("assessed")
            .plain_words()
    };
    let bill = Loss {
        layers: vec![layer("基本医保", "12,000"), layer("大病保险", "3,000")],
        ..loss("25,000.01")
    };
    let used = RunningTotals {
        person_year: yuan("199,000"),
        ..RunningTotals::default()
    };
    assert_eq!(
        words(&progressive(), &bill, &used),
        "这次申报的费用一共是25,000.01元。医保、救助等其他渠道已经支付了15,000.00元。\
         家里自己负担的是10,000.01元。\
         按规定，超过5,000.00元的部分才能补偿，超过的部分是5,000.01元。\
         其中5,000.00元按30%计算，得1,500.00元；其中0.01元按50%计算，得0.005元。\
         加起来四舍五入到分，合计1,500.01元。\
         本人一年里最多补偿200,000.00元，已经补偿了199,000.00元，还剩1,000.00元。\
         所以这次只能按1,000.00元算。所以，这次一共补偿1,000.00元。"
    );
    assert_eq!(
        words(&progressive(), &loss("5000"), &RunningTotals::default()),
        "这次申报的费用一共是5,000.00元。家里自己负担的是5,000.00元。\
         按规定，自己负担的钱要超过5,000.00元才能补偿，现在是5,000.00元，没有超过。\
         本人一年里最多补偿200,000.00元，已经补偿了0.00元，还剩200,000.00元。\
         所以，这次没有补偿。"
    );
    let year = Schedule {
        accumulation: Accumulation::HouseholdYear,
        caps: vec![],
        ..progressive()
    };
    let before = RunningTotals {
        household_year_loss: yuan("6000"),
        ..RunningTotals::default()
    };
    let told = words(&year, &loss("4000"), &before);
    assert!(
        told.contains("今年在这之前全家已经负担了6,000.00元，和这次合起来是10,000.00元。")
            && told.contains(
                "合计1,500.00元。这是全年的数，其中300.00元是以前的费用应得的，\
                 所以这次增加的是1,200.00元。所以，这次一共补偿1,200.00元。"
            ),
        "{told}"
    );
}
