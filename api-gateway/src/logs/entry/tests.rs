use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn platform(message: &str) -> Entry {
    Entry::platform(at(6), message.to_owned(), (1, Position::default()))
}

fn program(bytes: &[u8], continued: bool) -> Entry {
    let line = LogLine {
        at: at(7),
        continued,
        gap_before: false,
        bytes: bytes.to_owned(),
    };
    Entry::program(line, (2, Position::default()))
}

fn written(mut writer: LineWriter, entries: &[Entry]) -> Vec<u8> {
    for entry in entries {
        writer.push(entry).unwrap();
    }
    writer.close();
    writer.take()
}

#[test]
fn an_empty_log_is_an_empty_array() {
    assert_eq!(written(LineWriter::new(Format::Json, false), &[]), b"[]");
}

#[test]
fn lines_say_whose_they_are_and_bytes_become_text() {
    let entries = [platform("Start running!"), program(b"a\xff\0\"", true)];
    let array = written(LineWriter::new(Format::Json, false), &entries);
    let value: Value = serde_json::from_slice(&array).unwrap();
    let line = |message: &str, time: i64, program: bool| {
        json!({
            "message": message,
            "time": time,
            "attempt": if program { 2 } else { 1 },
            "platform": !program,
            "continued": program,
            "stream": null,
        })
    };
    let expected = json!([
        line("Start running!", 6, false),
        line("a\u{fffd}\0\"", 7, true),
    ]);
    assert_eq!(value, expected);
}

#[test]
fn text_keeps_every_byte_and_joins_what_was_cut() {
    let entries = [
        platform("Start running!"),
        program(b"a\xff\0\"", true),
        program(b"b", false),
        program(b"cut", true),
        platform("Failed."),
    ];
    let text = written(LineWriter::new(Format::Text, false), &entries);
    assert_eq!(text, b"Start running!\na\xff\0\"b\ncut\nFailed.\n");
}

#[test]
fn colours_are_kept_or_taken_away() {
    let coloured = b"\x1b[1;31mfailed\x1b[0m:\t\xff\x1b]0;title\x07 5\r";
    for (strip, expected) in [
        (false, [coloured.as_slice(), b"\n"].concat()),
        (true, b"failed:\t\xff 5\r\n".to_vec()),
    ] {
        let text = written(
            LineWriter::new(Format::Text, strip),
            &[program(coloured, false)],
        );
        assert_eq!(
            String::from_utf8_lossy(&text),
            String::from_utf8_lossy(&expected)
        );
    }
}

proptest! {
    #[test]
    fn blocks_make_one_array(lines in prop::collection::vec((any::<Vec<u8>>(), any::<bool>()), 0..20)) {
        let mut array = LineWriter::new(Format::Json, true);
        let mut sent = Vec::new();
        for (bytes, cut_here) in &lines {
            array.push(&program(bytes, false)).unwrap();
            if *cut_here {
                sent.extend(array.take());
            }
        }
        array.close();
        sent.extend(array.take());
        let value: Vec<Value> = serde_json::from_slice(&sent).unwrap();
        prop_assert_eq!(value.len(), lines.len());
    }
}
