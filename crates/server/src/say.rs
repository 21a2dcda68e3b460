//! Results on standard output. A reader who went away (`| head`) ends the program quietly.

use std::fmt;
use std::io::{self, Write};

/// What a shell says of a program that a closed pipe ended: 128 and SIGPIPE.
const ENDED_BY_PIPE: i32 = 141;

/// Writes text to standard output.
pub fn write(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if let Err(fault) = out.write_fmt(text).and_then(|()| out.flush()) {
        if fault.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("fangpin: standard output: {fault}");
        }
        std::process::exit(ENDED_BY_PIPE);
    }
}

/// A line on standard output.
macro_rules! say {
    () => { $crate::say::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::say::write(format_args!("{}\n", format_args!($($text)*))) };
}
