use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn event(attempt: i32, kind: EventKind, seconds: i64) -> ExecEventEntry {
    ExecEventEntry {
        attempt,
        kind,
        at: at(seconds),
        message: format!("{} {attempt}", kind.as_str()),
    }
}

fn stream(attempt: i32) -> Stream {
    Stream {
        attempt,
        epoch: 1,
        next_seq: 0,
        bytes: 0,
        opened_at: at(0),
        sealed_at: None,
        complete: None,
        message: None,
        ends_mid_line: false,
    }
}

fn read(parts: &[Part]) -> Vec<String> {
    let show = |part: &Part| match part {
        Part::Platform { message, .. } => message.clone(),
        Part::Program { attempt, .. } => format!("program {attempt}"),
    };
    parts.iter().map(show).collect()
}

#[test]
fn each_attempt_reads_before_program_after() {
    use EventKind::{Attempted, Claimed, Ended, LogsAbandoned, Pulling, Running};
    let events = vec![
        // Whole seconds put the start before the pull, and the end first.
        event(1, Running, 5),
        event(1, Pulling, 6),
        event(1, Ended, 4),
        event(1, Claimed, 1),
        event(2, Attempted, 9),
        event(2, LogsAbandoned, 9),
        event(2, Ended, 10),
    ];
    assert_eq!(
        read(&arrange(events, &[stream(1), stream(2)], Window::default())),
        [
            "pulling 1",
            "running 1",
            "program 1",
            "ended 1",
            "program 2",
            "ended 2",
            "logs_abandoned 2",
        ]
    );
}

#[test]
fn a_stream_sealed_incomplete_says_so() {
    let sealed = |attempt, complete| Stream {
        sealed_at: Some(at(8)),
        complete: Some(complete),
        message: Some("the pod was gone".to_owned()),
        ..stream(attempt)
    };
    let events = vec![event(1, EventKind::Ended, 9), event(2, EventKind::Ended, 9)];
    let parts = arrange(
        events,
        &[sealed(1, false), sealed(2, true)],
        Window::default(),
    );
    let told = "The log is incomplete: the pod was gone.";
    assert_eq!(
        read(&parts),
        ["program 1", "ended 1", told, "program 2", "ended 2"]
    );
}

#[test]
fn an_exec_without_a_pod_explains_itself() {
    let events = vec![event(0, EventKind::Ended, 1)];
    assert_eq!(read(&arrange(events, &[], Window::default())), ["ended 0"]);
}

#[test]
fn platform_lines_keep_to_the_window() {
    let window = Window {
        since: Some(at(5)),
        until: Some(at(7)),
    };
    let events = (4..=7).map(|second| event(second, EventKind::Running, i64::from(second)));
    let parts = arrange(events.collect(), &[], window);
    assert_eq!(read(&parts), ["running 5", "running 6"]);
}

fn program_line(bytes: &[u8], gap_before: bool) -> LogLine {
    LogLine {
        at: at(7),
        continued: false,
        gap_before,
        bytes: bytes.to_owned(),
    }
}

#[test]
fn an_empty_log_is_an_empty_array() {
    let mut array = LineWriter::new(Format::Json);
    array.close();
    assert_eq!(array.take(), b"[]");
}

#[test]
fn gaps_show_and_bytes_become_text() {
    let mut array = LineWriter::new(Format::Json);
    array.push(at(6), "Start running!").unwrap();
    array
        .push_program(&program_line(b"a\xff\0\"", true))
        .unwrap();
    array.close();
    let value: Value = serde_json::from_slice(&array.take()).unwrap();
    assert_eq!(
        value,
        json!([
            { "message": "Start running!", "time": 6 },
            { "message": GAP, "time": 7 },
            { "message": "a\u{fffd}\0\"", "time": 7 },
        ])
    );
}

#[test]
fn text_keeps_every_byte() {
    let mut text = LineWriter::new(Format::Text);
    text.push(at(6), "Start running!").unwrap();
    text.push_program(&program_line(b"a\xff\0\"", true))
        .unwrap();
    text.close();
    let expected = [b"Start running!\n", GAP.as_bytes(), b"\na\xff\0\"\n"].concat();
    assert_eq!(text.take(), expected);
}

proptest! {
    #[test]
    fn blocks_make_one_array(lines in prop::collection::vec((any::<Vec<u8>>(), any::<bool>()), 0..20)) {
        let mut array = LineWriter::new(Format::Json);
        let mut sent = Vec::new();
        for (bytes, cut_here) in &lines {
            array.push_program(&program_line(bytes, false)).unwrap();
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
