//! What may become of a planned instant, in words that never change.

use shared_types::{ExecId, Lane};

/// What became of a planned instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotOutcome {
    /// It has this exec.
    Fired(ExecId),
    /// It waits for the end of an earlier exec of its job; its own exec will
    /// wait in this lane.
    Queued(Lane),
    /// Its schedule said not to run.
    Skipped(SkipReason),
    /// It passed and was too old to be made up for.
    Missed(MissReason),
    /// Another instant stands for it.
    Coalesced(CoalesceReason),
    /// Somebody said not to run it.
    Cancelled(CancelReason),
}

/// Why a schedule said not to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// An earlier exec of the job had not ended.
    Overlap,
    /// As many instants waited as may.
    QueueFull,
    /// The schedule was paused.
    Paused,
    /// It fell on one of the schedule's exclusions.
    Excluded,
    /// The clock jumped over its wall time.
    DstGap,
}

/// Why an instant passed unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissReason {
    /// No scheduler was there, or none kept up.
    SchedulerAway,
    /// It could not start before its start deadline.
    StartDeadline,
}

/// What another instant stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoalesceReason {
    /// An earlier one waited already.
    Queued,
    /// A newer one took its place.
    Newer,
}

/// Why somebody said not to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The schedule was edited before it ran.
    Edited,
    /// The schedule was paused before it ran.
    Paused,
}

impl SlotOutcome {
    /// Every outcome that is final and has no exec.
    pub const SETTLED: [Self; 11] = [
        Self::Skipped(SkipReason::Overlap),
        Self::Skipped(SkipReason::QueueFull),
        Self::Skipped(SkipReason::Paused),
        Self::Skipped(SkipReason::Excluded),
        Self::Skipped(SkipReason::DstGap),
        Self::Missed(MissReason::SchedulerAway),
        Self::Missed(MissReason::StartDeadline),
        Self::Coalesced(CoalesceReason::Queued),
        Self::Coalesced(CoalesceReason::Newer),
        Self::Cancelled(CancelReason::Edited),
        Self::Cancelled(CancelReason::Paused),
    ];

    /// The words of [`Self::as_str`].
    pub const WORDS: [&'static str; 6] = [
        "fired",
        "queued",
        "skipped",
        "missed",
        "coalesced",
        "cancelled",
    ];

    /// The word in the database, the API and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired(_) => "fired",
            Self::Queued(_) => "queued",
            Self::Skipped(_) => "skipped",
            Self::Missed(_) => "missed",
            Self::Coalesced(_) => "coalesced",
            Self::Cancelled(_) => "cancelled",
        }
    }

    /// The word for why it did not run; what runs needs none.
    pub fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::Fired(_) | Self::Queued(_) => return None,
            Self::Skipped(SkipReason::Overlap) => "overlap",
            Self::Skipped(SkipReason::QueueFull) => "queue_full",
            Self::Skipped(SkipReason::Paused) | Self::Cancelled(CancelReason::Paused) => "paused",
            Self::Skipped(SkipReason::Excluded) => "excluded",
            Self::Skipped(SkipReason::DstGap) => "dst_gap",
            Self::Missed(MissReason::SchedulerAway) => "scheduler_away",
            Self::Missed(MissReason::StartDeadline) => "start_deadline",
            Self::Coalesced(CoalesceReason::Queued) => "queued_instant",
            Self::Coalesced(CoalesceReason::Newer) => "newer_instant",
            Self::Cancelled(CancelReason::Edited) => "edited",
        })
    }

    /// Whether the schedule itself left it out: it lies between instants that were to
    /// run and is none of them.
    pub(crate) fn was_never_planned(self) -> bool {
        matches!(
            self,
            Self::Skipped(SkipReason::Excluded | SkipReason::DstGap)
        )
    }

    /// The exec, if it fired.
    pub fn exec_id(self) -> Option<ExecId> {
        match self {
            Self::Fired(exec) => Some(exec),
            _ => None,
        }
    }

    /// Where its exec will wait, while it is queued.
    pub fn lane(self) -> Option<Lane> {
        match self {
            Self::Queued(lane) => Some(lane),
            _ => None,
        }
    }

    /// Reads a final outcome without exec.
    pub(super) fn settled(outcome: &str, reason: &str) -> Option<Self> {
        let is_meant = |known: &Self| known.as_str() == outcome && known.reason() == Some(reason);
        Self::SETTLED.into_iter().find(is_meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for outcome in SlotOutcome::SETTLED {
            let reason = outcome.reason().unwrap();
            assert_eq!(
                SlotOutcome::settled(outcome.as_str(), reason),
                Some(outcome)
            );
            assert!(SlotOutcome::WORDS.contains(&outcome.as_str()));
        }
        assert_eq!(SlotOutcome::settled("fired", ""), None);
    }
}
