//! How many assessments a second on one core: `cargo bench -p benefits --bench assess`.
//!
//! `floor` is the bare arithmetic of the same progressive table: nothing checked, nothing kept.

mod fixtures;

use benefits::Loss;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use fixtures::{BANDS, accumulated, after, fixed, loss, progressive, run};

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 500, sample_size = 1000)]
fn r1_progressive_with_three_layers(bencher: Bencher) {
    run(bencher, &progressive(), &loss(), &after(0));
}

#[divan::bench(sample_count = 500, sample_size = 1000)]
fn fixed_sum(bencher: Bencher) {
    run(bencher, &fixed(), &Loss::default(), &after(0));
}

#[divan::bench(sample_count = 500, sample_size = 1000)]
fn accumulated_over_the_year(bencher: Bencher) {
    run(bencher, &accumulated(), &loss(), &after(1));
}

#[divan::bench(sample_count = 500, sample_size = 1000)]
fn floor(bencher: Bencher) {
    let bands = BANDS.map(|(from, to, rate)| {
        let to = to.map_or(i64::MAX, |yuan| yuan * 100);
        (from * 100, to, i64::from(rate))
    });
    let layers = [3_000_000, 1_200_000, 600_000];
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let eligible = black_box(9_000_000_i64) - black_box(&layers).iter().sum::<i64>();
        let base = (eligible - black_box(500_000)).max(0);
        let units: i64 = black_box(&bands)
            .iter()
            .map(|&(from, to, rate)| (base.min(to) - from).max(0) * rate)
            .sum();
        ((units + 5_000) / 10_000).min(black_box(20_000_000))
    });
}
