//! What one assessment allocates: `cargo bench -p benefits --bench allocations`.
//!
//! The figures after one claim and after a thousand must be the same. Counting costs time: for the
//! speed see `assess`.

mod fixtures;

use benefits::Loss;
use divan::{AllocProfiler, Bencher};
use fixtures::{accumulated, after, fixed, loss, progressive, run};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10)]
fn r1_progressive_with_three_layers(bencher: Bencher) {
    run(bencher, &progressive(), &loss(), &after(0));
}

#[divan::bench(sample_count = 10)]
fn fixed_sum(bencher: Bencher) {
    run(bencher, &fixed(), &Loss::default(), &after(0));
}

#[divan::bench(sample_count = 10)]
fn accumulated_after_one_claim(bencher: Bencher) {
    run(bencher, &accumulated(), &loss(), &after(1));
}

#[divan::bench(sample_count = 10)]
fn accumulated_after_a_thousand_claims(bencher: Bencher) {
    run(bencher, &accumulated(), &loss(), &after(1_000));
}
