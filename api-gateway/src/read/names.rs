//! Names that people and programs give things: what may be one.

use std::ops::RangeInclusive;

use utoipa::openapi::Object;

use super::rule::Rule;
use crate::openapi::types;

/// Characters of a name for people at most.
pub const NAME_MAX: usize = 128;
/// Characters of a namespace at most, so that `jobs-<namespace>` is a DNS label.
pub const NAMESPACE_MAX: usize = 58;

/// Characters that can make a text look like another one; right-to-left scripts
/// need none of them.
const DIRECTION: [RangeInclusive<char>; 2] = ['\u{202A}'..='\u{202E}', '\u{2066}'..='\u{2069}'];

/// Characters that nobody can see, white space aside: those that Unicode says to
/// ignore where they are not known, anchors of annotations, and the Braille
/// pattern without a dot. Between others they do their work, as joiners do.
const INVISIBLE: [RangeInclusive<char>; 18] = [
    '\u{AD}'..='\u{AD}',
    '\u{34F}'..='\u{34F}',
    '\u{61C}'..='\u{61C}',
    '\u{115F}'..='\u{1160}',
    '\u{17B4}'..='\u{17B5}',
    '\u{180B}'..='\u{180F}',
    '\u{200B}'..='\u{200F}',
    '\u{202A}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{FE00}'..='\u{FE0F}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFA0}'..='\u{FFA0}',
    '\u{FFF0}'..='\u{FFFB}',
    '\u{1BCA0}'..='\u{1BCA3}',
    '\u{1D173}'..='\u{1D17A}',
    '\u{E0000}'..='\u{E0FFF}',
];

/// A name for people, in any language.
pub fn name() -> Rule<'static, String> {
    Rule::text(name_schema, parse_name)
}

/// No control character, and one that can be seen.
pub fn name_schema() -> Object {
    const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
    const SPACE: &str = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
    let refused = format!("{CONTROL}{}", class(&DIRECTION));
    let invisible = class(&INVISIBLE);
    let visible = format!("^[^{refused}]*[^{refused}{SPACE}{invisible}][^{refused}]*$");
    let description = "Name for people, in any language; not unique";
    let mut schema = types::pattern(&visible, NAME_MAX, description, "test");
    schema.min_length = Some(1);
    schema
}

/// Ranges as they stand in a class of a pattern. Beyond the first plane there is no
/// escape that all dialects know, so they are the characters themselves.
fn class(ranges: &[RangeInclusive<char>]) -> String {
    let range = |range: &RangeInclusive<char>| format!("{}-{}", range.start(), range.end());
    ranges.iter().map(range).collect()
}

/// Reads a name for people.
pub fn parse_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > NAME_MAX {
        return Err(format!("must be 1 to {NAME_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    if text.chars().any(|c| is_in(&DIRECTION, c)) {
        return Err("must not contain control characters of direction \
                    (U+202A to U+202E, U+2066 to U+2069)"
            .to_owned());
    }
    if text
        .chars()
        .all(|c| c.is_whitespace() || is_in(&INVISIBLE, c))
    {
        return Err("must have a visible character".to_owned());
    }
    Ok(text.to_owned())
}

fn is_in(ranges: &[RangeInclusive<char>], character: char) -> bool {
    ranges.iter().any(|range| range.contains(&character))
}

/// A namespace, which is also the name of an account.
pub fn namespace(description: &str) -> Rule<'_, String> {
    Rule::text(|| namespace_schema(description), parse_namespace)
}

/// A DNS label.
pub fn namespace_schema(description: &str) -> Object {
    let label = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";
    types::pattern(label, NAMESPACE_MAX, description, "chennanfei")
}

/// Reads a namespace.
pub fn parse_namespace(text: &str) -> Result<String, String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let valid = (1..=NAMESPACE_MAX).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if valid {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be 1 to {NAMESPACE_MAX} lower-case letters, digits or \"-\", \
             and not begin or end with \"-\""
        ))
    }
}

#[cfg(test)]
mod tests {
    use icu_properties::CodePointSetData;
    use icu_properties::props::DefaultIgnorableCodePoint;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_any_language() {
        for good in ["test", "测试任务", "é".repeat(128).as_str(), " a "] {
            assert_eq!(parse_name(good).unwrap(), good);
        }
        for bad in ["", "  ", "é".repeat(129).as_str(), "a\nb", "a\0"] {
            assert!(parse_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_can_be_seen_for_what_they_are() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
        let flag_and_heart = "\u{1F1E9}\u{1F1EA} \u{2764}\u{FE0F}";
        let (hebrew, persian) = ("\u{5D0}\u{200F}!", "\u{645}\u{6CC}\u{200C}\u{62E}");
        for good in [
            family,
            flag_and_heart,
            hebrew,
            persian,
            "e\u{301}",
            "\u{2801}",
            "-",
        ] {
            assert_eq!(parse_name(good).unwrap(), good);
        }
        for blank in [
            "\u{200B}",
            "\u{200B} \u{2060}",
            "\u{AD}",
            "\u{FE0F}",
            "\u{3164}",
            "\u{115F}",
            "\u{2800}",
            "\u{FEFF}",
            "\u{E0041}",
            "\u{200D}\u{200F}",
        ] {
            assert_eq!(
                parse_name(blank).unwrap_err(),
                "must have a visible character",
                "{blank:?}"
            );
        }
        for turned in ["\u{202E}abc", "a\u{202A}", "\u{2066}a\u{2069}"] {
            assert!(
                parse_name(turned).unwrap_err().contains("direction"),
                "{turned:?}"
            );
        }
    }

    #[test]
    fn what_unicode_says_to_ignore_is_invisible() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        for character in ('\0'..=char::MAX).filter(|c| ignorable.contains(*c)) {
            assert!(is_in(&INVISIBLE, character), "{character:?}");
        }
    }

    #[test]
    fn namespaces_are_dns_labels() {
        for good in ["a", "chennanfei", "team-1", "1", &"a".repeat(58)] {
            assert_eq!(parse_namespace(good).unwrap(), good);
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &"a".repeat(59)] {
            assert!(parse_namespace(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = parse_name(&text);
            if let Ok(label) = parse_namespace(&text) {
                prop_assert!(!label.is_empty() && label.is_ascii());
            }
        }
    }
}
