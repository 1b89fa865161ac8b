//! Why an exec is where it is: a closed set, so that clients can match on it.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// The cause of a state, as a word that never changes its meaning. A
        /// `message` for people goes with it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $word)] $name,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word in the database, the API and metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// Reads the word written by [`Self::as_str`].
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// The program runs, or ended with exit code 0.
    Completed = "completed",
    /// The program ended with an exit code other than 0.
    ExitCode = "exit_code",
    /// The kernel killed the program for using more memory than its size has.
    Oom = "oom",
    /// A time limit was over.
    Timeout = "timeout",
    /// The image could not be pulled.
    ImagePull = "image_pull",
    /// Kubernetes refused the container's configuration.
    ConfigError = "config_error",
    /// The container was made but its command could not be started.
    StartError = "start_error",
    /// Kubernetes refused the pod (quota, admission, pod security).
    PodRefused = "pod_refused",
    /// No node had room before the start deadline.
    Unschedulable = "unschedulable",
    /// The node refused the pod before anything ran.
    RejectedByNode = "rejected_by_node",
    /// The node ran short of something and evicted the pod.
    Evicted = "evicted",
    /// The platform ended the pod (preemption, drain, taint).
    Disrupted = "disrupted",
    /// The node is gone or silent.
    NodeLost = "node_lost",
    /// The pod is gone and nobody saw how it ended.
    PodVanished = "pod_vanished",
    /// The runtime reports an end but not which.
    ExitUnknown = "exit_unknown",
    /// Somebody cancelled the exec.
    CancelledByUser = "cancelled_by_user",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_match_serde() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.as_str());
        }
    }
}
