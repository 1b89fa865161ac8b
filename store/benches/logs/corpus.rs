//! Lines like those of a web service.

use chrono::{DateTime, TimeDelta};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::logs::LogLine;

use crate::is_due;

/// What is looked for; one line has it.
pub(crate) const NEEDLE: &str = "connection reset by peer";

/// The lines, and in which batches they come.
pub(crate) struct Corpus {
    lines: Vec<LogLine>,
    ends: Vec<usize>,
}

impl Corpus {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = StdRng::seed_from_u64(1);
        let mut at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let lines: Vec<_> = (0..count)
            .map(|number| {
                at += TimeDelta::microseconds(random.random_range(1..2000));
                let level = ["INFO", "INFO", "INFO", "WARN"][random.random_range(0..4)];
                let path = ["orders", "users", "carts", "health"][random.random_range(0..4)];
                let what = if number == count * 9 / 10 {
                    NEEDLE
                } else {
                    "200"
                };
                let text = format!(
                    "{at:?} {level} request {:016x} GET /v1/{path}/{} {what} {} us",
                    random.random::<u64>(),
                    random.random_range(0..100_000),
                    random.random_range(100..90_000),
                );
                LogLine {
                    at,
                    continued: false,
                    gap_before: false,
                    bytes: text.into_bytes(),
                }
            })
            .collect();
        let (mut ends, mut begin) = (vec![], 0);
        for end in 1..=count {
            if end == count || is_due(&lines[begin..end]) {
                ends.push(end);
                begin = end;
            }
        }
        Self { lines, ends }
    }

    pub(crate) fn bytes(&self) -> f64 {
        let bytes: usize = self.lines.iter().map(|line| line.bytes.len() + 1).sum();
        f64::from(u32::try_from(bytes).unwrap())
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = &[LogLine]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .map(|(begin, end)| &self.lines[begin..*end])
    }

    pub(crate) fn lines(&self) -> &[LogLine] {
        &self.lines
    }
}
