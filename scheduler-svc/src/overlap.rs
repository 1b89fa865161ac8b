//! What the overlap policy makes of instants whose job may be busy: a pure
//! function of the policy and of what is open and waits.

use chrono::{DateTime, Utc};
use shared_types::{Lane, Overlap};
use store::slots::{CoalesceReason, SkipReason, SlotOutcome};

use crate::decision::Wanted;

/// What a job has that stands in an instant's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// An exec that has not ended.
    pub is_open: bool,
    /// Instants that wait already.
    pub queued: usize,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The fate of each instant. One that is queued is released as soon as
    /// nothing stands in its way, so at once if nothing does.
    pub fates: Vec<(DateTime<Utc>, SlotOutcome)>,
    /// The open execs are to be cancelled.
    pub cancels: bool,
    /// The instants that waited so far wait no more: a newer one stands for them.
    pub replaces: bool,
}

/// Applies the policy to instants, oldest first.
///
/// Instants that are made up for come one after the other, whatever the policy
/// says of those on time; otherwise a skip would undo the catch-up.
pub fn resolve(policy: Overlap, busy: Busy, wanted: &[Wanted]) -> Resolution {
    let replaces = policy == Overlap::CancelRunning && !wanted.is_empty();
    let mut waiting = if replaces { 0 } else { busy.queued };
    let mut fates = Vec::with_capacity(wanted.len());
    for (number, instant) in wanted.iter().enumerate() {
        let is_newest = number + 1 == wanted.len();
        let queues = match policy {
            Overlap::CancelRunning => is_newest,
            _ => instant.lane == Lane::Low || waiting < places(policy, busy.is_open),
        };
        let fate = if queues {
            waiting += 1;
            SlotOutcome::Queued(instant.lane)
        } else {
            refusal(policy)
        };
        fates.push((instant.slot_at, fate));
    }
    Resolution {
        fates,
        cancels: replaces && busy.is_open,
        replaces,
    }
}

/// How many instants may wait, the one that starts at once included.
fn places(policy: Overlap, is_open: bool) -> usize {
    let at_once = usize::from(!is_open);
    let waiting = match policy {
        Overlap::Skip | Overlap::CancelRunning => 0,
        Overlap::QueueOne => 1,
        Overlap::QueueAll { limit } => usize::try_from(limit).unwrap_or(usize::MAX),
        Overlap::Allow => return usize::MAX,
    };
    waiting.saturating_add(at_once)
}

fn refusal(policy: Overlap) -> SlotOutcome {
    match policy {
        Overlap::Skip | Overlap::Allow => SlotOutcome::Skipped(SkipReason::Overlap),
        Overlap::QueueOne => SlotOutcome::Coalesced(CoalesceReason::Queued),
        Overlap::QueueAll { .. } => SlotOutcome::Skipped(SkipReason::QueueFull),
        Overlap::CancelRunning => SlotOutcome::Coalesced(CoalesceReason::Newer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_time(second: i64) -> Wanted {
        Wanted {
            slot_at: DateTime::from_timestamp(second, 0).unwrap(),
            lane: Lane::Normal,
        }
    }

    fn fates(policy: Overlap, is_open: bool, queued: usize) -> String {
        let late = Wanted {
            lane: Lane::Low,
            ..on_time(0)
        };
        let wanted = [late, on_time(1), on_time(2), on_time(3)];
        let letters = |wanted: &[Wanted]| {
            let resolution = resolve(policy, Busy { is_open, queued }, wanted);
            let letter = |(_, fate): &(_, SlotOutcome)| match fate {
                SlotOutcome::Queued(_) => 'q',
                SlotOutcome::Skipped(SkipReason::QueueFull) => 'f',
                SlotOutcome::Skipped(_) => 's',
                _ => 'c',
            };
            resolution.fates.iter().map(letter).collect::<String>()
        };
        format!("{} {}", letters(&wanted[1..]), letters(&wanted))
    }

    #[test]
    fn each_policy_in_each_situation() {
        use Overlap::{Allow, CancelRunning, QueueAll, QueueOne, Skip};
        let two = QueueAll { limit: 2 };
        // Three instants on time, and the same after one that is made up for.
        let cases = [
            (Skip, false, 0, "qss qsss"),
            (Skip, true, 0, "sss qsss"),
            (Skip, false, 1, "sss qsss"),
            (QueueOne, false, 0, "qqc qqcc"),
            (QueueOne, true, 0, "qcc qccc"),
            (QueueOne, true, 1, "ccc qccc"),
            (two, false, 0, "qqq qqqf"),
            (two, true, 0, "qqf qqff"),
            (two, true, 1, "qff qfff"),
            (two, true, 2, "fff qfff"),
            (CancelRunning, false, 0, "ccq cccq"),
            (CancelRunning, true, 1, "ccq cccq"),
            (Allow, true, 5, "qqq qqqq"),
        ];
        for (policy, is_open, queued, expected) in cases {
            assert_eq!(
                fates(policy, is_open, queued),
                expected,
                "{policy:?} {is_open} {queued}"
            );
        }
    }

    #[test]
    fn only_one_policy_cancels() {
        let busy = Busy {
            is_open: true,
            queued: 1,
        };
        for (policy, expected) in [
            (Overlap::CancelRunning, (true, true)),
            (Overlap::Skip, (false, false)),
            (Overlap::Allow, (false, false)),
        ] {
            let resolution = resolve(policy, busy, &[on_time(1)]);
            assert_eq!((resolution.cancels, resolution.replaces), expected);
            let nothing = resolve(policy, busy, &[]);
            assert!(!nothing.cancels && !nothing.replaces);
        }
        let free = Busy {
            is_open: false,
            queued: 0,
        };
        assert!(!resolve(Overlap::CancelRunning, free, &[on_time(1)]).cancels);
    }
}
