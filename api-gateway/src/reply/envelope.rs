//! What a list is answered in, with the field names of 2015.

use serde::Serialize;

/// A list's page.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    /// Rows of the whole list, or as many of them as were counted.
    pub count: i64,
    /// Whether all were counted.
    pub count_is_exact: bool,
    /// Absolute URL of the page before.
    pub previous: Option<String>,
    /// Absolute URL of the page after.
    pub next: Option<String>,
    /// The page.
    pub results: Vec<T>,
}

impl<T> Envelope<T> {
    /// A list that is one page.
    pub fn whole(results: Vec<T>) -> Self {
        Self {
            count: i64::try_from(results.len()).unwrap_or(i64::MAX),
            count_is_exact: true,
            previous: None,
            next: None,
            results,
        }
    }
}
