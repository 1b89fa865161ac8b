//! A log page by page, and the lines that somebody looks for.

use reqwest::Method;
use serde_json::{Value, json};
use shared_types::EventKind;
use store::logs::LogLine;

use crate::app::{TestApp, User, exec_path, read, spawn_app};
use crate::logs::{line, messages, print, tell};

/// An exec of two attempts with these lines each, and the path of its log.
async fn exec_with(app: &TestApp, user: &User<'_>, lines: [Vec<LogLine>; 2]) -> (Value, String) {
    let exec = user.exec(&user.job(json!({})).await).await;
    for (attempt, lines) in (1..).zip(lines) {
        let entries = [
            (attempt, EventKind::Running, 1000, "Start running!"),
            (attempt, EventKind::Ended, 3000, "Failed: exit code 3."),
        ];
        tell(app, &exec, &entries).await;
        print(app, &exec, attempt, lines).await;
    }
    app.database.execute("UPDATE execs SET attempt = 2").await;
    let path = format!("{}/logs", exec_path(&exec));
    (exec, path)
}

/// A page, and the path of the next one.
pub(crate) async fn page(user: &User<'_>, path: &str) -> (Value, Option<String>) {
    let answer = user.request(Method::GET, path).send().await.unwrap();
    let link = answer.headers().get("link").map(|link| {
        let link = link.to_str().unwrap().to_owned();
        let url = link.strip_prefix('<').unwrap();
        let url = url.strip_suffix(">; rel=\"next\"").unwrap();
        url[url.find("/v1/").unwrap()..].to_owned()
    });
    let (status, page) = read(answer).await;
    assert_eq!(status, 200, "{page}");
    (page, link)
}

/// All pages until one has no lines; the exec has not ended, so each leads to a next.
async fn pages(user: &User<'_>, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut path = path.to_owned();
    loop {
        let (page, next) = page(user, &path).await;
        let lines: Vec<_> = messages(&page).into_iter().map(str::to_owned).collect();
        if lines.is_empty() {
            return pages;
        }
        pages.push(lines);
        path = next.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_to_the_whole_log() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let lines = ["a", "b", "c"].map(|text| line(2000, text.as_bytes()));
    let (exec, path) = exec_with(&app, &user, [lines.to_vec(), lines.to_vec()]).await;
    let (_, whole) = user.get(&path).await;
    let whole = messages(&whole);
    for limit in 1..=11 {
        let pages = pages(&user, &format!("{path}?limit={limit}")).await;
        assert_eq!(pages.concat(), whole, "{limit}");
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit));
        let last = self::pages(&user, &format!("{path}?limit={limit}&tail=4")).await;
        assert_eq!(last.concat(), whole[6..], "{limit}");
    }
    // What comes later is on the next page, also where it reads before what was shown.
    let (_, next) = page(&user, &format!("{path}?limit=100")).await;
    tell(&app, &exec, &[(2, EventKind::Pulling, 500, "pulling")]).await;
    print(&app, &exec, 3, vec![line(4000, b"d")]).await;
    let (late, _) = page(&user, &next.unwrap()).await;
    assert_eq!(messages(&late), ["pulling", "d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_long_lines_ends_early() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let lines: Vec<_> = (0..12).map(|_| line(2000, &vec![b'x'; 200_000])).collect();
    let (_, path) = exec_with(&app, &user, [lines, Vec::new()]).await;
    let pages = pages(&user, &format!("{path}?limit=10000")).await;
    let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!(lengths.iter().sum::<usize>(), 12 + 4);
    assert!(lengths.len() >= 2, "{lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rare_line_is_found_however_long_the_log_is() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    // More than one page looks at.
    let mut lines: Vec<_> = (0..180).map(|_| line(2000, &vec![b'x'; 200_000])).collect();
    lines.push(line(2000, b"the needle"));
    let (_, path) = exec_with(&app, &user, [lines, Vec::new()]).await;
    let (nothing, next) = page(&user, &format!("{path}?limit=5&q=needle")).await;
    assert_eq!(messages(&nothing), [""; 0]);
    let (found, _) = page(&user, &next.expect("there is more to look at")).await;
    assert_eq!(messages(&found), ["the needle"]);
    for query in ["q=needle", "q=needle&tail=3", "regex=n.*le$"] {
        let (_, found) = user.get(&format!("{path}?{query}")).await;
        assert_eq!(messages(&found), ["the needle"], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_chosen_by_what_is_in_them() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let lines = ["Error: a.b", "\x1b[31merror\x1b[0m: axb", "fine"];
    let lines = lines.map(|text| line(2000, text.as_bytes()));
    let (_, path) = exec_with(&app, &user, [lines.to_vec(), Vec::new()]).await;
    let red = "\u{1b}[31merror\u{1b}[0m: axb";
    for (query, expected) in [
        ("q=a.b", vec!["Error: a.b"]),
        ("regex=a.b", vec!["Error: a.b", red]),
        ("regex=(?i)^error&attempt=1", vec!["Error: a.b"]),
        ("q=error&ansi=strip", vec!["error: axb"]),
        ("regex=^Failed&attempt=1", vec!["Failed: exit code 3."]),
        ("platform=false", vec!["Error: a.b", red, "fine"]),
        ("platform=false&tail=1&ansi=keep", vec!["fine"]),
        (
            "platform=true&attempt=2",
            vec!["Start running!", "Failed: exit code 3."],
        ),
        ("q=nothing", vec![]),
    ] {
        let (status, found) = user.get(&format!("{path}?{query}")).await;
        assert_eq!(status, 200, "{query}: {found}");
        assert_eq!(messages(&found), expected, "{query}");
    }
    let bad = "regex=a(&limit=10001&cursor=x&ansi=no&platform=1";
    let (status, problem) = user.get(&format!("{path}?{bad}")).await;
    assert_eq!(status, 400, "{problem}");
    let errors = problem["errors"].as_array().unwrap();
    let fields = errors.iter().map(|error| error["field"].as_str().unwrap());
    let fields: Vec<_> = fields.collect();
    assert_eq!(fields, ["regex", "platform", "limit", "cursor", "ansi"]);
}
