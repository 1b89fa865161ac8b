//! Why an exec is where it is: a closed set, so that clients can match on it.

use serde::{Deserialize, Serialize};

/// Who can do something about a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Whoever wrote the job.
    User,
    /// Whoever runs the cluster.
    Platform,
    /// Nobody in particular: there was not enough of something.
    Capacity,
}

impl Owner {
    /// Every owner.
    pub const ALL: [Self; 3] = [Self::User, Self::Platform, Self::Capacity];

    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Platform => "platform",
            Self::Capacity => "capacity",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal $(, $owner:ident: $next:literal)?;)+) => {
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

            /// Who can do something about it, and what; none where nothing is wrong.
            #[must_use]
            pub fn remedy(self) -> Option<(Owner, &'static str)> {
                match self {
                    $($(Self::$name => Some((Owner::$owner, $next)),)?)+
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// The program runs, or ended with exit code 0.
    Completed = "completed";
    /// The program ended with an exit code other than 0.
    ExitCode = "exit_code", User:
        "Read the end of the log: the exit code is the program's own.";
    /// The kernel killed the program for using more memory than its size has.
    Oom = "oom", User:
        "Give the job a larger resource_size, or have the program use less memory.";
    /// A time limit was over.
    Timeout = "timeout", User:
        "Find in the log what took so long, or give the job a longer timeout.";
    /// The image could not be pulled.
    ImagePull = "image_pull", User:
        "Compare the image's name and tag with its registry, and the namespace's credentials for it.";
    /// Kubernetes refused the container's configuration.
    ConfigError = "config_error", User:
        "Correct in the job what the message names, and trigger it again.";
    /// The container was made but its command could not be started.
    StartError = "start_error", User:
        "Check that command or entrypoint names a program of the image; the words of command follow the entrypoint, or else the image's ENTRYPOINT.";
    /// It waited too long to be admitted, or for the cluster to make anything of it.
    QueueTimeout = "queue_timeout", Capacity:
        "Have its region, namespace or job run more at a time, or trigger less.";
    /// Kubernetes refused the pod (quota, admission, pod security).
    PodRefused = "pod_refused", Capacity:
        "Wait for other execs of the namespace to end, or have its quota or policy changed.";
    /// No node had room before the start deadline.
    Unschedulable = "unschedulable", Capacity:
        "Choose a smaller resource_size, or have nodes added, and trigger it again.";
    /// The node refused the pod before anything ran.
    RejectedByNode = "rejected_by_node", Platform:
        "Trigger it again: nothing has run. If it stays so, the node needs its operator.";
    /// The node ran short of something and evicted the pod.
    Evicted = "evicted", Capacity:
        "Trigger it again; if the message names ephemeral storage, have the program write less to its disk.";
    /// The platform ended the pod (preemption, drain, taint).
    Disrupted = "disrupted", Platform:
        "Trigger it again, or set guarantee to at_least_once to have that done.";
    /// The node is gone or silent.
    NodeLost = "node_lost", Platform:
        "Find out what the program has done, which may still run, before it is triggered again.";
    /// The pod is gone and nobody saw how it ended.
    PodVanished = "pod_vanished", Platform:
        "Find out what the program has done before it is triggered again, and who deletes pods.";
    /// The runtime reports an end but not which.
    ExitUnknown = "exit_unknown", Platform:
        "Find out what the program has done before it is triggered again.";
    /// Somebody cancelled the exec.
    CancelledByUser = "cancelled_by_user";
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
        for owner in Owner::ALL {
            assert_eq!(serde_json::json!(owner), owner.as_str());
        }
    }

    #[test]
    fn the_page_of_reasons_has_each_with_its_owner_and_what_to_do() {
        let page = include_str!("../../docs/REASONS.md");
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let told: Vec<Vec<&str>> = rows
            .map(|row| row.split('|').map(str::trim).collect())
            .collect();
        let expected = Reason::ALL.iter().map(|reason| {
            let (owner, next) = match reason.remedy() {
                Some((owner, next)) => (owner.as_str(), next),
                None => ("–", "–"),
            };
            (format!("`{}`", reason.as_str()), owner, next)
        });
        let told = told
            .iter()
            .map(|cells| (cells[1].to_owned(), cells[3], cells[4]));
        assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
