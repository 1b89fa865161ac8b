//! Starts the program of an exec and proves at its end that its whole output was read.
//!
//! ```text
//! log-proof install FILE
//! log-proof run STDOUT_RECORD STDERR_RECORD PROGRAM [ARGUMENT]...
//! ```
//!
//! The second is the first process of the exec's container. Its program writes to the same
//! pipes, not through it. When the program and all that it left running have ended, the
//! records are the last that is written to these pipes: who finds them in the log has all
//! that came before. Then it waits for a while until the pipes are read empty, because a
//! node's runtime gives up on pipes soon after a container has ended.

mod output;
mod program;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::process::ExitCode;

use crate::output::Records;

/// A mistake in how it was called, as in BSD's `sysexits.h`.
const USAGE: u8 = 64;
const CANNOT_INSTALL: u8 = 73;

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    match words.first().and_then(|word| word.to_str()) {
        Some("install") if words.len() == 2 => match install(&words[1]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => say(&format!("cannot be copied: {error}"), CANNOT_INSTALL),
        },
        Some("run") if words.len() >= 4 => {
            let records = Records::new(&words[1], &words[2]);
            ExitCode::from(program::run(&words[3], &words[4..], &records))
        }
        _ => say(
            "install FILE, or run RECORD RECORD PROGRAM [ARGUMENT]...",
            USAGE,
        ),
    }
}

/// Copies this very program to where a container without it can start it.
fn install(file: &OsString) -> io::Result<()> {
    fs::copy(env::current_exe()?, file).map(drop)
}

fn say(text: &str, code: u8) -> ExitCode {
    program::explain(text);
    ExitCode::from(code)
}
