//! What must hold for every sound schedule and every loss.

use crate::{
    Accumulation, AidTreatment, Assessment, Band, BandBase, BandMode, Cap, CapScope, EventTotals,
    Fen, HeadAmount, Layer, Loss, Method, OutcomeAmount, Per, Rate, Rounding, Rule, RunningTotals,
    Schedule, UnitCount, UnitValue, assess, other_readings,
};
use proptest::prelude::*;

/// Up to ten million yuan.
fn money() -> impl Strategy<Value = Fen> {
    // Small amounts often, where the edges and the fractions of a fen lie.
    prop_oneof![0..2_000_i64, 0..1_000_000_000_i64].prop_map(Fen::new)
}

fn bands() -> impl Strategy<Value = Vec<Band>> {
    let edges = prop::collection::btree_set(prop_oneof![1..2_000_i64, 1..10_000_000_i64], 0..5);
    (edges, prop::collection::vec(0..=10_000_u32, 5)).prop_map(|(edges, rates)| {
        let starts = std::iter::once(0).chain(edges.iter().copied());
        let ends = edges.iter().copied().map(Some).chain(std::iter::once(None));
        starts
            .zip(ends)
            .zip(rates)
            .map(|((from, to), rate)| Band {
                from: Fen::new(from),
                to: to.map(Fen::new),
                rate: Rate::from_basis_points(rate).expect("within the whole"),
            })
            .collect()
    })
}

/// A cap of nothing is no sound cap.
fn limit() -> impl Strategy<Value = Fen> {
    money().prop_map(|limit| limit.max(Fen::new(1)))
}

fn caps() -> impl Strategy<Value = Vec<Cap>> {
    let scopes = vec![
        CapScope::Event,
        CapScope::PersonYear,
        CapScope::HouseholdYear,
    ];
    (
        prop::sample::subsequence(scopes, 0..=3).prop_shuffle(),
        [limit(), limit(), limit()],
    )
        .prop_map(|(scopes, limits)| {
            scopes
                .into_iter()
                .zip(limits)
                .map(|(scope, limit)| Cap { scope, limit })
                .collect()
        })
}

fn aid_treatment() -> impl Strategy<Value = AidTreatment> {
    prop_oneof![Just(AidTreatment::Deducted), Just(AidTreatment::Ignored)]
}

fn rate() -> impl Strategy<Value = Rate> {
    (0..=10_000_u32).prop_map(|points| Rate::from_basis_points(points).expect("within the whole"))
}

fn banded() -> impl Strategy<Value = Rule> {
    let base = prop_oneof![
        Just(BandBase::ExcessOverDeductible),
        Just(BandBase::WholeLoss)
    ];
    let mode = prop_oneof![Just(BandMode::Progressive), Just(BandMode::Flat)];
    (base, mode, bands()).prop_map(|(base, mode, bands)| Rule::Banded { base, mode, bands })
}

/// A rule without bands, for the facts that [`loss`] states.
fn plain_rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (money(), prop_oneof![Just(Per::Event), Just(Per::Head)])
            .prop_map(|(amount, per)| Rule::Fixed { amount, per }),
        money().prop_map(|amount| Rule::FixedByOutcome {
            amounts: vec![OutcomeAmount {
                outcome: "本科".into(),
                amount
            }]
        }),
        [money(), money(), money()].prop_map(|amounts| Rule::FixedByHeads {
            amounts: (1..)
                .zip(amounts)
                .map(|(heads, amount)| HeadAmount { heads, amount })
                .collect()
        }),
        (money(), money(), money()).prop_map(|(pig, sheep, minimum)| Rule::PerUnit {
            values: [("猪", pig), ("羊", sheep)]
                .map(|(unit, value)| UnitValue {
                    unit: unit.into(),
                    value
                })
                .into(),
            minimum,
        }),
        money().prop_map(|line| Rule::IncomeGap { line }),
    ]
}

/// A sound schedule in which each event stands alone.
fn schedule_of(rule: impl Strategy<Value = Rule>) -> impl Strategy<Value = Schedule> {
    let rounding = prop_oneof![Just(Rounding::HalfUp), Just(Rounding::Down)];
    let deductible = prop_oneof![Just(0), 0..2_000_i64, 0..2_000_000_i64].prop_map(Fen::new);
    let of_total = prop_oneof![Just(None), rate().prop_map(Some)];
    let aid = (aid_treatment(), aid_treatment());
    (rule, rounding, deductible, of_total, aid, caps(), money()).prop_map(
        |(rule, rounding, deductible, deductible_of_total, (grants, loans), caps, warning_line)| {
            Schedule {
                id: "any".into(),
                clause: "any".into(),
                source: "invented".into(),
                warning_line,
                layers: vec![],
                grants,
                loans,
                deductible,
                deductible_of_total,
                accumulation: Accumulation::Event,
                rule,
                caps,
                rounding,
            }
        },
    )
}

