//! docs/METRICS.md names the metrics of the code, all of them and no others; alerts ask for
//! metrics that there are, and the runbook has an entry for each.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Metric and kind.
type Metrics = BTreeMap<String, String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The rows of the page's tables.
fn listed() -> Metrics {
    let page = fs::read_to_string(root().join("docs/METRICS.md")).unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `escapement_"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap().trim_end_matches('`');
        (
            format!("escapement_{name}"),
            cells.next().unwrap().to_owned(),
        )
    })
    .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What the services record: names behind `counter!(`, `gauge!(` and `histogram!(`, or
/// behind functions of these names.
fn recorded() -> Metrics {
    let mut files = Vec::new();
    for package in [
        "api-gateway",
        "bus",
        "chassis",
        "cluster",
        "executor-svc",
        "log-svc",
        "scheduler-svc",
        "store",
    ] {
        sources(&root().join(package).join("src"), &mut files);
    }
    let mut metrics = Metrics::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("\"escapement_") {
            let before = text[..at].trim_end();
            let called = |kind: &&str| {
                before.ends_with(&format!("{kind}!(")) || before.ends_with(&format!("{kind}("))
            };
            let Some(kind) = ["counter", "gauge", "histogram"].into_iter().find(called) else {
                continue;
            };
            let name = text[at + 1..].split('"').next().unwrap();
            let earlier = metrics.insert(name.to_owned(), kind.to_owned());
            assert!(
                earlier.is_none_or(|earlier| earlier == kind),
                "{name} is of two kinds"
            );
        }
    }
    metrics
}

#[test]
fn the_page_lists_what_is_recorded() {
    let recorded = recorded();
    assert!(recorded.len() > 30, "{recorded:?}");
    assert_eq!(listed(), recorded);
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for (name, kind) in listed() {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
    }
}

fn asks_for_listed(text: &str) {
    let listed = listed();
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let mut asked = 0;
    for (at, _) in text.match_indices("escapement_") {
        let name = text[at..].split(|c| !is_part(c)).next().unwrap();
        let mut suffixes = ["_bucket", "_sum", "_count"].into_iter();
        let family = suffixes.find_map(|suffix| name.strip_suffix(suffix));
        let family = family.unwrap_or(name);
        assert!(listed.contains_key(family), "{name} is no metric");
        asked += 1;
    }
    assert!(asked > 10, "{asked}");
}

#[test]
fn the_dashboard_asks_for_listed_metrics() {
    let path = "deploy/helm/escapement/dashboards/escapement.json";
    let text = fs::read_to_string(root().join(path)).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    asks_for_listed(&text);
}

#[test]
fn alerts_ask_for_listed_metrics_and_have_an_entry_in_the_runbook() {
    let chart = root().join("deploy/helm/escapement");
    let rules = fs::read_to_string(chart.join("prometheus/rules.yml")).unwrap();
    asks_for_listed(&rules);
    let names = |text: &str, before: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim);
        lines
            .filter_map(|line| line.strip_prefix(before))
            .map(str::to_owned)
            .collect()
    };
    let runbook = fs::read_to_string(root().join("docs/RUNBOOK.md")).unwrap();
    assert_eq!(names(&rules, "- alert: "), names(&runbook, "## "));
}
