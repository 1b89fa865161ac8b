use proptest::prelude::*;

use super::*;

#[test]
fn repositories() {
    for good in [
        "busybox",
        "library/busybox",
        "registry.example.com/chennanfei/job_image",
        "localhost/demo",
        "127.0.0.1:5000/demo",
        "registry:443/a/b__c/d--e.f",
        "Registry.Example.com/x",
    ] {
        assert_eq!(parse_repository(good).unwrap(), good);
    }
    for bad in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "busybox:latest",
        "r.io/x:1",
        "r.io:5000/x:1",
        "A",
        "a b",
        "a..b",
        "a___b",
        "-a",
        "a-",
        "r.io:99999/x",
        "r.io:/x",
        "r..io/x",
        "-r.io/x",
        "x@sha256:00",
        "ä",
        "r.io:+1/x",
    ] {
        assert!(parse_repository(bad).is_err(), "{bad}");
    }
    assert!(
        parse_repository("r.io/x:1")
            .unwrap_err()
            .contains("docker_image_tag")
    );
    assert!(parse_repository(&"a".repeat(256)).is_err());
}

#[test]
fn registries() {
    assert_eq!(parse_registry("R.io:443").unwrap(), "r.io:443");
    assert_eq!(parse_registry("index.docker.io").unwrap(), "docker.io");
    for bad in [
        "",
        "r.io/x",
        "https://r.io",
        "r.io:x",
        "a b",
        &"a".repeat(256),
    ] {
        assert!(parse_registry(bad).is_err(), "{bad}");
    }
}

#[test]
fn tags() {
    for good in ["latest", "1.2.3", "_x", "A-b.C_d", &"a".repeat(128)] {
        assert_eq!(parse_tag(good).unwrap(), good);
    }
    for bad in ["", ".a", "-a", "a:b", "a/b", "a b", "ä", &"a".repeat(129)] {
        assert!(parse_tag(bad).is_err(), "{bad}");
    }
}

fn pinned(repository: &str) -> String {
    format!("{repository}@{}", digest())
}

fn digest() -> String {
    format!("sha256:{}", "0123456789abcdef".repeat(4))
}

#[test]
fn repositories_with_a_digest() {
    for good in [
        &pinned("reg.example.com/app"),
        &pinned("busybox"),
        &pinned(&"a".repeat(255 - 72)),
    ] {
        assert_eq!(parse_repository(good).unwrap(), *good);
    }
    for bad in [
        &pinned("x").to_uppercase(),
        &pinned("x:1"),
        &pinned(""),
        &pinned(&"a".repeat(255)),
        &pinned(&pinned("x")),
        &format!("{}0", pinned("x")),
        &pinned("x").replace("sha256", "sha512"),
        "x@",
    ] {
        assert!(parse_repository(bad).is_err(), "{bad}");
    }
}

#[test]
fn one_digest_names_an_image() {
    assert_eq!(parse_tag_beside(false, &digest()), Ok(digest()));
    assert!(parse_tag_beside(false, "").is_err());
    assert_eq!(parse_tag_beside(true, "1.2"), Ok("1.2".to_owned()));
    assert_eq!(parse_tag_beside(true, ""), Ok(String::new()));
    let why = parse_tag_beside(true, &digest()).unwrap_err();
    assert!(why.contains("docker_image_repo"), "{why}");
    for bad in [
        "sha256:",
        "sha256:0",
        &digest()[..70],
        &digest().replace('a', "g"),
    ] {
        assert!(
            parse_tag(bad)
                .unwrap_err()
                .contains("64 hexadecimal digits"),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn what_passes_is_one_plain_reference(repo in "[a-zA-Z0-9./:_-]{0,40}", word in ".{0,20}") {
        if let (Ok(repo), Ok(tag)) = (parse_repository(&repo), parse_tag(&word)) {
            let reference = format!("{repo}:{tag}");
            prop_assert_eq!(reference.rsplit_once(':'), Some((repo.as_str(), tag.as_str())));
            prop_assert!(!reference.contains("//"));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        let _ = parse_repository(&text);
        let _ = parse_tag(&text);
    }
}
