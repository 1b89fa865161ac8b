//! The timeline of an exec: who asked for it, what became of each attempt, and when its
//! log was stored. Nodes tell time in whole seconds, so the order comes from what an
//! entry tells and not from its time.

use serde::Serialize;
use serde_json::{Value, json};
use shared_types::{EventKind, TriggerMode};
use store::events::ExecEventEntry;
use store::execs::Exec;
use store::logs::Stream;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::openapi::types::{self, schemas};
use crate::reply::timestamp::Timestamp;

/// The kind of an exec's first entry.
const TRIGGERED: &str = "triggered";
/// The kind of an entry about a log that is stored for good.
const LOG_SEALED: &str = "log_sealed";

/// Something that happened to an exec.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TimelineEntry, examples(entry))]
pub struct EntryView {
    /// When, by the clock of whoever saw it.
    at: Timestamp,
    /// The attempt that it is about; 0 before the first.
    #[schema(minimum = 0)]
    attempt: i32,
    #[schema(schema_with = kind)]
    kind: &'static str,
    /// The same for people.
    message: String,
}

schemas! {
    kind = kinds();
}

fn kinds() -> Object {
    let words = EventKind::ALL.map(EventKind::as_str);
    let words = words.into_iter().chain([TRIGGERED, LOG_SEALED]);
    types::word(words, "What happened")
}

fn entry() -> Value {
    json!({
        "at": "2015-12-28T14:52:02+00:00", "attempt": 1, "kind": "running",
        "message": "Start running!",
    })
}

/// Everything that is known of an exec, in order.
pub fn timeline(exec: &Exec, events: Vec<ExecEventEntry>, streams: &[Stream]) -> Vec<EntryView> {
    let events = events.into_iter().map(|event| {
        let entry = EntryView {
            at: Timestamp(event.at),
            attempt: event.attempt,
            kind: event.kind.as_str(),
            message: event.message,
        };
        ((event.attempt, place(event.kind)), entry)
    });
    let logs = streams.iter().filter_map(log_sealed);
    let logs = logs.map(|entry| ((entry.attempt, 8), entry));
    let mut entries: Vec<_> = events.chain(logs).collect();
    entries.sort_by_key(|(place, _)| *place);
    let entries = entries.into_iter().map(|(_, entry)| entry);
    std::iter::once(triggered(exec)).chain(entries).collect()
}

/// Place of an event within its attempt; the seal of its log is at 8.
fn place(kind: EventKind) -> u8 {
    match kind {
        EventKind::Attempted => 1,
        EventKind::Claimed => 2,
        EventKind::Pulling => 3,
        EventKind::Running => 4,
        EventKind::CancelRequested => 5,
        EventKind::Kubernetes => 6,
        EventKind::Ended => 7,
        EventKind::LogsAbandoned => 9,
        EventKind::Corrected => 10,
    }
}

fn triggered(exec: &Exec) -> EntryView {
    let by = &exec.created_by;
    let message = match (exec.trigger_mode, exec.rerun_of) {
        (TriggerMode::Scheduled, _) => "Its time had come.".to_owned(),
        (TriggerMode::Manual, Some(model)) => format!("{by} ran {model} again."),
        (TriggerMode::Manual, None) => format!("{by} triggered it."),
    };
    EntryView {
        at: Timestamp(exec.created_at),
        attempt: 0,
        kind: TRIGGERED,
        message,
    }
}

fn log_sealed(stream: &Stream) -> Option<EntryView> {
    let message = if stream.complete? {
        format!("The log is stored: {} lines.", stream.next_seq)
    } else {
        let why = stream.message.as_deref().unwrap_or("lines may be missing");
        format!("The log is stored and incomplete: {why}.")
    };
    Some(EntryView {
        at: Timestamp(stream.sealed_at?),
        attempt: stream.attempt,
        kind: LOG_SEALED,
        message,
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use store::logs::Gaps;

    use super::*;
    use crate::execs::view::tests::exec;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn event((attempt, kind, seconds): (i32, EventKind, i64)) -> ExecEventEntry {
        ExecEventEntry {
            attempt,
            kind,
            at: at(seconds),
            message: String::new(),
        }
    }

    fn stream(attempt: i32, complete: bool) -> Stream {
        Stream {
            attempt,
            epoch: 1,
            next_seq: 12,
            bytes: 480,
            opened_at: at(1),
            sealed_at: Some(at(10)),
            complete: Some(complete),
            message: None,
            ends_mid_line: false,
            sha256: None,
            gaps: Gaps::default(),
            left_out: None,
            removed_at: None,
            proven: false,
        }
    }

    #[test]
    fn what_happened_stands_in_the_order_of_a_life() {
        let events = [
            // The node's clock is behind.
            (1, EventKind::Running, 1),
            (1, EventKind::Claimed, 3),
            (1, EventKind::Attempted, 2),
            (1, EventKind::Ended, 4),
            (2, EventKind::Attempted, 4),
            (2, EventKind::Ended, 9),
            (2, EventKind::Kubernetes, 9),
            (2, EventKind::CancelRequested, 8),
        ];
        let streams = [stream(1, true), stream(2, false)];
        let told = timeline(&exec(None, None), events.map(event).to_vec(), &streams);
        let told = told
            .iter()
            .map(|entry| format!("{} {}", entry.attempt, entry.kind));
        let expected = [
            "0 triggered",
            "1 attempted",
            "1 claimed",
            "1 running",
            "1 ended",
            "1 log_sealed",
            "2 attempted",
            "2 cancel_requested",
            "2 kubernetes",
            "2 ended",
            "2 log_sealed",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        let sealed = log_sealed(&streams[0]).unwrap();
        assert_eq!(sealed.message, "The log is stored: 12 lines.");
        let open = Stream {
            complete: None,
            ..streams[0].clone()
        };
        assert!(log_sealed(&open).is_none());
    }
}
