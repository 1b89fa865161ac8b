//! What an exec runs: a snapshot of its job taken when it was triggered, so
//! that a later edit of the job does not change it.

mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::SecretId;
use crate::registry::{self, DOCKER_HUB};
use crate::run::RunRules;

/// How the names of the variables begin that tell a program of its run. No job may have
/// one of its own.
pub const RESERVED_VARIABLES: &str = "ESCAPEMENT_";

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// A quote was opened and never closed.
    #[error("a quote is opened but not closed; close it, or send a JSON array of words")]
    UnclosedQuote,
    /// The last backslash has nothing after it.
    #[error("ends with a backslash that escapes nothing; write two for one")]
    NothingEscaped,
    /// Too long for a container's arguments.
    #[error("is longer than {limit} bytes", limit = Command::MAX_BYTES)]
    TooLong,
    /// Too many of them.
    #[error("has more than {limit} words", limit = Command::MAX_WORDS)]
    TooMany,
    /// A NUL byte cannot be passed to a program.
    #[error("contains a NUL character, which no program can be given")]
    Nul,
}

/// The words a container's program is started with, Docker's meaning: they
/// follow the image's ENTRYPOINT, or are the program if it has none.
///
/// A text is split as a POSIX shell splits words (quotes and backslashes; no
/// shell runs, nothing is expanded and `#` begins no comment). It is shown as it
/// was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// One text, as the 2015 API sends it.
    Text(String),
    /// The words themselves.
    Words(Vec<String>),
}

impl Command {
    /// Limit of all words together; Linux allows 128 KiB for one argument.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Limit of the number of words: each costs memory, also an empty one.
    pub const MAX_WORDS: usize = 4096;

    /// Checks that the command can be passed to a program.
    pub fn check(&self) -> Result<(), CommandError> {
        match self {
            Self::Text(text) if text.contains('\0') => Err(CommandError::Nul),
            Self::Text(text) if text.len() > Self::MAX_BYTES => Err(CommandError::TooLong),
            Self::Text(text) => Self::check_words(&words::split(text)?),
            Self::Words(words) => Self::check_words(words),
        }
    }

    /// Checks that words can be passed to a program.
    pub fn check_words(words: &[String]) -> Result<(), CommandError> {
        if words.iter().any(|word| word.contains('\0')) {
            return Err(CommandError::Nul);
        }
        if words.iter().map(String::len).sum::<usize>() > Self::MAX_BYTES {
            return Err(CommandError::TooLong);
        }
        if words.len() > Self::MAX_WORDS {
            return Err(CommandError::TooMany);
        }
        Ok(())
    }

    /// The container's args. Empty means the image's own CMD.
    pub fn args(&self) -> Result<Vec<String>, CommandError> {
        match self {
            Self::Text(text) => words::split(text),
            Self::Words(words) => Ok(words.clone()),
        }
    }
}

/// Everything the executor needs to run one exec; stored with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSpec {
    /// What is started, in place of the image's ENTRYPOINT and CMD; with none of these words
    /// the image's own are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Words that follow it.
    pub command: Command,
    /// Image repository, without tag; may name one image in it: `…@sha256:<64 hex>`.
    pub image_repo: String,
    /// Image tag, or `sha256:<64 hex>` in its place. May be empty if the
    /// repository names the image.
    pub image_tag: String,
    /// Name of a size of this deployment.
    pub size: String,
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// Environment variables whose values are sealed; none is in `vars` too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_vars: BTreeMap<String, SecretId>,
    /// Whether its program, which is the entrypoint, proves that its output was read to the end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub log_proof: bool,
    /// How long it may run, and what follows when it fails.
    #[serde(flatten)]
    pub rules: RunRules,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl ExecSpec {
    /// The image's full reference: `repository:tag`, `repository@digest`, or both.
    #[must_use]
    pub fn image(&self) -> String {
        let (repo, tag) = (&self.image_repo, &self.image_tag);
        match repo.split_once('@') {
            Some(_) if tag.is_empty() => repo.clone(),
            Some((repo, digest)) => format!("{repo}:{tag}@{digest}"),
            // A tag has no colon.
            None if tag.contains(':') => format!("{repo}@{tag}"),
            None => format!("{repo}:{tag}"),
        }
    }

    /// The registry the image comes from, in its one spelling.
    #[must_use]
    pub fn registry(&self) -> String {
        registry::canonical(registry::split(&self.image_repo).0.unwrap_or(DOCKER_HUB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_run_is_refused() {
        let text = |text: &str| Command::Text(text.to_owned()).check();
        assert_eq!(text("sh -c 'oops"), Err(CommandError::UnclosedQuote));
        assert_eq!(text("oops\\"), Err(CommandError::NothingEscaped));
        assert_eq!(text("a\0b"), Err(CommandError::Nul));
        assert_eq!(text(&"x".repeat(65 * 1024)), Err(CommandError::TooLong));
        let words = |count| Command::Words(vec![String::new(); count]).check();
        assert_eq!(words(4096), Ok(()));
        assert_eq!(words(4097), Err(CommandError::TooMany));
        assert_eq!(text(&"a ".repeat(4097)), Err(CommandError::TooMany));
        let words = Command::Words(vec!["a\0".to_owned()]);
        assert_eq!(words.check(), Err(CommandError::Nul));
    }

    #[test]
    fn an_image_is_named_by_tag_or_digest_or_both() {
        let json = r#"{"command":"a","image_repo":"i","image_tag":"t","size":"S","vars":{}}"#;
        let mut spec: ExecSpec = serde_json::from_str(json).unwrap();
        for (repo, tag, image) in [
            ("r.io:5000/i", "1", "r.io:5000/i:1"),
            ("i", "sha256:ab", "i@sha256:ab"),
            ("r.io/i@sha256:ab", "", "r.io/i@sha256:ab"),
            ("r.io/i@sha256:ab", "1", "r.io/i:1@sha256:ab"),
        ] {
            (spec.image_repo, spec.image_tag) = (repo.to_owned(), tag.to_owned());
            assert_eq!(spec.image(), image);
        }
        assert_eq!(spec.registry(), "r.io");
    }

    #[test]
    fn a_spec_of_the_first_version_is_read() {
        let json = r#"{"command":"a","image_repo":"i","image_tag":"t","size":"S","vars":{}}"#;
        let spec: ExecSpec = serde_json::from_str(json).unwrap();
        assert!(spec.secret_vars.is_empty());
        assert_eq!(spec.rules, RunRules::default());
        assert_eq!(serde_json::to_string(&spec).unwrap(), json);
    }

    #[test]
    fn a_command_is_stored_as_it_was_given() {
        for json in [r#""bash -l""#, r#"["bash","-l"]"#] {
            let command: Command = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&command).unwrap(), json);
        }
    }
}