fn schedule() -> impl Strategy<Value = Schedule> {
    schedule_of(banded())
}

fn any_rule() -> impl Strategy<Value = Schedule> {
    schedule_of(prop_oneof![banded(), plain_rule()])
}

fn progressive() -> impl Strategy<Value = Schedule> {
    schedule_of(banded().prop_map(|rule| match rule {
        Rule::Banded { base, bands, .. } => Rule::Banded {
            base,
            mode: BandMode::Progressive,
            bands,
        },
        Rule::Fixed { .. }
        | Rule::FixedByOutcome { .. }
        | Rule::FixedByHeads { .. }
        | Rule::PerUnit { .. }
        | Rule::IncomeGap { .. }
        | Rule::Unknown { .. } => rule,
    }))
}

/// A sound schedule whose losses run over the year: in flat mode with rates that never fall.
fn accumulating() -> impl Strategy<Value = Schedule> {
    let accumulation = prop_oneof![
        Just(Accumulation::PersonYear),
        Just(Accumulation::HouseholdYear)
    ];
    (schedule(), accumulation).prop_map(|(mut schedule, accumulation)| {
        schedule.accumulation = accumulation;
        schedule.deductible_of_total = None;
        schedule.caps.retain(|cap| cap.scope != CapScope::Event);
        if let Rule::Banded {
            mode: BandMode::Flat,
            bands,
            ..
        } = &mut schedule.rule
        {
            let mut rates: Vec<Rate> = bands.iter().map(|band| band.rate).collect();
            rates.sort();
            for (band, rate) in bands.iter_mut().zip(rates) {
                band.rate = rate;
            }
        }
        schedule
    })
}

fn used() -> impl Strategy<Value = RunningTotals> {
    (money(), money(), money(), money()).prop_map(
        |(person_year, household_year, person_year_loss, household_year_loss)| RunningTotals {
            person_year,
            household_year,
            person_year_loss,
            household_year_loss,
            event: EventTotals::default(),
        },
    )
}

/// The same, after earlier claims of the event.
fn linked() -> impl Strategy<Value = RunningTotals> {
    (used(), (money(), money(), money(), money())).prop_map(
        |(used, (benefit, advanced, loss, submitted))| RunningTotals {
            event: EventTotals {
                benefit,
                advanced: advanced.min(benefit),
                loss,
                year_loss: loss,
                submitted,
                held: benefit,
            },
            ..used
        },
    )
}

/// A loss whose layers never exceed it, with the facts that any rule may ask for.
fn loss() -> impl Strategy<Value = Loss> {
    let aid = prop_oneof![
        Just((Fen::ZERO, Fen::ZERO, Fen::ZERO)),
        (money(), money(), money())
    ];
    let facts = (1..9_u16, (0..50_u32, 0..50_u32), money());
    (money(), prop::collection::vec(money(), 0..4), aid, facts).prop_map(
        |(own, paid, (other, grants, loans), (heads, (pigs, sheep), income))| Loss {
            submitted: Fen::new(own.get() + paid.iter().map(|paid| paid.get()).sum::<i64>()),
            layers: paid
                .into_iter()
                .map(|paid| Layer {
                    name: "层".into(),
                    paid,
                })
                .collect(),
            stated_eligible: Some(own),
            other,
            grants,
            loans,
            outcome: Some("本科".into()),
            heads: Some(heads),
            units: [("猪", pigs), ("羊", sheep)]
                .map(|(unit, count)| UnitCount {
                    unit: unit.into(),
                    count,
                })
                .into(),
            income_per_head: Some(income),
        },
    )
}

