//! The messages on the bus: ids only, because rows are the truth and messages
//! are hints. Variants are added, never changed: two versions of a service
//! talk to each other during every upgrade.

use serde::{Deserialize, Serialize};

use crate::id::{ExecId, JobId};

/// Exchange `escapement.execs`: work for a region's executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ExecMessage {
    /// A new exec waits to be run.
    ExecRequested {
        /// The waiting exec.
        exec_id: ExecId,
    },
    /// New execs wait to be run.
    ExecsRequested {
        /// The waiting execs.
        exec_ids: Vec<ExecId>,
    },
}

/// Exchange `escapement.hints`: something changed, look at your rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Hint {
    /// A cancel was recorded for this exec.
    CancelRequested {
        /// The exec to be ended.
        exec_id: ExecId,
    },
    /// A schedule was created, edited, paused or resumed.
    ScheduleChanged {
        /// The schedule's job.
        job_id: JobId,
    },
    /// An exec moved to another state.
    ExecChanged {
        /// The exec that moved.
        exec_id: ExecId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: &str = "0191e1a0-1234-7000-8000-0000000000ff";

    fn exec_id() -> ExecId {
        EXEC.parse().unwrap()
    }

    #[test]
    fn the_wire_form_never_changes() {
        let exec = ExecMessage::ExecRequested { exec_id: exec_id() };
        let golden = format!(r#"{{"type":"ExecRequested","exec_id":"{EXEC}"}}"#);
        assert_eq!(serde_json::to_string(&exec).unwrap(), golden);
        assert_eq!(serde_json::from_str::<ExecMessage>(&golden).unwrap(), exec);

        let exec_ids = vec![exec_id(), exec_id()];
        let execs = ExecMessage::ExecsRequested { exec_ids };
        let golden = format!(r#"{{"type":"ExecsRequested","exec_ids":["{EXEC}","{EXEC}"]}}"#);
        assert_eq!(serde_json::to_string(&execs).unwrap(), golden);
        assert_eq!(serde_json::from_str::<ExecMessage>(&golden).unwrap(), execs);

        let hints = [
            (
                Hint::CancelRequested { exec_id: exec_id() },
                format!(r#"{{"type":"CancelRequested","exec_id":"{EXEC}"}}"#),
            ),
            (
                Hint::ScheduleChanged { job_id: JobId(146) },
                r#"{"type":"ScheduleChanged","job_id":146}"#.to_owned(),
            ),
            (
                Hint::ExecChanged { exec_id: exec_id() },
                format!(r#"{{"type":"ExecChanged","exec_id":"{EXEC}"}}"#),
            ),
        ];
        for (hint, golden) in hints {
            assert_eq!(serde_json::to_string(&hint).unwrap(), golden);
            assert_eq!(serde_json::from_str::<Hint>(&golden).unwrap(), hint);
        }
    }

    #[test]
    fn an_unknown_field_of_a_newer_version_is_skipped() {
        let newer = format!(r#"{{"type":"ExecRequested","exec_id":"{EXEC}","lane":"low"}}"#);
        assert!(serde_json::from_str::<ExecMessage>(&newer).is_ok());
    }
}
