//! Run it: configuration, wiring, signals, command line. The binary `fangpin`.
//!
//! **Owns** the process. **Never** contains logic worth a unit test.
//! **Start here**: [`cli`], then [`wiring`].

mod cli;
mod config;
mod demo;
mod sample_sheet;
mod scheme;
mod serve;
mod user;
mod verify;
mod wiring;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
