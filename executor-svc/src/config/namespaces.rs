//! What differs by namespace: how much it may run at a time, and how long its past is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// `[admission]`: how many execs may have a Job at a time, and whose come first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionConfig {
    /// Execs of the region.
    pub max_running: usize,
    /// What each namespace has.
    #[serde(default)]
    pub namespace: NamespaceShare,
    /// What these have instead.
    #[serde(default)]
    pub namespaces: BTreeMap<String, NamespaceShare>,
}

impl AdmissionConfig {
    /// What a namespace has.
    #[must_use]
    pub fn share(&self, namespace: &str) -> &NamespaceShare {
        self.namespaces.get(namespace).unwrap_or(&self.namespace)
    }
}

/// A namespace's part of a region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceShare {
    /// Execs that may have a Job at a time; without, as many as the region.
    pub max_running: Option<usize>,
    /// Execs that may begin in a minute, of which the starts of ten seconds at once;
    /// without, any number.
    pub starts_per_minute: Option<u32>,
    /// How many places it gets for each that a namespace of weight 1 gets, while both have
    /// execs that wait.
    pub weight: u32,
}

impl Default for NamespaceShare {
    fn default() -> Self {
        Self {
            max_running: None,
            starts_per_minute: None,
            weight: 1,
        }
    }
}

/// `[retention]`: how long the past is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    /// How often what is old is looked for.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How long what was deleted can still be found in the database, and how long an exec is
    /// kept after its end in any case.
    #[serde(with = "humantime_serde")]
    pub deleted_for: Duration,
    /// How long a token is kept that was revoked or has expired.
    #[serde(with = "humantime_serde")]
    pub tokens_for: Duration,
    /// What each namespace has.
    #[serde(default)]
    pub namespace: Kept,
    /// What these have instead.
    #[serde(default)]
    pub namespaces: BTreeMap<String, Kept>,
}

impl RetentionConfig {
    /// What a namespace has.
    #[must_use]
    pub fn kept(&self, namespace: &str) -> Kept {
        self.namespaces
            .get(namespace)
            .copied()
            .unwrap_or(self.namespace)
    }
}

/// How much of the past of a namespace is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kept {
    /// Days since an exec was triggered, or an instant planned; without, for ever.
    pub days: Option<u32>,
    /// Days since a log was stored to its end; without, as long as its exec.
    pub log_days: Option<u32>,
    /// Execs; the oldest go first. Without, any number.
    pub execs: Option<u32>,
}
