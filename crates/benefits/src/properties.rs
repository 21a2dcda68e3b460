//! What must hold for every sound schedule and every loss.

use crate::{
    Assessment, Band, BandBase, BandMode, Cap, CapScope, Fen, Layer, Loss, Rate, Rounding, Rule,
    RunningTotals, Schedule, assess,
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

fn caps() -> impl Strategy<Value = Vec<Cap>> {
    let scopes = vec![
        CapScope::Event,
        CapScope::PersonYear,
        CapScope::HouseholdYear,
    ];
    (
        prop::sample::subsequence(scopes, 0..=3).prop_shuffle(),
        [money(), money(), money()],
    )
        .prop_map(|(scopes, limits)| {
            scopes
                .into_iter()
                .zip(limits)
                .map(|(scope, limit)| Cap { scope, limit })
                .collect()
        })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let base = prop_oneof![
        Just(BandBase::ExcessOverDeductible),
        Just(BandBase::WholeLoss)
    ];
    let mode = prop_oneof![Just(BandMode::Progressive), Just(BandMode::Flat)];
    let rounding = prop_oneof![Just(Rounding::HalfUp), Just(Rounding::Down)];
    let deductible = prop_oneof![0..2_000_i64, 0..2_000_000_i64].prop_map(Fen::new);
    (base, mode, rounding, deductible, bands(), caps(), money()).prop_map(
        |(base, mode, rounding, deductible, bands, caps, warning_line)| Schedule {
            id: "any".into(),
            clause: "any".into(),
            source: "invented".into(),
            warning_line,
            rule: Rule::Banded {
                deductible,
                base,
                mode,
                bands,
            },
            caps,
            rounding,
        },
    )
}

fn progressive() -> impl Strategy<Value = Schedule> {
    schedule().prop_map(|mut schedule| {
        match &mut schedule.rule {
            Rule::Banded { mode, .. } => *mode = BandMode::Progressive,
            Rule::Fixed { .. } | Rule::FixedByOutcome { .. } => {}
        }
        schedule
    })
}

fn used() -> impl Strategy<Value = RunningTotals> {
    (money(), money()).prop_map(|(person_year, household_year)| RunningTotals {
        person_year,
        household_year,
    })
}

/// A loss whose layers never exceed it.
fn loss() -> impl Strategy<Value = Loss> {
    (money(), prop::collection::vec(money(), 0..4)).prop_map(|(own, paid)| Loss {
        submitted: Fen::new(own.get() + paid.iter().map(|paid| paid.get()).sum::<i64>()),
        layers: paid
            .into_iter()
            .map(|paid| Layer {
                name: "层".into(),
                paid,
            })
            .collect(),
        outcome: None,
    })
}

fn done(schedule: &Schedule, loss: &Loss, used: &RunningTotals) -> Assessment {
    assess(schedule, loss, used).expect("a sound schedule and a possible loss")
}

proptest! {
    #[test]
    fn generated_schedules_are_sound(schedule in schedule()) {
        prop_assert_eq!(schedule.check(), []);
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
        let larger = Loss { submitted, ..loss.clone() };
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
