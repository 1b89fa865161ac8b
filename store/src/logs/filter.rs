//! Which lines of a stream somebody wants.

use chrono::{DateTime, Utc};
use regex::bytes::Regex;

/// What a line must fulfil.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// No lines before this instant.
    pub since: Option<DateTime<Utc>>,
    /// No lines at or after this instant.
    pub until: Option<DateTime<Utc>>,
    /// Each is found in the line.
    pub patterns: Vec<Regex>,
}

impl Filter {
    /// Whether every line passes.
    pub fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.patterns.is_empty()
    }

    /// Whether a line of this instant and text is wanted.
    pub fn passes(&self, at: DateTime<Utc>, text: &[u8]) -> bool {
        self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self.patterns.iter().all(|pattern| pattern.is_match(text))
    }
}
