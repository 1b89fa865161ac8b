//! What a token may do, and what a member of a namespace may do. Both are steps
//! of one ladder, so a request may do what the lower of the two allows.

/// A step of the ladder; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Look at jobs, execs and logs.
    Read,
    /// Trigger, rerun and cancel execs.
    Trigger,
    /// Create, change and delete jobs; delete execs.
    Write,
    /// Members, registries, tokens and the audit log.
    Admin,
}

impl Access {
    /// Every step, lowest first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Trigger, Self::Write, Self::Admin];

    /// The word in the database and in the API, where it is a token's `scope`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trigger => "trigger",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// A member's part in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberRole {
    /// Reads.
    Viewer,
    /// Also writes and triggers.
    Developer,
    /// Also rules who may.
    Admin,
}

impl MemberRole {
    /// Every role, lowest first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Developer, Self::Admin];

    /// The highest step a member of this role reaches.
    #[must_use]
    pub fn access(self) -> Access {
        match self {
            Self::Viewer => Access::Read,
            Self::Developer => Access::Write,
            Self::Admin => Access::Admin,
        }
    }

    /// The word in the database and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_roles_climb() {
        for step in Access::ALL {
            assert_eq!(Access::parse(step.as_str()), Some(step));
        }
        for role in MemberRole::ALL {
            assert_eq!(MemberRole::parse(role.as_str()), Some(role));
        }
        assert!(Access::ALL.is_sorted());
        assert!(MemberRole::ALL.map(MemberRole::access).is_sorted());
    }
}
