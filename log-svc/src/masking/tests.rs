use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn mask(values: &[&str], text: &str) -> String {
    let masks = Masks::of(values.iter().copied()).unwrap();
    let masked = masks.apply(text.as_bytes(), 0..text.len());
    String::from_utf8(masked).unwrap()
}

#[test]
fn a_value_in_a_text() {
    let cases: [(&[&str], &str, &str); 11] = [
        (&[], "nothing to hide", "nothing to hide"),
        (&["hunter22"], "key=hunter22;", "key=***;"),
        (&["hunter22"], "hunter22hunter22", "***"),
        (&["hunter22"], "hunter2", "hunter2"),
        // The longer of two that begin alike, also beyond what is looked for first.
        (&["abcd", "abcdef"], "abcdef abcde", "*** ***e"),
        (
            &["0123456789abcdefgh", "0123456789abcdefXY"],
            "0123456789abcdefXY0123456789abcdefg",
            "***0123456789abcdefg",
        ),
        // Two that overlap.
        (&["abcdef", "defghi"], "abcdefghi", "***"),
        (&["abab1abab"], "abab1abab1abab", "***"),
        // Too short to be secret.
        (&["abc", ""], "abc", "abc"),
        (&["für"], "für", "***"),
        (&["port: 80\nname"], "name: port: 80", "name: ***"),
    ];
    for (values, text, expected) in cases {
        assert_eq!(mask(values, text), expected, "{values:?} in {text}");
    }
}

#[test]
fn the_forms_of_a_value() {
    let value = "pä/ss w?rd\"1!\n";
    let cases = [
        "pä/ss w?rd\"1!",
        // JSON's
        r#"pä/ss w?rd\"1!\n"#,
        // Rust's, Python's, JavaScript's, a form's
        "p%C3%A4%2Fss%20w%3Frd%221%21%0A",
        "p%c3%a4%2fss%20w%3frd%221%21%0a",
        "p%C3%A4/ss%20w%3Frd%221%21",
        "p%C3%A4%2Fss%20w%3Frd%221!",
        "p%C3%A4%2Fss+w%3Frd%221%21",
        "cMOkL3NzIHc/cmQiMSEK",
        "cMOkL3NzIHc_cmQiMSEK",
        "cMOkL3NzIHc/cmQiMSE=",
    ];
    for form in cases {
        assert_eq!(mask(&[value], &format!("<{form}>")), "<***>", "{form}");
    }
}

#[test]
fn a_value_inside_of_a_text_in_base64() {
    let value = "correct horse";
    for before in ["", "u", "us", "use", "user", "user:"] {
        for after in ["", "1", "12", "123"] {
            let text = format!("{before}{value}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let masked = mask(&[value], &encoded);
                // Characters that hold bits of the neighbours too are left.
                let left = encoded.len() - value.len() * 4 / 3 + 2;
                assert!(
                    masked.contains("***") && masked.len() <= left + 3,
                    "{encoded}: {masked}"
                );
            }
        }
    }
}

#[test]
fn a_value_of_many_lines() {
    let body: String = ('A'..='Z').cycle().take(200).collect();
    let lines: Vec<&str> = vec![
        "-----BEGIN KEY-----",
        &body[..64],
        &body[64..128],
        &body[1..40],
    ];
    let value = lines.join("\r\n");
    for line in &lines {
        assert_eq!(mask(&[&value], &format!("> {line}")), "> ***");
    }
    for wrap in [76, 64] {
        let encoded = STANDARD.encode(&value);
        for piece in encoded.as_bytes().chunks(wrap) {
            let piece = std::str::from_utf8(piece).unwrap();
            assert_eq!(mask(&[&value], piece), "***", "{wrap}: {piece}");
        }
    }
}

#[test]
fn a_value_longer_than_any_form() {
    let value: String = (0..9000_u32)
        .map(|n| char::from_u32(97 + n * n % 23).unwrap())
        .collect();
    assert_eq!(mask(&[&value], &format!("<{value}>")), "<***>");
    let encoded = STANDARD.encode(&value);
    assert_eq!(mask(&[&value], &format!("<{encoded}>")), "<***>");
}

#[test]
fn the_largest_variables_cost_little_memory() {
    let values: Vec<String> = (0..256)
        .map(|n| format!("{n:03}{}", "ä?".repeat(84)))
        .collect();
    let masks = Masks::of(values.iter().map(String::as_str)).unwrap();
    let automaton = masks.automaton.unwrap().memory_usage();
    assert!(automaton < 4 << 20, "{automaton}");
    assert!(!format!("{:?}", Masks::of(["hunter22"]).unwrap()).contains("hunter"));
}

proptest! {
    /// With as much around it as decides, a part is masked as in the whole.
    #[test]
    fn a_part_is_hidden_as_in_the_whole(
        text in "[abc]{0,80}",
        values in proptest::collection::vec("[abc]{4,7}", 0..4),
        cut in 0_usize..80,
    ) {
        let masks = Masks::of(values.iter().map(String::as_str)).unwrap();
        let (text, cut) = (text.as_bytes(), cut.min(text.len()));
        let from = cut.saturating_sub(masks.reach());
        let to = (cut + masks.reach()).min(text.len());
        let head = masks.apply(&text[..to], 0..cut);
        let tail = masks.apply(&text[from..], cut - from..text.len() - from);
        let shown = |masked: Vec<u8>| masked.into_iter().filter(|byte| *byte != b'*').collect::<Vec<_>>();
        let whole = masks.apply(text, 0..text.len());
        prop_assert_eq!(shown([head, tail].concat()), shown(whole.clone()));
        // And nothing of a value is left.
        for value in &values {
            prop_assert!(!whole.windows(value.len()).any(|window| window == value.as_bytes()));
        }
    }
}
