//! The ends of the pipes that the program wrote to.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Nothing tells that a pipe was read empty, so it is asked: at first soon, later seldom.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(20);

/// The last line of each output.
pub(crate) struct Records {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Records {
    pub(crate) fn new(stdout: &OsStr, stderr: &OsStr) -> Self {
        let line = |text: &OsStr| [text.as_bytes(), b"\n"].concat();
        Self {
            stdout: line(stdout),
            stderr: line(stderr),
        }
    }

    /// Writes both and waits until they are read, no longer than to `until` and only while
    /// `is_wanted`. That they were written late, or not at all, is for others to see.
    pub(crate) fn prove(&self, until: Instant, mut is_wanted: impl FnMut() -> bool) {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        write(stdout.lock(), &self.stdout, until);
        write(stderr.lock(), &self.stderr, until);
        let mut wait = FIRST_LOOK;
        while unread(&stdout) + unread(&stderr) > 0 && Instant::now() < until && is_wanted() {
            pause(wait);
            wait = (wait * 2).min(LAST_LOOK);
        }
    }
}

/// Writes a record, which fits into what has room at all: the system writes it as a whole
/// or not yet.
fn write(mut output: impl Write + AsFd, record: &[u8], until: Instant) {
    if has_room(&output, until) {
        // What is closed has no reader who could miss it.
        let _ = output.write_all(record).and_then(|()| output.flush());
    }
}

fn has_room(output: &impl AsFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut asked = [PollFd::new(output.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut asked, timeout) {
            Ok(ready) => return ready > 0,
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}

/// Bytes that nobody has read yet; none in what is not a pipe.
fn unread(output: &impl AsFd) -> u64 {
    rustix::io::ioctl_fionread(output).unwrap_or(0)
}

/// For what the system has no event.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing else runs in this process"
)]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}
