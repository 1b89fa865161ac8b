//! What a client looks for in lines. Matching takes time in proportion to the text,
//! whatever the pattern: the engine has no backtracking.

use regex::bytes::{Regex, RegexBuilder};
use utoipa::openapi::Object;

use crate::openapi::types;
use crate::read::params::Params;
use crate::read::rule::Rule;

/// Characters of a pattern at most.
const LENGTH_MAX: usize = 1_000;

/// Bytes of a compiled pattern at most: what a line costs grows with it. The worst
/// that was found takes 0.3 s for a mebibyte of text.
const COMPILED_MAX: usize = 64 * 1024;

/// Reads `q` and `regex`; a line must have both.
pub fn read(params: &mut Params<'_>) -> Vec<Regex> {
    let text = Rule::text(
        || bounded_schema(types::text("Only lines with this text in them")),
        |text| compile(&regex::escape(bounded(text)?)),
    );
    let description = "Only lines in which this regular expression is found";
    let pattern = Rule::text(
        || bounded_schema(types::format("log-regex", description, "(?i)error|panic")),
        |text| compile(bounded(text)?),
    );
    let found = [
        params.optional("q", text),
        params.optional("regex", pattern),
    ];
    found.into_iter().flatten().collect()
}

fn bounded_schema(mut schema: Object) -> Object {
    schema.max_length = Some(LENGTH_MAX);
    schema
}

fn bounded(text: &str) -> Result<&str, String> {
    if text.chars().count() > LENGTH_MAX {
        return Err(format!("must have {LENGTH_MAX} characters at most"));
    }
    Ok(text)
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    // Lines are bytes; and classes of all the world's letters are a hundred times as large.
    builder.unicode(false).size_limit(COMPILED_MAX);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "is too large when all its repetitions are counted".to_owned()
        }
        // The last line says what is wrong; those before draw where.
        error => {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            format!(
                "is no regular expression ({}); backreferences and look-around are not known, \
                 other letters than ASCII in classes need (?u)",
                why.trim_start_matches("error: ")
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::query::Query;

    fn found(query: &str, line: &[u8]) -> bool {
        let patterns = Params::read(&Query::of(query), read).unwrap();
        patterns.iter().all(|pattern| pattern.is_match(line))
    }

    #[test]
    fn a_text_is_itself_and_a_pattern_is_not() {
        assert!(found("q=a.b", b"xa.bx") && !found("q=a.b", b"xaxb"));
        assert!(found("regex=a.b", b"axb") && found("regex=^a.b$", b"a\xe9b"));
        assert!(found("regex=(?i)ERR", b"\xff error") && found("q=%C3%A9", "caf\u{e9}".as_bytes()));
        assert!(found("q=a&regex=b", b"b a") && !found("q=a&regex=b", b"a"));
        let two_bytes = "a\u{e9}b".as_bytes();
        assert!(!found("regex=^a.b$", two_bytes) && found("regex=(?u)^a.b$", two_bytes));
        assert!(found("regex=(?u)[%C3%A9]", two_bytes) && found("regex=.{500}", &[b'x'; 500]));
        assert!(found("q=", b"") && found(r"regex=\w{20}", b"abcdefghijklmnopqrst"));
    }

    #[test]
    fn what_costs_too_much_or_is_none_is_refused() {
        let long = "x".repeat(LENGTH_MAX + 1);
        for (pattern, told) in [
            ("a(", "unclosed group"),
            (r"(a)\1", "backreferences"),
            ("(?=a)", "look-around"),
            ("(a{1000}){1000}", "too large"),
            (r"(?u)\pL{1000}", "too large"),
            ("[\u{e9}]", "(?u)"),
            (&long, "1000 characters"),
        ] {
            let query = [("regex", pattern)].into_iter().collect();
            let errors = Params::read(&query, read).unwrap_err();
            assert!(errors[0].message.contains(told), "{pattern}: {errors:?}");
        }
    }
}
