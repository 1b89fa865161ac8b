//! Names of images and registries, as [`crate::jobs::image`] reads them.

use utoipa::openapi::Object;

use super::pattern;

const HOST_LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";
const PORT: &str = "0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|\
                    655[0-2][0-9]|6553[0-5])";

fn host_and_port() -> String {
    format!(r"{HOST_LABEL}(\.{HOST_LABEL})*(:{PORT})?")
}

/// See [`crate::jobs::image::registry`].
pub fn registry() -> Object {
    let host = format!("^{}$", host_and_port());
    pattern(
        &host,
        255,
        "A registry's host, and its port",
        "registry.example.com:5000",
    )
}

/// See [`crate::jobs::image::repository`]. A first part with a dot is a registry if
/// anything follows it.
pub fn image_repo() -> Object {
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

const TAG: &str = "[A-Za-z0-9_][A-Za-z0-9_.-]*";
const DIGEST: &str = "sha256:[0-9a-f]{64}";

/// See [`crate::jobs::image::tag`].
pub fn image_tag() -> Object {
    let tag = format!("^({TAG}|{DIGEST})$");
    pattern(&tag, 128, "Tag of the image, or its digest", "latest")
}

/// See [`crate::jobs::image::tag_beside`].
pub fn image_tag_or_none() -> Object {
    let tag = format!("^({TAG}|{DIGEST})?$");
    let description =
        "Tag of the image, or its digest; may be empty if `docker_image_repo` has one";
    pattern(&tag, 128, description, "latest")
}
