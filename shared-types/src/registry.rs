//! Which registry an image comes from: what credentials are kept under, and what
//! an exec's image is looked up by.

/// The registry of images that name none.
pub const DOCKER_HUB: &str = "docker.io";

/// Splits the registry off a repository. Docker's rule: the first part is one if
/// it could not be part of a path.
#[must_use]
pub fn split(repository: &str) -> (Option<&str>, &str) {
    let is_registry = |first: &str| {
        first.contains(['.', ':'])
            || first == "localhost"
            || first.bytes().any(|b| b.is_ascii_uppercase())
    };
    match repository.split_once('/') {
        Some((first, rest)) if is_registry(first) => (Some(first), rest),
        _ => (None, repository),
    }
}

/// The registry's one spelling: hosts are the same in either case, and Docker
/// Hub has two names.
#[must_use]
pub fn canonical(registry: &str) -> String {
    let host = registry.to_ascii_lowercase();
    if host == "index.docker.io" {
        DOCKER_HUB.to_owned()
    } else {
        host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_part_that_could_be_a_path_is_one() {
        for (repository, registry) in [
            ("busybox", None),
            ("library/busybox", None),
            ("docker.io/library/busybox", Some("docker.io")),
            ("localhost/demo", Some("localhost")),
            ("127.0.0.1:5000/a/b", Some("127.0.0.1:5000")),
            ("Registry/x", Some("Registry")),
            ("a.b", None),
        ] {
            assert_eq!(split(repository).0, registry, "{repository}");
        }
        assert_eq!(split("r.io/a/b").1, "a/b");
    }

    #[test]
    fn one_registry_has_one_spelling() {
        for (given, canonical_form) in [
            ("R.Example.com:5000", "r.example.com:5000"),
            ("index.docker.io", DOCKER_HUB),
            ("docker.io", DOCKER_HUB),
        ] {
            assert_eq!(canonical(given), canonical_form);
        }
    }
}
