//! How long a run may take, and what follows when it fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// What a job says of its runs. What it leaves out is the deployment's to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRules {
    /// How long the program may run, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// From SIGTERM to SIGKILL, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period: Option<u32>,
    /// How often a failed run is repeated; `None` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Which failures of the program are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<Vec<RetryOn>>,
    /// The pause before the first repetition, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_backoff: Option<u32>,
    /// What holds where the platform fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<Guarantee>,
}

/// A failure that is worth another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryOn {
    /// This exit code.
    ExitCode(i32),
    /// Whatever has this reason; one of [`RetryOn::REASONS`].
    Reason(Reason),
}

impl RetryOn {
    /// The reasons for which the program answers itself.
    pub const REASONS: [Reason; 3] = [Reason::ExitCode, Reason::Oom, Reason::Timeout];
}

/// How often a program is started when the platform fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// Not again once it may have started.
    AtMostOnce,
    /// Until its own end is known, which may start it beside itself.
    AtLeastOnce,
}

impl Guarantee {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AtMostOnce, Self::AtLeastOnce];

    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at_most_once",
            Self::AtLeastOnce => "at_least_once",
        }
    }
}

impl RunRules {
    /// How long the program may run, if the job says so.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.map(seconds)
    }

    /// The pause before the first repetition, if the job says so.
    #[must_use]
    pub fn retry_backoff(&self) -> Option<Duration> {
        self.retry_backoff.map(seconds)
    }

    /// What holds where the platform fails: who has a run repeated means that it may be.
    #[must_use]
    pub fn guarantee(&self) -> Guarantee {
        let repeated = self.retries.is_some_and(|retries| retries > 0);
        self.guarantee.unwrap_or(if repeated {
            Guarantee::AtLeastOnce
        } else {
            Guarantee::AtMostOnce
        })
    }

    /// Whether this failure of the program itself is worth another run.
    #[must_use]
    pub fn repeats(&self, reason: Reason, exit_code: Option<i32>) -> bool {
        let Some(causes) = &self.retry_on else {
            return matches!(reason, Reason::ExitCode | Reason::Oom);
        };
        causes.iter().any(|cause| match *cause {
            RetryOn::ExitCode(code) => reason == Reason::ExitCode && exit_code == Some(code),
            RetryOn::Reason(cause) => cause == reason,
        })
    }

    /// From SIGTERM to SIGKILL, if the job says so.
    #[must_use]
    pub fn grace_period(&self) -> Option<Duration> {
        self.grace_period.map(seconds)
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> RunRules {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_repeated() {
        let failures = [
            (Reason::ExitCode, Some(1)),
            (Reason::ExitCode, Some(2)),
            (Reason::Oom, Some(137)),
            (Reason::Timeout, Some(137)),
        ];
        for (json, expected) in [
            ("{}", [true, true, true, false]),
            (r#"{"retry_on": []}"#, [false; 4]),
            (r#"{"retry_on": [1]}"#, [true, false, false, false]),
            (r#"{"retry_on": [137]}"#, [false; 4]),
            (r#"{"retry_on": [2, "oom"]}"#, [false, true, true, false]),
            (
                r#"{"retry_on": ["exit_code", "timeout"]}"#,
                [true, true, false, true],
            ),
        ] {
            let rules = rules(json);
            let repeated = failures.map(|(reason, code)| rules.repeats(reason, code));
            assert_eq!(repeated, expected, "{json}");
        }
    }

    #[test]
    fn who_has_runs_repeated_has_them_at_least_once() {
        use Guarantee::{AtLeastOnce, AtMostOnce};
        for (json, expected) in [
            ("{}", AtMostOnce),
            (r#"{"retries": 0}"#, AtMostOnce),
            (r#"{"retries": 1}"#, AtLeastOnce),
            (r#"{"guarantee": "at_least_once"}"#, AtLeastOnce),
        ] {
            assert_eq!(rules(json).guarantee(), expected, "{json}");
            assert_eq!(
                serde_json::to_string(&rules(json)).unwrap(),
                json.replace(": ", ":")
            );
        }
        for guarantee in Guarantee::ALL {
            assert_eq!(serde_json::json!(guarantee), guarantee.as_str());
        }
    }
}
