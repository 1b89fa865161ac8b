//! How far an exec has come that waits to run.

/// A phase of waiting, in the order of an exec's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It waits for its turn.
    Queued,
    /// It pauses before its next attempt.
    BackingOff,
    /// Its Job is not made yet.
    Claimed,
    /// Its pod is not let through to the nodes yet.
    Gated,
    /// No node was chosen.
    Unschedulable,
    /// Its node pulls the image.
    Pulling,
    /// Its node makes the container.
    Starting,
    /// It runs, or ran, on a node that does not answer.
    NodeUnreachable,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::BackingOff,
        Self::Claimed,
        Self::Gated,
        Self::Unschedulable,
        Self::Pulling,
        Self::Starting,
        Self::NodeUnreachable,
    ];

    /// The word in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::BackingOff => "backing_off",
            Self::Claimed => "claimed",
            Self::Gated => "gated",
            Self::Unschedulable => "unschedulable",
            Self::Pulling => "pulling",
            Self::Starting => "starting",
            Self::NodeUnreachable => "node_unreachable",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}
