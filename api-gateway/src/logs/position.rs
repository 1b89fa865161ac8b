//! How far a log was read. It says what was shown and not where the reader stands, because
//! a line of the platform may come later than lines that read after it: another service
//! writes it.

use std::fmt;

/// What of an exec's log was read: as a text, the cursor of a page and the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The attempt; all of those before it were read.
    attempt: i32,
    /// The places of platform lines of which the line was read, one bit each.
    shown: u8,
    /// Number of the program's next line.
    next_seq: i64,
}

impl Position {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let (attempt, shown, next_seq) = (next()?, next()?, next()?);
        let read = Self {
            attempt: attempt.parse().ok().filter(|attempt| *attempt >= 0)?,
            shown: shown.parse().ok()?,
            next_seq: next_seq.parse().ok().filter(|seq| *seq >= 0)?,
        };
        // What is written in another way was not written by us.
        (read.to_string() == text).then_some(read)
    }

    /// Whether the platform's line at this place of an attempt was read.
    pub fn has_shown(self, attempt: i32, place: u8) -> bool {
        attempt < self.attempt || (attempt == self.attempt && self.shown & (1 << place) != 0)
    }

    /// The first line of an attempt's program that was not read; `None` if all were.
    pub fn from_seq(self, attempt: i32) -> Option<i64> {
        match attempt.cmp(&self.attempt) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(self.next_seq),
            std::cmp::Ordering::Greater => Some(0),
        }
    }

    /// After the platform's line at this place.
    #[must_use]
    pub fn after_platform(self, attempt: i32, place: u8) -> Self {
        let here = self.in_attempt(attempt);
        Self {
            shown: here.shown | (1 << place),
            ..here
        }
    }

    /// Before the program's line `next_seq`.
    #[must_use]
    pub fn before_line(self, attempt: i32, next_seq: i64) -> Self {
        Self {
            next_seq,
            ..self.in_attempt(attempt)
        }
    }

    fn in_attempt(self, attempt: i32) -> Self {
        if attempt == self.attempt {
            return self;
        }
        Self {
            attempt,
            shown: 0,
            next_seq: 0,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}.{}.{}",
            self.attempt, self.shown, self.next_seq
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_knows_what_was_read() {
        let start = Position::default();
        assert_eq!((start.from_seq(0), start.from_seq(1)), (Some(0), Some(0)));
        let read = start.after_platform(1, 1).before_line(1, 7);
        assert!(read.has_shown(1, 1) && read.has_shown(0, 3));
        assert!(!read.has_shown(1, 0) && !read.has_shown(2, 1));
        assert_eq!(
            (read.from_seq(0), read.from_seq(1), read.from_seq(2)),
            (None, Some(7), Some(0))
        );
        assert_eq!(read.to_string(), "1.2.7");
        let next = read.after_platform(2, 0);
        assert_eq!((next.from_seq(1), next.from_seq(2)), (None, Some(0)));
        assert!(next.has_shown(1, 0));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for bad in [
            "", "1", "1.2", "1.2.3.4", "-1.0.0", "1.256.0", "1.0.-1", "01.0.0", "1.+1.0",
        ] {
            assert_eq!(Position::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_position_reads_back(attempt in 0..i32::MAX, place in 0_u8..8, seq in 0..i64::MAX) {
            let position = Position::default().after_platform(attempt, place).before_line(attempt, seq);
            prop_assert_eq!(Position::parse(&position.to_string()), Some(position));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9.+-]{0,30}") {
            let _ = Position::parse(&text);
        }
    }
}
