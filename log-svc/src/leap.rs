//! Where a follow may have left lines out and not said so.
//!
//! A kubelet that comes to the end of a file which was rotated meanwhile goes on with the
//! newest one (its `waitLogs`): files between the two are passed over. It looks every ten
//! seconds, every three at the most, whether to rotate; so as much lies between the two lines.
//! A program that was silent looks the same; but a new read tells, because it begins with one
//! file: if that has the line before, nothing was passed over.

use chrono::{DateTime, TimeDelta, Utc};

/// The shortest `containerLogMonitorInterval`, less a second for how exactly it is kept.
const BETWEEN_ROTATIONS: TimeDelta = TimeDelta::seconds(2);

/// A file with less than this is not rotated, whatever the node is told.
const FILE_BYTES: usize = 1024 * 1024;

/// What one connection has brought of lines that follow one another.
#[derive(Debug, Default)]
pub struct Leaps {
    bytes: usize,
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    at: DateTime<Utc>,
    /// So late that two rotations may have come before.
    is_behind: bool,
}

impl Leaps {
    /// Whether lines may be missing before this one, read at `now`, which the connection
    /// brought after the one before it. Of the first there is nothing to compare.
    pub fn is_leap(&mut self, at: DateTime<Utc>, bytes: usize, now: DateTime<Utc>) -> bool {
        let leap = self.last.is_some_and(|last| {
            let may_be_rotated = self.bytes >= FILE_BYTES || last.is_behind;
            may_be_rotated && at - last.at >= BETWEEN_ROTATIONS
        });
        self.bytes += bytes;
        self.last = Some(Last {
            at,
            is_behind: now - at >= BETWEEN_ROTATIONS,
        });
        leap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_silence_after_much_output_or_far_behind() {
        let at = |seconds: i64| DateTime::from_timestamp(1_000 + seconds, 0).unwrap();
        for (bytes, behind, silence, expected) in [
            (FILE_BYTES, 0, 2, true),
            (FILE_BYTES, 0, 1, false),
            (FILE_BYTES - 1, 0, 3600, false),
            (10, 2, 2, true),
            (10, 1, 2, false),
            (10, 2, 1, false),
        ] {
            let mut leaps = Leaps::default();
            assert!(!leaps.is_leap(at(0), bytes, at(behind)));
            let found = leaps.is_leap(at(silence), 1, at(silence));
            assert_eq!(found, expected, "{bytes} {behind} {silence}");
        }
    }
}
