//! Why an image could not be pulled, in words of our own. The node asks whom a tenant
//! names, so what it is answered would let a tenant look around in the node's network;
//! the operator's log has it.

use std::time::Duration;

use crate::config::Limits;

/// The closed set of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullFailure {
    /// It can never be pulled by that reference, here.
    Invalid,
    /// The registry answered that there is no such image.
    NotFound,
    /// The registry answered that it is not for us.
    Denied,
    /// There is an image, and not for this kind of node.
    Platform,
    /// The registry has had too many requests.
    Busy,
    /// The node has no room.
    NodeFull,
    /// Whoever was asked did not answer as a registry does.
    Unanswered,
}

impl PullFailure {
    /// Reads containerd's and the kubelet's words about an image.
    pub fn of(said: &str, image: Option<&str>) -> Self {
        const WORDS: [(PullFailure, &[&str]); 6] = [
            (PullFailure::Invalid, &["invalid reference format"]),
            (PullFailure::Busy, &["too many requests", "toomanyrequests"]),
            (PullFailure::Platform, &["no match for platform"]),
            (
                PullFailure::NodeFull,
                &["no space left", "disk quota exceeded"],
            ),
            (
                PullFailure::Denied,
                &[
                    "unauthorized",
                    "access denied",
                    "forbidden",
                    "insufficient_scope",
                ],
            ),
            (
                PullFailure::NotFound,
                &[
                    "not found",
                    "notfound",
                    "manifest unknown",
                    "does not exist",
                ],
            ),
        ];
        // A tenant names images and tags, of which addresses are made.
        let is_named =
            |word: &str| word.contains('/') || image.is_some_and(|image| word.contains(image));
        let said: Vec<_> = said
            .split_whitespace()
            .filter(|word| !is_named(word))
            .collect();
        let said = said.join(" ").to_ascii_lowercase();
        WORDS
            .iter()
            .find(|(_, words)| words.iter().any(|word| said.contains(word)))
            .map_or(Self::Unanswered, |(failure, _)| *failure)
    }

    /// How long it is tried again.
    pub fn patience(self, limits: &Limits) -> Duration {
        match self {
            Self::Invalid => Duration::ZERO,
            // Registries are not always of one mind right after a push.
            Self::NotFound | Self::Denied | Self::Platform => limits.pull_not_found_grace,
            Self::Busy | Self::NodeFull | Self::Unanswered => limits.pull_deadline,
        }
    }

    /// The reason in a sentence, for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::Invalid => "no node can ever pull it by that name",
            Self::NotFound => "its registry has no such image, or does not show it to us",
            Self::Denied => {
                "its registry refuses it to the credentials it was asked with, or without any"
            }
            Self::Platform => "there is no variant of it for the nodes of this region",
            Self::Busy => "its registry answers too many requests",
            Self::NodeFull => "the node has no room for it",
            Self::Unanswered => "nobody answered as a registry that the node trusts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_say_is_told_in_our_words() {
        for (said, expected) in [
            (
                "rpc error: code = NotFound desc = failed to resolve reference \"r/i:t\": r/i:t: \
                 not found",
                PullFailure::NotFound,
            ),
            (
                "failed to authorize: failed to fetch oauth token: unexpected status: 401 \
                 Unauthorized",
                PullFailure::Denied,
            ),
            (
                "pull access denied, repository does not exist or may require authorization",
                PullFailure::Denied,
            ),
            ("429 Too Many Requests", PullFailure::Busy),
            (
                "no match for platform in manifest: not found",
                PullFailure::Platform,
            ),
            (
                "failed to extract layer: write: no space left on device",
                PullFailure::NodeFull,
            ),
            ("invalid reference format", PullFailure::Invalid),
            (
                "http: server gave HTTP response: malformed HTTP response \"AMQP\\x00\\x00\\t\\x01\"",
                PullFailure::Unanswered,
            ),
            (
                "dial tcp 127.0.0.1:1: connect: connection refused",
                PullFailure::Unanswered,
            ),
            ("EOF", PullFailure::Unanswered),
            (
                "x509: cannot validate certificate for 169.254.169.254 because it doesn't contain \
                 any IP SANs",
                PullFailure::Unanswered,
            ),
        ] {
            assert_eq!(PullFailure::of(said, Some("r/i:t")), expected, "{said}");
        }
    }

    #[test]
    fn the_name_of_an_image_is_not_taken_for_what_its_registry_says() {
        for (said, image) in [
            (
                "Back-off pulling image \"forbidden:t\": ErrImagePull: EOF",
                "forbidden:t",
            ),
            (
                "failed to do request: Head \"https://r/v2/i/manifests/unauthorized\": EOF",
                "r/i:unauthorized",
            ),
            (
                "failed to resolve reference \"docker.io/library/notfound:t\": EOF",
                "notfound:t",
            ),
        ] {
            assert_eq!(
                PullFailure::of(said, Some(image)),
                PullFailure::Unanswered,
                "{said}"
            );
        }
    }
}
