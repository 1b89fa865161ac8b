//! Names of container images, by the grammar of the OCI distribution
//! reference: what a node could never pull is refused before it is stored.

use shared_types::registry;
use utoipa::openapi::Object;

use crate::openapi::types::pattern;
use crate::read::rule::Rule;

const HOST_LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";
const PORT: &str = "0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|\
                    655[0-2][0-9]|6553[0-5])";
const TAG: &str = "[A-Za-z0-9_][A-Za-z0-9_.-]*";
const DIGEST: &str = "sha256:[0-9a-f]{64}";

fn host_and_port() -> String {
    format!(r"{HOST_LABEL}(\.{HOST_LABEL})*(:{PORT})?")
}

/// A registry's host, and its port.
pub fn registry_schema() -> Object {
    let host = format!("^{}$", host_and_port());
    pattern(
        &host,
        255,
        "A registry's host, and its port",
        "registry.example.com:5000",
    )
}

/// The repository of an image.
pub fn repository() -> Rule<'static, String> {
    Rule::text(repository_schema, parse_repository)
}

/// A first part with a dot is a registry if anything follows it.
fn repository_schema() -> Object {
    const PART: &str = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*";
    const PART_WITHOUT_DOT: &str = "[a-z0-9]+((__?|-+)[a-z0-9]+)*";
    let registry = host_and_port();
    let mut schema = pattern(
        &format!("^(({registry}|{PART_WITHOUT_DOT})/{PART}(/{PART})*|{PART})(@{DIGEST})?$"),
        255,
        "Repository of the image, without a tag; may pin one image by its digest",
        "registry.example.com/chennanfei/job_image",
    );
    schema.min_length = Some(1);
    schema
}

/// The tag of an image.
pub fn tag() -> Rule<'static, String> {
    Rule::text(tag_schema, parse_tag)
}

fn tag_schema() -> Object {
    let tag = format!("^({TAG}|{DIGEST})$");
    pattern(&tag, 128, "Tag of the image, or its digest", "latest")
}

/// The tag of a job's image. Where the repository is `pinned` by a digest, there
/// need be none, and one that is there only tells people something.
pub fn tag_beside(pinned: bool) -> Rule<'static, String> {
    let schema = || {
        let tag = format!("^({TAG}|{DIGEST})?$");
        let description =
            "Tag of the image, or its digest; may be empty if `docker_image_repo` has one";
        pattern(&tag, 128, description, "latest")
    };
    Rule::text(schema, move |text| parse_tag_beside(pinned, text))
}

/// Reads a repository: an optional registry with port, a path, and optionally
/// the digest of one image in it.
fn parse_repository(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 255 {
        return Err("must be 1 to 255 characters".to_owned());
    }
    let parts = text.split_once('@');
    let (repository, digest) = parts.map_or((text, None), |(path, digest)| (path, Some(digest)));
    if !digest.is_none_or(is_digest) {
        return Err(format!("has after the \"@\" {NO_DIGEST}"));
    }
    let (registry, path) = registry::split(repository);
    if path.contains(':') {
        return Err("must not contain a tag; send it as docker_image_tag".to_owned());
    }
    if !path.split('/').all(is_path_component) || !registry.is_none_or(is_host_and_port) {
        return Err(
            "is not an image repository such as registry.example.com/team/image; \
                    its path is of lower-case letters, digits and single separators"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// Reads a registry into its one spelling.
pub fn parse_registry(text: &str) -> Result<String, String> {
    if text.len() <= 255 && is_host_and_port(text) {
        Ok(registry::canonical(text))
    } else {
        Err("is not a registry such as docker.io or registry.example.com:5000".to_owned())
    }
}

/// What is said of a digest of another form.
const NO_DIGEST: &str = "no digest, which is \"sha256:\" and 64 hexadecimal digits in lower case";

fn parse_tag_beside(pinned: bool, text: &str) -> Result<String, String> {
    match text {
        "" if pinned => Ok(String::new()),
        _ if pinned && text.contains(':') => {
            Err("must not be a digest too; docker_image_repo has one".to_owned())
        }
        _ => parse_tag(text),
    }
}

/// Reads a tag, or the digest that is in its place.
fn parse_tag(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return if is_digest(text) {
            Ok(text.to_owned())
        } else {
            Err(format!("is no tag, which has no \":\", and {NO_DIGEST}"))
        };
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let valid = (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(is_word)
        && text
            .bytes()
            .all(|byte| is_word(byte) || b".-".contains(&byte));
    if valid {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 128 letters, digits, \"_\", \".\" or \"-\", \
             and not begin with \".\" or \"-\""
            .to_owned())
    }
}

fn is_digest(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_hex))
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Runs of `[a-z0-9]` joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && text.split(is_word).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.chars().all(|c| c == '-')
        })
}

#[cfg(test)]
mod tests;
