//! The program, as this process' child: started, sent the signals that come, waited for.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::iterator::Signals;

use crate::output::{self, Records};

/// What others send to a program; they know only this process.
const PASSED_ON: [i32; 9] = [
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
];

/// Exit codes of a shell whose command is not there, or is no program.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// How long to wait for the end of what the program left running, and for the readers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A killed process is gone after moments, but for one that a device holds.
const REAPING_PAUSE: Duration = Duration::from_millis(2);

/// Where Kubernetes looks for an explanation of a container's end.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// How every explanation begins.
const EXPLAINED: &str = "log-proof:";

/// Runs the program to its end; its exit code, or 128 and the number of the signal.
pub(crate) fn run(program: &OsStr, arguments: &[OsString], records: &Records) -> u8 {
    let mut signals = match listen() {
        Ok(signals) => signals,
        Err(error) => return not_started(program, &error),
    };
    let child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => Pid::from_raw(child.id().cast_signed()),
        Err(error) => return not_started(program, &error),
    };
    let code = wait(child, &mut signals);
    let until = Instant::now() + PATIENCE;
    if end_the_rest(until) {
        // Who asks it to stop now wants it gone.
        records.prove(until, || !signals.pending().any(is_stop));
    }
    code
}

/// For whoever asks why it ended. Where there is no place for that, it is printed.
pub(crate) fn explain(text: &str) {
    let text = format!("{EXPLAINED} {text}");
    let place = OpenOptions::new().write(true).open(TERMINATION_LOG);
    // Who cannot be told has the exit code.
    let _ = match place {
        Ok(mut place) => place.write_all(text.as_bytes()),
        Err(_) => writeln!(io::stderr(), "{text}"),
    };
}

fn not_started(program: &OsStr, error: &io::Error) -> u8 {
    explain(&format!("{}: {error}", program.display()));
    match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    }
}

/// Before the program starts, so that none is missed. What it leaves behind is given to
/// this process to wait for.
fn listen() -> io::Result<Signals> {
    set_child_subreaper(true)?;
    Signals::new(PASSED_ON.into_iter().chain([SIGCHLD]))
}

fn is_stop(signal: i32) -> bool {
    matches!(signal, SIGHUP | SIGINT | SIGQUIT | SIGTERM)
}

fn wait(child: Pid, signals: &mut Signals) -> u8 {
    loop {
        // Several children may have ended for one signal.
        while let Reaped::One(pid, code) = reap() {
            if pid == child {
                return code;
            }
        }
        for signal in signals.wait() {
            if let (true, Ok(signal)) = (signal != SIGCHLD, Signal::try_from(signal)) {
                // Nobody else waits for the child, so its number is still its own.
                let _ = kill(child, signal);
            }
        }
    }
}

enum Reaped {
    One(Pid, u8),
    /// There are children, and they run.
    NotYet,
    /// There are no children.
    Nobody,
}

fn reap() -> Reaped {
    loop {
        return match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => Reaped::One(pid, code.to_le_bytes()[0]),
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                Reaped::One(pid, (128 + signal as i32).to_le_bytes()[0])
            }
            Ok(_) => Reaped::NotYet,
            Err(Errno::EINTR) => continue,
            Err(_) => Reaped::Nobody,
        };
    }
}

/// Kills what the program left running, as the end of a container does; or it could print
/// after the records. Whether nothing of it is left.
fn end_the_rest(until: Instant) -> bool {
    loop {
        match reap() {
            Reaped::Nobody => return true,
            Reaped::One(..) => continue,
            Reaped::NotYet if Instant::now() >= until => return false,
            Reaped::NotYet => {}
        }
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
        output::pause(REAPING_PAUSE);
    }
}

/// Also those that were given to this process; their own children are, once they are gone.
fn children() -> Vec<Pid> {
    let text = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    numbers.map(Pid::from_raw).collect()
}
