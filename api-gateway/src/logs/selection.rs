//! What of a log a client asks for.

use std::sync::Arc;

use store::logs::Filter;
use utoipa::openapi::Object;
use utoipa::openapi::schema::SchemaFormat;

use crate::logs::patterns;
use crate::logs::position::Position;
use crate::logs::window::Window;
use crate::openapi::types;
use crate::read::fields::FieldError;
use crate::read::page::whole_number;
use crate::read::params::{Params, flag, parameters};
use crate::read::query::Query;
use crate::read::rule::{Rule, one_of};

/// More of the last lines are not looked for: who wants them reads from a time on.
const TAIL_MAX: u32 = 100_000;

/// Lines of a page at most.
pub const LIMIT_MAX: u32 = 10_000;

/// Part of a log.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Which lines.
    pub filter: Arc<Filter>,
    /// The only attempt; all if none is named.
    pub attempt: Option<u32>,
    /// How many of the last lines; all if no number is given.
    pub tail: Option<u32>,
    /// Only the program's own lines.
    pub programs_only: bool,
    /// How many lines make a page; the answer is whole if no number is given.
    pub limit: Option<u32>,
    /// Where the page begins.
    pub from: Option<Position>,
    /// Whether lines are shown without the escape sequences of terminals.
    pub strip: bool,
    /// Whether lines are sent as they come, until the exec ends.
    pub follow: bool,
}

impl Selection {
    /// Reads a query.
    pub fn parse(query: &Query) -> Result<Self, Vec<FieldError>> {
        Params::read(query, Self::read)
    }

    fn read(params: &mut Params<'_>) -> Self {
        let last = || types::number_or_empty(1, TAIL_MAX, "Only so many of the last lines");
        Self {
            filter: Arc::new(filter(params)),
            attempt: attempt(params, "Number of the only attempt that is wanted"),
            tail: params.optional("tail", Rule::text(last, |text| up_to(TAIL_MAX, text))),
            programs_only: programs_only(params),
            limit: limit(params),
            from: params.optional("cursor", cursor(Position::parse)),
            strip: strip(params),
            follow: params.optional("follow", flag(FOLLOW)).unwrap_or_default(),
        }
    }

    /// Whether this attempt is wanted.
    pub fn holds(&self, attempt: i32) -> bool {
        self.attempt
            .is_none_or(|only| i64::from(only) == i64::from(attempt))
    }
}

const FOLLOW: &str = "Send lines as they come, as server-sent events, until the exec ends; \
    `limit` is ignored then";

/// Reads times and patterns.
pub fn filter(params: &mut Params<'_>) -> Filter {
    let Window { since, until } = Window::read(params);
    Filter {
        since,
        until,
        patterns: patterns::read(params),
    }
}

/// Reads `attempt`.
pub fn attempt(params: &mut Params<'_>, description: &str) -> Option<u32> {
    let number = || types::number_or_empty(1, u32::MAX, description);
    params.optional("attempt", Rule::text(number, whole_number))
}

/// Reads `platform`.
pub fn programs_only(params: &mut Params<'_>) -> bool {
    let description = "Whether lines of the platform are wanted; they are if it is left out";
    params.optional("platform", flag(description)) == Some(false)
}

/// Reads `limit`.
pub fn limit(params: &mut Params<'_>) -> Option<u32> {
    let description = "A page of so many lines, or of fewer where they are long or far apart; \
        the header `Link` leads to the next";
    let schema = || types::number_or_empty(1, LIMIT_MAX, description);
    params.optional("limit", Rule::text(schema, |text| up_to(LIMIT_MAX, text)))
}

/// Reads `ansi`.
pub fn strip(params: &mut Params<'_>) -> bool {
    let description = "What becomes of the escape sequences of terminals; `keep` if it is left out";
    let word = |strip| if strip { "strip" } else { "keep" };
    let rule = one_of(&[false, true], word, description);
    params.optional("ansi", rule).unwrap_or_default()
}

/// A cursor that `parse` reads.
pub fn cursor<'a, T: 'a>(parse: impl FnOnce(&str) -> Option<T> + 'a) -> Rule<'a, T> {
    Rule::text(schema, |text| {
        parse(text).ok_or_else(|| "must come from the header `Link` of another page".to_owned())
    })
}

fn schema() -> Object {
    let mut schema = types::text("From the header `Link` of another page; `tail` is ignored then");
    schema.format = Some(SchemaFormat::Custom("cursor".to_owned()));
    schema
}

fn up_to(most: u32, text: &str) -> Result<u32, String> {
    let number = whole_number(text).ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("must be a whole number from 1 to {most}"))
}

parameters!(Selection, Selection::read);
