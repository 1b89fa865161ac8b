//! Kinds of entries on an exec's timeline (`exec_events`), from which the
//! platform's own log lines are rendered.

/// What a timeline entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// An attempt was recorded and its Job is about to be created.
    Attempted,
    /// A pod was claimed: its program may start now.
    Claimed,
    /// The node was told to pull the image and start.
    Pulling,
    /// The program runs.
    Running,
    /// What Kubernetes said of an attempt that the platform ended.
    Kubernetes,
    /// The attempt or the exec ended.
    Ended,
    /// An exec that was given up as lost ended otherwise.
    Corrected,
    /// Somebody asked to cancel.
    CancelRequested,
    /// The log reader was given up, so the log may be incomplete.
    LogsAbandoned,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Attempted,
        Self::Claimed,
        Self::Pulling,
        Self::Running,
        Self::Kubernetes,
        Self::Ended,
        Self::Corrected,
        Self::CancelRequested,
        Self::LogsAbandoned,
    ];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempted => "attempted",
            Self::Claimed => "claimed",
            Self::Pulling => "pulling",
            Self::Running => "running",
            Self::Kubernetes => "kubernetes",
            Self::Ended => "ended",
            Self::Corrected => "corrected",
            Self::CancelRequested => "cancel_requested",
            Self::LogsAbandoned => "logs_abandoned",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the entry is a line of the exec's log, as in the 2015 API, and
    /// on which side of the program's own lines it stands. Kubernetes gives
    /// container times in whole seconds, so time alone cannot order them.
    #[must_use]
    pub fn log_position(self) -> Option<LogPosition> {
        match self {
            Self::Pulling | Self::Running => Some(LogPosition::BeforeProgram),
            Self::Ended | Self::Corrected | Self::LogsAbandoned => Some(LogPosition::AfterProgram),
            Self::Attempted | Self::Claimed | Self::Kubernetes | Self::CancelRequested => None,
        }
    }
}

/// Side of the program's lines on which a platform line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogPosition {
    /// Before the first line of the attempt's program.
    BeforeProgram,
    /// After its last line.
    AfterProgram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
    }
}
