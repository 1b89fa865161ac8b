//! The forms in which programs print a value: as it is, a line of it, and as
//! base64, percent-encoding and JSON write it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Shorter values are no secrets, and would be found in every log.
const MIN_BYTES: usize = 4;

/// The same of a line of a value: many hold settings beside what is secret.
const MIN_LINE_BYTES: usize = 8;

/// Longer forms are looked for in pieces.
const MAX_BYTES: usize = 1024;

/// Where `base64` and MIME, and where OpenSSL and PEM, wrap lines.
const WRAPS: [usize; 2] = [76, 64];

/// What RFC 3986, Python, JavaScript and HTML forms leave as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*');

/// All forms of all values, each of [`MIN_BYTES`] to [`MAX_BYTES`].
pub(super) fn of_all<'a>(values: impl IntoIterator<Item = &'a str>) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    for value in values {
        // A value that was read from a file ends with a newline, which few print.
        for value in BTreeSet::from([value, value.trim()]) {
            if value.trim().len() >= MIN_BYTES {
                encode(value, &mut forms);
            }
        }
        let lines = value.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= MIN_LINE_BYTES) {
            add(line.as_bytes(), MAX_BYTES, &mut forms);
        }
    }
    forms
}

fn encode(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    add(value.as_bytes(), MAX_BYTES, forms);
    let json = serde_json::Value::from(value).to_string();
    add(&json.as_bytes()[1..json.len() - 1], MAX_BYTES, forms);
    for set in [UNRESERVED, PATH, COMPONENT, FORM] {
        let encoded = percent_encode(value.as_bytes(), set).to_string();
        for encoded in [with_small_digits(&encoded), encoded] {
            add(encoded.replace("%20", "+").as_bytes(), MAX_BYTES, forms);
            add(encoded.as_bytes(), MAX_BYTES, forms);
        }
    }
    for wrap in WRAPS {
        add(STANDARD.encode(value).as_bytes(), wrap, forms);
        add(URL_SAFE.encode(value).as_bytes(), wrap, forms);
        add(&inside_base64(value, 0, false), wrap, forms);
        add(&inside_base64(value, 0, true), wrap, forms);
    }
    for before in [1, 2] {
        add(&inside_base64(value, before, false), MAX_BYTES, forms);
        add(&inside_base64(value, before, true), MAX_BYTES, forms);
    }
}

/// Adds a text, in pieces if it is longer than `longest`.
fn add(text: &[u8], longest: usize, forms: &mut BTreeSet<Vec<u8>>) {
    if text.len() < MIN_BYTES {
        return;
    }
    for piece in text.chunks(longest) {
        let piece = if piece.len() < MIN_BYTES {
            &text[text.len() - MIN_BYTES..]
        } else {
            piece
        };
        forms.insert(piece.to_vec());
    }
}

/// `%2F` as `%2f`.
fn with_small_digits(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut small = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        small.extend(["%", &digits.to_ascii_lowercase(), rest]);
    }
    small
}

/// Of the base64 of a text in which so many bytes modulo 3 precede the value: the
/// characters that the value alone decides.
fn inside_base64(value: &str, before: usize, url_safe: bool) -> Vec<u8> {
    let text = [&[0; 2][..before], value.as_bytes()].concat();
    let engine = if url_safe {
        URL_SAFE_NO_PAD
    } else {
        STANDARD_NO_PAD
    };
    let mut encoded = engine.encode(&text).into_bytes();
    encoded.truncate(text.len() * 8 / 6);
    encoded.split_off((before * 8).div_ceil(6))
}
