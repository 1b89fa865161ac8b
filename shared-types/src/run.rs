//! How long a run may take, and what follows when it fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a job says of its runs. What it leaves out is the deployment's to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRules {
    /// How long the program may run, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// From SIGTERM to SIGKILL, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period: Option<u32>,
    /// How often a run that failed by its exit code is repeated; `None` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
}

impl RunRules {
    /// How long the program may run, if the job says so.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.map(seconds)
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
