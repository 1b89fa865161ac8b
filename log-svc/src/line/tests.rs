use proptest::prelude::*;
use shared_types::ExecId;

use super::*;

const STAMP: &str = "2026-11-23T14:00:00.123456789Z";

fn at(text: &str) -> DateTime<Utc> {
    parse_stamp(text.as_bytes()).unwrap()
}

fn parse(since: Option<&str>, pieces: &[&[u8]]) -> (Vec<Parsed>, Rest) {
    parse_masked(&[], since, pieces)
}

fn parse_masked(values: &[&str], since: Option<&str>, pieces: &[&[u8]]) -> (Vec<Parsed>, Rest) {
    let masks = Masks::of(values.iter().copied()).unwrap();
    let mut parser = LineParser::new(since.map(at), masks.into(), Records::default());
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
                    other => panic!("{other:?}"),
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

/// The parts of a line without its values, and how many bytes of each are hidden.
fn masked_parts(parsed: Vec<Parsed>, rest: Rest) -> Vec<(String, bool)> {
    let parts = parsed.into_iter().map(|each| match each {
        Parsed::Line(line) => line,
        other => panic!("{other:?}"),
    });
    let rest = match rest {
        Rest::Line(line) => Some(line),
        _ => None,
    };
    let text = |line: LogLine| (String::from_utf8(line.bytes).unwrap(), line.continued);
    parts.chain(rest).map(text).collect()
}

#[test]
fn a_value_is_hidden_wherever_reads_split_it() {
    let input = format!("{STAMP} the key is hunter22!\n{STAMP} and again hunter22");
    for cut in 0..input.len() {
        let (head, tail) = input.as_bytes().split_at(cut);
        let (parsed, rest) = parse_masked(&["hunter22"], None, &[head, tail]);
        let lines = masked_parts(parsed, rest);
        let lines: Vec<_> = lines.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(lines, ["the key is ***!", "and again ***"], "{cut}");
    }
}

#[test]
fn a_value_is_hidden_wherever_a_long_line_is_cut() {
    let value = "hunter22";
    for ends_with in ["\n", ""] {
        for before in MAX_LINE_BYTES - 20..=MAX_LINE_BYTES + 5 {
            let text = format!(
                "{}{value}{}",
                "x".repeat(before),
                "y".repeat(MAX_LINE_BYTES)
            );
            let input = format!("{STAMP} {text}{ends_with}");
            let (parsed, rest) = parse_masked(&[value], None, &[input.as_bytes()]);
            let parts = masked_parts(parsed, rest);
            let continued: Vec<_> = parts.iter().map(|(_, continued)| *continued).collect();
            let (last, heads) = continued.split_last().unwrap();
            assert!(!last && heads.iter().all(|continued| *continued));
            assert!(parts.iter().all(|(text, _)| text.len() <= MAX_LINE_BYTES));
            // One that lies on a cut is hidden on either side.
            let joined: String = parts.iter().map(|(text, _)| text.as_str()).collect();
            let shown = joined.replace("***", "");
            assert_eq!(shown, text.replace(value, ""), "{before}");
            assert!(joined.contains("***"));
        }
    }
}

#[test]
fn a_value_is_hidden_in_what_has_no_stamp() {
    let tail = format!(
        "the tail of a long line, {} hunter22, and more",
        "x".repeat(990)
    );
    let (parsed, rest) = parse_masked(&["hunter22"], None, &[tail.as_bytes()]);
    assert_eq!(parsed, []);
    let Rest::Foreign(text) = rest else {
        panic!("{rest:?}")
    };
    assert!(!text.contains("hunter"), "{text}");
}

/// The texts of the lines, those of records in brackets, and what is left.
fn parse_proved(exec: ExecId, input: &[u8], piece: usize) -> (Vec<String>, Rest) {
    let mut parser = LineParser::new(None, Masks::default().into(), Records::of(exec, 1));
    let mut parsed = Vec::new();
    for piece in input.chunks(piece) {
        parser.feed(piece, &mut |each| {
            parsed.push(match each {
                Parsed::Line(line) => String::from_utf8(line.bytes).unwrap(),
                Parsed::Record { output, on_a_line } => format!("[{output} {on_a_line}]"),
                Parsed::Foreign(text) => panic!("{text}"),
            });
        });
    }
    (parsed, parser.rest())
}

#[test]
fn records_are_taken_out() {
    let exec = ExecId::new();
    let [out, err] = shared_types::log_proof::records(exec, 1);
    let input = format!("{STAMP} a\n{STAMP} \n{STAMP} b{out}\n{STAMP} {err}\n{STAMP} late\n");
    for piece in [1, 7, input.len()] {
        let (parsed, rest) = parse_proved(exec, input.as_bytes(), piece);
        assert_eq!(parsed, ["a", "", "b", "[0 true]", "[1 false]", "late"]);
        assert_eq!(rest, Rest::Nothing);
    }
    // What came of one is not the program's either.
    let lost = format!("{STAMP} b{}", &out[..20]);
    let (_, rest) = parse_proved(exec, lost.as_bytes(), lost.len());
    assert_eq!(rest, Rest::Line(line(at(STAMP), b"b".to_vec(), false)));
    let (_, rest) = parse_proved(exec, format!("{STAMP} {out}").as_bytes(), 99);
    assert_eq!(rest, Rest::Nothing);
}

#[test]
fn a_record_is_found_wherever_a_long_line_is_cut() {
    let exec = ExecId::new();
    let [out, _] = shared_types::log_proof::records(exec, 1);
    for before in MAX_LINE_BYTES - 100..=MAX_LINE_BYTES + 100 {
        let text = "x".repeat(before);
        let (mut parsed, _) =
            parse_proved(exec, format!("{STAMP} {text}{out}\n").as_bytes(), 65_537);
        assert_eq!(parsed.pop().as_deref(), Some("[0 true]"));
        assert_eq!(parsed.concat(), text);
    }
}
