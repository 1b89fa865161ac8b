//! `sort=name` and `sort=-created_at`: a field, with a dash from its high end.

use std::fmt;

use store::page::Direction;

use crate::openapi::types;
use crate::read::params::Params;
use crate::read::rule::Rule;

/// What orders a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The field's name in the API.
    pub field: &'static str,
    /// Which end comes first.
    pub direction: Direction,
}

impl Sort {
    /// The order of a list that was asked for none.
    pub const NEWEST: Self = Self {
        field: "created_at",
        direction: Direction::Descending,
    };

    /// Reads `sort`, one of the orders that a list has; newest first if it is left
    /// out.
    pub fn read(params: &mut Params<'_>, fields: &[&'static str]) -> Self {
        let sort = params.optional("sort", Self::one_of(fields));
        sort.unwrap_or(Self::NEWEST)
    }

    /// One of the orders that a list has.
    pub fn one_of<'a>(fields: &'a [&'static str]) -> Rule<'a, Self> {
        let schema = || {
            let both = fields
                .iter()
                .flat_map(|field| [String::from(*field), format!("-{field}")]);
            let words: Vec<_> = both.collect();
            let words = words.iter().map(String::as_str).chain([""]);
            let description = "Field that orders the list, with a dash from its high end";
            types::word(words, description)
        };
        Rule::text(schema, |text| Self::parse(text, fields))
    }

    fn parse(text: &str, fields: &[&'static str]) -> Result<Self, String> {
        let (name, direction) = match text.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        let field = fields.iter().find(|field| **field == name).ok_or_else(|| {
            let fields = fields.join(", ");
            format!("must be one of {fields}, or one of them after a \"-\" for the other direction")
        })?;
        Ok(Self { field, direction })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = match self.direction {
            Direction::Ascending => "",
            Direction::Descending => "-",
        };
        write!(f, "{dash}{}", self.field)
    }
}
