//! Run it: configuration, wiring, signals, command line. The binary `fangpin`.
//!
//! **Owns** the process. **Never** contains logic worth a unit test.
//! **Start here**: [`cli`], then [`wiring`].

#[macro_use]
mod say;

mod calendar;
mod cli;
mod config;
mod demo;
mod explorer;
mod front;
mod health;
mod keys;
mod pool;
mod rehearse;
mod sample_sheet;
mod scheme;
mod serve;
mod user;
mod verify;
mod wiring;

/// Settings of glibc's allocator. A password hash takes 19 MiB for a moment; once that is freed,
/// glibc's moving thresholds would keep as much for ever, and a heap per thread more. Measured at
/// 128 clients, all else equal: 61 MiB without, mimalloc 71, jemalloc 52, thresholds of 256 KiB 40,
/// of 64 KiB 37. Freed pieces kept by each thread (tcache) for later: 2 of a size instead of 7 saves
/// about 2 MiB more.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MEMORY: &str = "glibc.malloc.mmap_threshold=65536:glibc.malloc.trim_threshold=65536:\
                      glibc.malloc.arena_max=2:glibc.malloc.tcache_count=2";

/// Begins again with [`MEMORY`], which glibc reads only from the environment of a new program.
/// Whoever set tunables of their own keeps them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn settle_memory() {
    use std::os::unix::process::CommandExt;
    const NAME: &str = "GLIBC_TUNABLES";
    if std::env::var_os(NAME).is_none()
        && let Ok(program) = std::env::current_exe()
    {
        // Returns only if it failed; then we go on as we are.
        let _ = std::process::Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(NAME, MEMORY)
            .exec();
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn settle_memory() {}

/// Whatever this process makes, be it the database with its side files, a returned spreadsheet or
/// the demo's files, is readable by its owner only: private data lies in all of them.
fn keep_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

fn main() -> std::process::ExitCode {
    settle_memory();
    keep_private();
    cli::run()
}
