use store::logs::Gaps;

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
        sha256: None,
        gaps: Gaps::default(),
        left_out: None,
        removed_at: None,
        proven: false,
    }
}

fn read(parts: &[Part]) -> Vec<String> {
    let show = |part: &Part| match &part.content {
        Content::Platform { message, .. } => message.clone(),
        Content::Program { from_seq, .. } => format!("program {} from {from_seq}", part.attempt),
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
        read(&arrange(
            events,
            &[stream(1), stream(2)],
            &Filter::default(),
            Position::default()
        )),
        [
            "pulling 1",
            "running 1",
            "program 1 from 0",
            "ended 1",
            "program 2 from 0",
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
        &Filter::default(),
        Position::default(),
    );
    let told = "The log is incomplete: the pod was gone.";
    assert_eq!(
        read(&parts),
        [
            "program 1 from 0",
            "ended 1",
            told,
            "program 2 from 0",
            "ended 2"
        ]
    );
}

#[test]
fn an_exec_without_a_pod_explains_itself() {
    let events = vec![event(0, EventKind::Ended, 1)];
    assert_eq!(
        read(&arrange(
            events,
            &[],
            &Filter::default(),
            Position::default()
        )),
        ["ended 0"]
    );
}

#[test]
fn platform_lines_keep_to_the_window() {
    let window = Filter {
        since: Some(at(5)),
        until: Some(at(7)),
        ..Filter::default()
    };
    let events = (4..=7).map(|second| event(second, EventKind::Running, i64::from(second)));
    let parts = arrange(events.collect(), &[], &window, Position::default());
    assert_eq!(read(&parts), ["running 5", "running 6"]);
}

#[test]
fn what_was_read_is_left_out_and_what_came_late_is_not() {
    use EventKind::{Ended, Pulling, Running};
    let events = || {
        vec![
            event(1, Pulling, 1),
            event(1, Running, 2),
            event(1, Ended, 4),
            event(2, Running, 9),
        ]
    };
    let streams = [stream(1), stream(2)];
    let left = |position| read(&arrange(events(), &streams, &Filter::default(), position));
    // The start came after the program's first lines were read.
    let position = Position::default().after_platform(1, 0).before_line(1, 5);
    assert_eq!(
        left(position),
        [
            "running 1",
            "program 1 from 5",
            "ended 1",
            "running 2",
            "program 2 from 0",
        ]
    );
    let position = position.after_platform(2, 1);
    assert_eq!(left(position), ["program 2 from 0"]);
}
