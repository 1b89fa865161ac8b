//! The life of an exec as one pure, total function: [`ExecState::on`].
//!
//! The diagram in ARCHITECTURE.md is checked against this file by a test.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an exec is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecState {
    /// Its program has not been seen running.
    Waiting,
    /// Its program was seen running and has not been seen to end.
    Running,
    /// The program ended with exit code 0.
    Succeeded,
    /// The program ended otherwise, or could not be started.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
    /// The outcome is unknown: the evidence vanished.
    Lost,
}

/// What happened to an exec, as far as its state is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecEvent {
    /// The program was seen running.
    Started,
    /// Evidence of the end: exit code 0.
    Succeeded,
    /// Evidence of the end: a failure of the program or of the platform.
    Failed,
    /// Evidence of the end after a cancel request, or a cancel before a claim.
    Cancelled,
    /// The evidence of the end is gone.
    Vanished,
    /// The attempt ended and another will be made.
    Retried,
}

/// What an event does to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The exec is now in this state.
    Move(ExecState),
    /// Already known, or too late to matter.
    Ignore,
    /// This must not happen; the caller's picture is wrong.
    Reject,
}

impl ExecState {
    /// Every state, in the order of life.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
    ];

    /// The only place that says which state follows which.
    ///
    /// A program that ended before it was seen running makes both moves,
    /// `Started` then its end, in one transaction: `waiting` never jumps to
    /// `succeeded`. Terminal states are final, except that `lost` may be
    /// corrected by real evidence.
    #[must_use]
    pub fn on(self, event: ExecEvent) -> Transition {
        use ExecEvent as E;
        use ExecState as S;
        use Transition::{Ignore, Move, Reject};
        match (self, event) {
            (S::Waiting, E::Started) => Move(S::Running),
            (S::Waiting | S::Running | S::Lost, E::Failed) => Move(S::Failed),
            (S::Waiting | S::Running | S::Lost, E::Cancelled) => Move(S::Cancelled),
            (S::Waiting | S::Running, E::Vanished) => Move(S::Lost),
            (S::Running | S::Lost, E::Succeeded) => Move(S::Succeeded),
            (S::Running, E::Retried) => Move(S::Waiting),

            (S::Waiting, E::Retried)
            | (S::Running, E::Started)
            | (S::Lost, E::Started | E::Vanished)
            | (S::Succeeded, E::Started | E::Succeeded | E::Vanished)
            | (S::Failed, E::Started | E::Failed | E::Vanished)
            | (S::Cancelled, E::Started | E::Cancelled | E::Vanished) => Ignore,

            (S::Waiting, E::Succeeded)
            | (S::Lost | S::Succeeded | S::Failed | S::Cancelled, E::Retried)
            | (S::Succeeded, E::Failed | E::Cancelled)
            | (S::Failed, E::Succeeded | E::Cancelled)
            | (S::Cancelled, E::Succeeded | E::Failed) => Reject,
        }
    }

    /// Whether the exec has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    /// The status letter of the 2015 API.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Waiting => "W",
            Self::Running => "R",
            Self::Succeeded => "S",
            Self::Failed => "F",
            Self::Cancelled => "C",
            Self::Lost => "L",
        }
    }

    /// The word kept in the database and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for ExecState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asked for an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerMode {
    /// A client, over the API.
    #[serde(rename = "M")]
    Manual,
    /// The job's schedule.
    #[serde(rename = "S")]
    Scheduled,
}

impl TriggerMode {
    /// The letter of the 2015 API, also kept in the database.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Manual => "M",
            Self::Scheduled => "S",
        }
    }

    /// Reads the letter written by [`Self::letter`].
    #[must_use]
    pub fn parse(letter: &str) -> Option<Self> {
        match letter {
            "M" => Some(Self::Manual),
            "S" => Some(Self::Scheduled),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExecEvent as E;
    use ExecState as S;
    use Transition::{Ignore, Move, Reject};

    const EVENTS: [ExecEvent; 6] = [
        E::Started,
        E::Succeeded,
        E::Failed,
        E::Cancelled,
        E::Vanished,
        E::Retried,
    ];

    /// Rows: states in the order of `ALL`; columns: the order of `EVENTS`.
    #[rustfmt::skip]
    const TABLE: [[Transition; 6]; 6] = [
        [Move(S::Running), Reject,             Move(S::Failed), Move(S::Cancelled), Move(S::Lost), Ignore],
        [Ignore,           Move(S::Succeeded), Move(S::Failed), Move(S::Cancelled), Move(S::Lost), Move(S::Waiting)],
        [Ignore,           Ignore,             Reject,          Reject,             Ignore,        Reject],
        [Ignore,           Reject,             Ignore,          Reject,             Ignore,        Reject],
        [Ignore,           Reject,             Reject,          Ignore,             Ignore,        Reject],
        [Ignore,           Move(S::Succeeded), Move(S::Failed), Move(S::Cancelled), Ignore,        Reject],
    ];

    #[test]
    fn every_state_and_event() {
        for (row, state) in TABLE.iter().zip(S::ALL) {
            for (expected, event) in row.iter().zip(EVENTS) {
                assert_eq!(state.on(event), *expected, "{state} on {event:?}");
            }
        }
    }

    #[test]
    fn the_diagram_shows_these_moves_and_no_others() {
        let page = include_str!("../../ARCHITECTURE.md");
        let mut drawn: Vec<(S, S)> = page
            .lines()
            .filter_map(|line| line.trim().split_once(" --> "))
            .filter_map(|(from, to)| {
                let to = to.split(':').next()?.trim();
                Some((S::parse(from)?, S::parse(to)?))
            })
            .collect();
        let mut real: Vec<(S, S)> = S::ALL
            .into_iter()
            .flat_map(|from| EVENTS.map(|event| (from, from.on(event))))
            .filter_map(|(from, change)| match change {
                Move(to) => Some((from, to)),
                Ignore | Reject => None,
            })
            .collect();
        let key = |(from, to): &(S, S)| (from.as_str(), to.as_str());
        drawn.sort_by_key(key);
        real.sort_by_key(key);
        assert_eq!(drawn, real);
    }

    #[test]
    fn words_and_letters_read_back() {
        for state in S::ALL {
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
        let letters: String = S::ALL.map(S::letter).concat();
        assert_eq!(letters, "WRSFCL");
        for mode in [TriggerMode::Manual, TriggerMode::Scheduled] {
            assert_eq!(TriggerMode::parse(mode.letter()), Some(mode));
        }
    }
}
