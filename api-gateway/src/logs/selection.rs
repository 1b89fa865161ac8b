//! What of a log a client asks for.

use crate::logs::window::Window;
use crate::openapi::types;
use crate::read::fields::FieldError;
use crate::read::page::whole_number;
use crate::read::params::{Params, parameters};
use crate::read::query::Query;
use crate::read::rule::Rule;

/// Part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// The times.
    pub window: Window,
    /// The only attempt; all if none is named.
    pub attempt: Option<u32>,
    /// How many of the last lines; all if no number is given.
    pub tail: Option<u32>,
}

/// More of the last lines are not looked for: who wants them reads from a time on.
const TAIL_MAX: u32 = 100_000;

impl Selection {
    /// Reads a query.
    pub fn parse(query: &Query) -> Result<Self, Vec<FieldError>> {
        Params::read(query, Self::read)
    }

    fn read(params: &mut Params<'_>) -> Self {
        let number =
            || types::number_or_empty(1, u32::MAX, "Number of the only attempt that is wanted");
        let last = || types::number_or_empty(1, TAIL_MAX, "Only so many of the last lines");
        Self {
            window: Window::read(params),
            attempt: params.optional("attempt", Rule::text(number, whole_number)),
            tail: params.optional("tail", Rule::text(last, tail)),
        }
    }

    /// Whether this attempt is wanted.
    pub fn holds(&self, attempt: i32) -> bool {
        self.attempt
            .is_none_or(|only| i64::from(only) == i64::from(attempt))
    }
}

fn tail(text: &str) -> Result<u32, String> {
    let number = whole_number(text).ok().filter(|number| *number <= TAIL_MAX);
    number.ok_or_else(|| format!("must be a whole number from 1 to {TAIL_MAX}"))
}

parameters!(Selection, Selection::read);
