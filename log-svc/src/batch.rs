//! Lines on their way to the database: enough at a time to be worth a
//! transaction, none waiting long.

use std::time::Duration;

use store::logs::{BATCH_TARGET_BYTES, LogLine};
use tokio::time::Instant;

/// Lines that are not stored yet.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<LogLine>,
    size: usize,
    began: Option<Instant>,
}

impl Batch {
    /// Adds a line.
    pub fn push(&mut self, line: LogLine) {
        self.size += line.framed_bytes();
        self.began.get_or_insert_with(Instant::now);
        self.lines.push(line);
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// When the first of them arrived.
    pub fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Whether it must be stored now.
    pub fn is_due(&self, after: Duration) -> bool {
        self.size >= BATCH_TARGET_BYTES || self.began.is_some_and(|began| began.elapsed() >= after)
    }

    /// Forgets the lines: they are stored.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn line(length: usize) -> LogLine {
        LogLine {
            at: DateTime::UNIX_EPOCH,
            continued: false,
            gap_before: false,
            bytes: vec![b'x'; length],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn due_by_age_of_its_first_line_or_by_size() {
        let after = Duration::from_millis(200);
        let mut batch = Batch::default();
        assert!(!batch.is_due(after));
        batch.push(line(1));
        tokio::time::advance(Duration::from_millis(150)).await;
        batch.push(line(1));
        assert!(!batch.is_due(after));
        tokio::time::advance(Duration::from_millis(50)).await;
        assert!(batch.is_due(after));
        batch.clear();
        assert!(!batch.is_due(after));
        batch.push(line(BATCH_TARGET_BYTES));
        assert!(batch.is_due(after));
    }

    #[test]
    fn empty_lines_count_too() {
        let mut batch = Batch::default();
        for _ in 0..=BATCH_TARGET_BYTES / line(0).framed_bytes() {
            batch.push(line(0));
        }
        assert!(batch.is_due(Duration::MAX));
    }
}