/// Runs the bills through the year, one after the other, and returns the sums of the table amounts
/// and of the benefits.
fn year(schedule: &Schedule, bills: &[Fen]) -> (Fen, Fen) {
    let mut used = RunningTotals::default();
    let mut table = Fen::ZERO;
    let add = |one: Fen, other: Fen| one.checked_add(other).expect("a sum that fits");
    for bill in bills {
        let loss = Loss {
            submitted: *bill,
            ..Loss::default()
        };
        let done = done(schedule, &loss, &used);
        table = add(table, done.table_amount);
        used = RunningTotals {
            person_year: add(used.person_year, done.benefit),
            household_year: add(used.household_year, done.benefit),
            person_year_loss: add(used.person_year_loss, done.eligible),
            household_year_loss: add(used.household_year_loss, done.eligible),
            event: EventTotals::default(),
        };
    }
    (table, used.person_year)
}

/// Any figure, also those that no office would write.
fn wild() -> impl Strategy<Value = Fen> {
    prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN), -5..5_i64].prop_map(Fen::new)
}

fn done(schedule: &Schedule, loss: &Loss, used: &RunningTotals) -> Assessment {
    assess(schedule, loss, used).expect("a sound schedule and a possible loss")
}

proptest! {
    #[test]
    fn generated_schedules_are_sound(schedule in any_rule(), over_the_year in accumulating()) {
        prop_assert_eq!(schedule.check(), []);
        prop_assert_eq!(over_the_year.check(), []);
    }

    #[test]
    fn the_benefit_stays_within_every_cap_and_the_loss(
        schedule in schedule(), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        prop_assert!(!done.benefit.is_negative());
        prop_assert!(done.benefit <= done.table_amount);
        prop_assert!(done.table_amount <= done.base);
        prop_assert!(done.base <= done.eligible);
        for cap in &done.caps {
            prop_assert!(done.benefit <= cap.remaining);
        }
        // Nothing is held back either: the benefit is the table amount or what a cap left.
        prop_assert!(
            done.benefit == done.table_amount
                || done.caps.iter().any(|cap| cap.remaining == done.benefit)
        );
    }

    #[test]
    fn at_or_below_the_deductible_there_is_nothing(
        schedule in schedule(), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        if done.eligible <= done.deductible {
            prop_assert_eq!(done.benefit, Fen::ZERO);
            prop_assert_eq!(done.base, Fen::ZERO);
        } else {
            prop_assert!(done.base > Fen::ZERO);
        }
    }

    #[test]
    fn at_or_below_a_deductible_no_rule_pays(
        schedule in any_rule(), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        if done.deductible > Fen::ZERO && done.eligible <= done.deductible {
            prop_assert_eq!(done.benefit, Fen::ZERO);
        }
        prop_assert!(done.deductible >= schedule.deductible);
        if let Some(rate) = schedule.deductible_of_total {
            // The least whole fen that is no less than the part of the total.
            let part = loss.submitted.get() * i64::from(rate.basis_points());
            let over = done.deductible.get() * 10_000 - part;
            prop_assert!(over >= 0);
            prop_assert!(over < 10_000 || done.deductible == schedule.deductible);
        }
    }

    #[test]
    fn every_rule_stays_within_its_caps(schedule in any_rule(), loss in loss(), used in used()) {
        let done = done(&schedule, &loss, &used);
        prop_assert!(!done.benefit.is_negative());
        prop_assert!(done.benefit <= done.table_amount);
        for cap in &done.caps {
            prop_assert!(done.benefit <= cap.remaining);
            prop_assert!(done.benefit <= cap.limit);
        }
    }

    #[test]
    fn lines_of_units_sum_to_their_total(
        schedule in schedule_of(plain_rule()), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        if let Method::PerUnit { lines, sum, minimum } = &done.method {
            let lines: i64 = lines.iter().map(|line| line.amount.get()).sum();
            prop_assert_eq!(Fen::new(lines), *sum);
            let paid = done.table_amount;
            prop_assert!(paid == *sum || paid == Fen::ZERO);
            if sum < minimum {
                prop_assert_eq!(paid, Fen::ZERO);
            }
        }
    }

    #[test]
    fn neither_order_nor_splitting_of_bills_changes_a_yearly_total(
        schedule in accumulating(),
        (bills, shuffled) in prop::collection::vec(money(), 1..7)
            .prop_flat_map(|bills| (Just(bills.clone()), Just(bills).prop_shuffle())),
        cut in 0..=100_i64,
    ) {
        let declared = year(&schedule, &bills);
        prop_assert_eq!(declared, year(&schedule, &shuffled));
        let split: Vec<Fen> = bills
            .iter()
            .flat_map(|bill| {
                let part = bill.get() * cut / 100;
                [Fen::new(part), Fen::new(bill.get() - part)]
            })
            .collect();
        prop_assert_eq!(declared, year(&schedule, &split));
        let whole = Fen::new(bills.iter().map(|bill| bill.get()).sum());
        prop_assert_eq!(declared, year(&schedule, &[whole]));
        // And that total is what one event of the whole sum earns where each event stands alone.
        let alone = Schedule { accumulation: Accumulation::Event, ..schedule };
        prop_assert_eq!(declared, year(&alone, &[whole]));
    }

    #[test]
    fn an_advance_never_adds(schedule in any_rule(), loss in loss(), linked in linked()) {
        let alone = RunningTotals { event: EventTotals { benefit: Fen::ZERO, advanced: Fen::ZERO, held: Fen::ZERO, ..linked.event }, ..linked.clone() };
        let (with, without) = (done(&schedule, &loss, &linked), done(&schedule, &loss, &alone));
        prop_assert!(with.benefit <= without.benefit);
        prop_assert_eq!(with.table_amount, without.table_amount);
    }

    #[test]
    fn an_event_paid_in_parts_is_paid_once(
        schedule in progressive(), bills in prop::collection::vec(money(), 1..6), advance in money()
    ) {
        // A part of the total as deductible grows with each part; so do caps shrink.
        let schedule = Schedule { deductible_of_total: None, caps: vec![], ..schedule };
        let bill = |submitted| Loss { submitted, ..Loss::default() };
        let sum = |fens: &[Fen]| Fen::new(fens.iter().map(|it| it.get()).sum());
        let mut used = RunningTotals {
            event: EventTotals { benefit: advance, advanced: advance, ..EventTotals::default() },
            ..RunningTotals::default()
        };
        for part in &bills {
            let done = done(&schedule, &bill(*part), &used);
            let event = &mut used.event;
            event.benefit = sum(&[event.benefit, done.benefit]);
            event.advanced = Fen::new(event.advanced.get() - done.table_amount.min(done.advanced).get());
            event.loss = sum(&[event.loss, done.eligible]);
            event.submitted = sum(&[event.submitted, *part]);
        }
        let whole = done(&schedule, &bill(sum(&bills)), &RunningTotals::default());
        prop_assert_eq!(used.event.benefit, whole.benefit.max(advance));
    }

    #[test]
    fn an_accumulated_loss_earns_what_it_adds(
        schedule in accumulating(), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        prop_assert_eq!(
            done.year_amount.checked_sub(done.prior_amount),
            Some(done.table_amount)
        );
        let amounts: i64 = done.slices.iter().map(|slice| slice.amount.get()).sum();
        prop_assert_eq!(Fen::new(amounts), done.base);
        prop_assert!(done.year_amount <= done.base);
        prop_assert!(Some(done.base) <= done.prior_loss.checked_add(done.eligible));
    }

    #[test]
    fn another_reading_sees_the_declared_one(
        schedule in schedule(), loss in loss(), used in used()
    ) {
        let declared = done(&schedule, &loss, &used).benefit;
        let Rule::Banded { base, mode, bands } = &schedule.rule else { unreachable!() };
        let readings = other_readings(&schedule, &loss, &used).expect("readings");
        prop_assert_eq!(readings.len(), 3);
        for reading in readings {
            prop_assert!((reading.base, reading.mode) != (*base, *mode));
            let rule = Rule::Banded {
                base: reading.base,
                mode: reading.mode,
                bands: bands.clone(),
            };
            let other = Schedule { rule, ..schedule.clone() };
            prop_assert_eq!(done(&other, &loss, &used).benefit, reading.benefit);
            let back = other_readings(&other, &loss, &used).expect("readings");
            let back = back
                .iter()
                .find(|back| (back.base, back.mode) == (*base, *mode))
                .expect("the declared one");
            prop_assert_eq!(back.benefit, declared);
            prop_assert_eq!(back.difference.get(), -reading.difference.get());
        }
    }

    #[test]
    fn an_assessment_recomputes_from_what_it_holds(
        schedule in prop_oneof![any_rule(), accumulating()], loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        prop_assert_eq!(assess(&schedule, &done.loss, &done.used), Ok(done.clone()));
        let rewritten = toml::to_string(&done).expect("written");
        prop_assert_eq!(toml::from_str::<Assessment>(&rewritten), Ok(done));
    }

    #[test]
    fn plain_words_end_with_the_benefit_and_hold_nothing_typed_in(
        schedule in prop_oneof![any_rule(), accumulating()], mut loss in loss(), used in prop_oneof![used(), linked()]
    ) {
        for layer in &mut loss.layers {
            layer.name = "张三尿毒症".into();
        }
        let schedule = Schedule { clause: "尿毒症条款".into(), ..schedule };
        let done = done(&schedule, &loss, &used);
        let words = done.plain_words();
        prop_assert!(!words.contains("张三") && !words.contains("尿毒症"), "{}", words);
        prop_assert!(!words.contains("本科"), "{}", words);
        let end = if done.benefit == Fen::ZERO {
            "这次没有补偿。".to_owned()
        } else {
            format!("这次一共补偿{}元。", done.benefit)
        };
        prop_assert!(words.ends_with(&end), "{}", words);
    }

    #[test]
    fn no_figure_makes_it_panic(
        mut schedule in prop_oneof![any_rule(), accumulating()],
        mut loss in loss(),
        wild in prop::collection::vec(wild(), 8),
    ) {
        loss.submitted = wild[0];
        loss.stated_eligible = None;
        loss.grants = wild[1];
        schedule.deductible = wild[2];
        if let Rule::Banded { bands, .. } = &mut schedule.rule {
            bands[0].from = wild[3];
            bands[0].to = Some(wild[4]);
        }
        let used = RunningTotals {
            person_year: wild[5],
            household_year: wild[5],
            person_year_loss: wild[6],
            household_year_loss: wild[7],
            event: EventTotals {
                benefit: wild[4],
                advanced: wild[5],
                loss: wild[3],
                year_loss: wild[2],
                submitted: wild[1],
                held: wild[0],
            },
        };
        // What a panic would look like is the only question; either answer is lawful.
        if let Ok(done) = assess(&schedule, &loss, &used) {
            prop_assert!(!done.benefit.is_negative());
            prop_assert!(!done.steps().is_empty() && !done.plain_words().is_empty());
        }
    }

    #[test]
    fn slices_sum_to_the_base_and_one_rounding_separates_them_from_the_table_amount(
        schedule in schedule(), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        let amounts: i64 = done.slices.iter().map(|slice| slice.amount.get()).sum();
        prop_assert_eq!(Fen::new(amounts), done.base);
        for slice in &done.slices {
            let product = slice.amount.get() * i64::from(slice.rate.basis_points());
            prop_assert_eq!(slice.exact_units, product);
        }
        let exact: i64 = done.slices.iter().map(|slice| slice.exact_units).sum();
        let rounded_by = done.table_amount.get() * 10_000 - exact;
        match done.rounding {
            Rounding::HalfUp => prop_assert!((-4_999..=5_000).contains(&rounded_by)),
            Rounding::Down => prop_assert!((-9_999..=0).contains(&rounded_by)),
        }
    }

    #[test]
    fn a_progressive_benefit_never_falls_when_the_loss_grows(
        schedule in progressive(), loss in loss(), more in money(), used in used()
    ) {
        let submitted = Fen::new(loss.submitted.get() + more.get());
        let larger = Loss { submitted, stated_eligible: None, ..loss.clone() };
        let (less, more) = (done(&schedule, &loss, &used), done(&schedule, &larger, &used));
        prop_assert!(less.benefit <= more.benefit);
    }

    #[test]
    fn the_warning_line_and_a_split_of_the_layers_change_no_sum(
        schedule in schedule(), loss in loss(), used in used(), warning_line in money()
    ) {
        let before = done(&schedule, &loss, &used);
        let moved = Schedule { warning_line, ..schedule };
        let paid = Fen::new(loss.layers.iter().map(|layer| layer.paid.get()).sum());
        let layers = vec![Layer { name: "合计".into(), paid }];
        let after = done(&moved, &Loss { layers, ..loss }, &used);
        prop_assert_eq!((before.eligible, before.benefit), (after.eligible, after.benefit));
    }

    #[test]
    fn the_derivation_ends_with_the_benefit(
        schedule in schedule(), loss in loss(), used in used()
    ) {
        let done = done(&schedule, &loss, &used);
        prop_assert_eq!(done.steps().last().map(|step| step.amount), Some(done.benefit));
    }

    #[test]
    fn money_survives_printing_and_reading(fen in 0..=i64::MAX) {
        prop_assert_eq!(Fen::parse_yuan(&Fen::new(fen).to_string()), Ok(Fen::new(fen)));
    }
}
