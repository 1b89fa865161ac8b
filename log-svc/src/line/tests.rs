use proptest::prelude::*;

use super::*;

const STAMP: &str = "2026-11-23T14:00:00.123456789Z";

fn at(text: &str) -> DateTime<Utc> {
    parse_stamp(text.as_bytes()).unwrap()
}

fn parse(since: Option<&str>, pieces: &[&[u8]]) -> (Vec<Parsed>, Rest) {
    let mut parser = LineParser::new(since.map(at));
    let mut parsed = Vec::new();
    for piece in pieces {
        parser.feed(piece, &mut |each| parsed.push(each));
    }
    (parsed, parser.rest())
}

fn stamped(stamp: &str, text: impl AsRef<[u8]>) -> Parsed {
    Parsed::Line(line(at(stamp), text.as_ref().to_vec(), false))
}

#[test]
fn lines_of_all_kinds() {
    let input = [
        format!("{STAMP} plain\n").into_bytes(),
        format!("{STAMP} \n").into_bytes(),
        format!("{STAMP}\n").into_bytes(),
        format!("2026-11-23T22:00:00.5+08:00 {STAMP} its own stamp\n").into_bytes(),
        [STAMP.as_bytes(), b" nul \0 bad \xff\xfe cr \r\n"].concat(),
        format!("{STAMP} no newline").into_bytes(),
    ]
    .concat();
    let (parsed, rest) = parse(None, &[&input]);
    assert_eq!(
        parsed,
        [
            stamped(STAMP, "plain"),
            stamped(STAMP, ""),
            stamped(STAMP, ""),
            stamped("2026-11-23T14:00:00.5Z", format!("{STAMP} its own stamp")),
            stamped(STAMP, b"nul \0 bad \xff\xfe cr \r"),
        ]
    );
    assert_eq!(
        rest,
        Rest::Line(line(at(STAMP), b"no newline".to_vec(), false))
    );
}

#[test]
fn text_without_a_stamp_is_not_the_programs() {
    let error = "unable to retrieve container logs for containerd://1\n";
    let (parsed, rest) = parse(None, &[error.as_bytes()]);
    assert_eq!(parsed, [Parsed::Foreign(error.trim().to_owned())]);
    assert_eq!(rest, Rest::Nothing);
    let mixed = format!("{STAMP} good\nfailed to create fsnotify watcher: too many open files");
    let (parsed, rest) = parse(None, &[mixed.as_bytes()]);
    assert_eq!(parsed, [stamped(STAMP, "good")]);
    assert!(matches!(rest, Rest::Foreign(text) if text.starts_with("failed")));
}

#[test]
fn a_cut_is_told_from_a_message() {
    let rest = |text: &str| parse(None, &[text.as_bytes()]).1;
    for length in 1..=STAMP.len() {
        assert_eq!(rest(&STAMP[..length]), Rest::CutStamp);
    }
    let empty = Rest::Line(line(at(STAMP), Vec::new(), false));
    assert_eq!(rest(&format!("{STAMP} ")), empty);
    assert_eq!(rest("unable"), Rest::Foreign("unable".to_owned()));
    assert_eq!(
        rest("unable to read"),
        Rest::Foreign("unable to read".to_owned())
    );
}

#[test]
fn the_tail_of_a_line_that_began_before_is_foreign() {
    let since = Some("2026-11-23T14:00:00Z");
    for tail in ["tail of a line", "2020-01-01T00:00:00Z made by the program"] {
        let input = format!("{tail}\n{STAMP} whole\n");
        let (parsed, _) = parse(since, &[input.as_bytes()]);
        assert_eq!(
            parsed,
            [Parsed::Foreign(tail.to_owned()), stamped(STAMP, "whole")]
        );
    }
    // Later lines may be older: clocks go back, and two outputs are
    // stamped independently.
    let input = format!("{STAMP} one\n2020-01-01T00:00:00Z two\n");
    assert_eq!(parse(since, &[input.as_bytes()]).0.len(), 2);
}

#[test]
fn a_line_that_is_too_long_is_cut() {
    for (length, parts) in [
        (MAX_LINE_BYTES, vec![MAX_LINE_BYTES]),
        (MAX_LINE_BYTES + 1, vec![MAX_LINE_BYTES, 1]),
        (2 * MAX_LINE_BYTES, vec![MAX_LINE_BYTES, MAX_LINE_BYTES]),
    ] {
        let input = format!("{STAMP} {}\n{STAMP} next\n", "x".repeat(length));
        for piece in [input.len(), 4096, 65_537] {
            let pieces: Vec<&[u8]> = input.as_bytes().chunks(piece).collect();
            let (parsed, rest) = parse(None, &pieces);
            let lengths: Vec<(usize, bool)> = parsed
                .iter()
                .map(|parsed| match parsed {
                    Parsed::Line(line) => (line.bytes.len(), line.continued),
                    Parsed::Foreign(text) => panic!("{text}"),
                })
                .collect();
            let last = parts.len() - 1;
            let mut expected: Vec<(usize, bool)> = parts
                .iter()
                .enumerate()
                .map(|(n, part)| (*part, n < last))
                .collect();
            expected.push((4, false));
            assert_eq!(lengths, expected);
            assert_eq!(rest, Rest::Nothing);
        }
    }
}

#[test]
fn foreign_text_is_bounded() {
    let (parsed, _) = parse(None, &[&vec![b'x'; 100_000], b"\n"]);
    assert!(matches!(&parsed[..], [Parsed::Foreign(text)] if text.len() <= MAX_FOREIGN_BYTES));
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_makes_no_difference(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20),
        cuts in prop::collection::vec(1_usize..40, 1..60),
    ) {
        let mut input = Vec::new();
        let mut expected = Vec::new();
        for text in texts {
            let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'\n').collect();
            input.extend([STAMP.as_bytes(), b" ", &text, b"\n"].concat());
            expected.push(stamped(STAMP, text));
        }
        let mut pieces = Vec::new();
        let mut rest = &input[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(parse(None, &pieces), (expected, Rest::Nothing));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse(None, &[&bytes]);
    }
}
