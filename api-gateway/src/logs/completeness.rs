//! Whether an exec's log is all there. The exec ends when its program does; its
//! log is sealed a moment later, when the log reader has read it to its end.

use std::collections::BTreeSet;

use shared_types::EventKind;
use store::events::ExecEventEntry;
use store::logs::Stream;

/// How much of a log there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Every line, for good.
    Whole,
    /// What there is will not become more, and lines may be missing.
    Partial,
    /// The exec has ended and its log is about to be sealed.
    Settling,
    /// The exec has not ended.
    Growing,
}

impl Completeness {
    /// Of what is over or not. `timeline` and `streams` must have been read after that.
    pub fn of(is_over: bool, timeline: &[ExecEventEntry], streams: &[Stream]) -> Self {
        if !is_over {
            return Self::Growing;
        }
        let attempts = |kind: EventKind| {
            let of_kind = timeline.iter().filter(move |event| event.kind == kind);
            of_kind.map(|event| event.attempt)
        };
        // Only a claimed pod may start its program.
        let mut unsealed: BTreeSet<i32> = attempts(EventKind::Claimed).collect();
        unsealed.extend(streams.iter().map(|stream| stream.attempt));
        let mut whole = true;
        for sealed in streams.iter().filter(|stream| stream.sealed_at.is_some()) {
            unsealed.remove(&sealed.attempt);
            whole &= sealed.complete == Some(true) && sealed.lines_removed_at().is_none();
        }
        for abandoned in attempts(EventKind::LogsAbandoned) {
            whole &= !unsealed.remove(&abandoned);
        }
        match (unsealed.is_empty(), whole) {
            (false, _) => Self::Settling,
            (true, true) => Self::Whole,
            (true, false) => Self::Partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use store::logs::Gaps;

    use super::*;

    fn stream(attempt: i32, complete: Option<bool>) -> Stream {
        Stream {
            attempt,
            epoch: 1,
            next_seq: 0,
            bytes: 0,
            opened_at: DateTime::UNIX_EPOCH,
            sealed_at: complete.map(|_| DateTime::UNIX_EPOCH),
            complete,
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
    fn a_log_is_whole_when_every_pods_stream_is() {
        use Completeness::{Growing, Partial, Settling, Whole};
        use EventKind::{Claimed, Ended, LogsAbandoned};
        use shared_types::ExecState::{Cancelled, Failed, Running, Succeeded};
        let open = || stream(1, None);
        let done = || stream(1, Some(true));
        let broken = || stream(1, Some(false));
        let claimed = (1, Claimed);
        for (state, events, streams, expected) in [
            (Running, vec![claimed], vec![open()], Growing),
            // Sealed before the exec's end is recorded.
            (Running, vec![claimed], vec![done()], Growing),
            (Cancelled, vec![(0, Ended)], vec![], Whole),
            (Succeeded, vec![claimed], vec![], Settling),
            (Succeeded, vec![claimed], vec![open()], Settling),
            (Succeeded, vec![], vec![open()], Settling),
            (Succeeded, vec![claimed], vec![done()], Whole),
            (Succeeded, vec![claimed], vec![broken()], Partial),
            (
                Failed,
                vec![claimed, (2, Claimed)],
                vec![done(), stream(2, None)],
                Settling,
            ),
            (
                Failed,
                vec![claimed, (1, LogsAbandoned)],
                vec![open()],
                Partial,
            ),
            (Failed, vec![claimed, (1, LogsAbandoned)], vec![], Partial),
            (
                Failed,
                vec![claimed, (1, LogsAbandoned)],
                vec![done()],
                Whole,
            ),
        ] {
            let entry = |(attempt, kind)| ExecEventEntry {
                attempt,
                kind,
                at: DateTime::UNIX_EPOCH,
                message: String::new(),
            };
            let timeline: Vec<_> = events.iter().copied().map(entry).collect();
            let found = Completeness::of(state.is_terminal(), &timeline, &streams);
            assert_eq!(found, expected, "{state:?} {events:?} {streams:?}");
        }
    }
}
