//! Filters and orders of lists, and what is refused.

use reqwest::Url;
use serde_json::{Value, json};

use crate::app::{User, spawn_app};
use crate::shape::results;

async fn names(user: &User<'_>, query: &str) -> Vec<Value> {
    let (status, list) = user.get(&format!("/v1/jobs?{query}")).await;
    assert_eq!(status, 200, "{query}: {list}");
    let names: Vec<_> = results(&list)
        .iter()
        .map(|job| job["name"].clone())
        .collect();
    assert_eq!(list["count"], names.len(), "{query}");
    assert_eq!(list["count_is_exact"], true);
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_by_every_filter_and_order() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    user.job(json!({ "name": "b" })).await;
    let c = json!({ "name": "c", "region_name": "south", "is_schedule_active": true,
                    "schedule_mode": "R/2030-01-01T00:00:00Z/PT1H" });
    let c = user.job(c).await;
    user.job(json!({ "name": "a" })).await;
    // Written with a plus, which a query turns into a space.
    let at = c["created_at"].as_str().unwrap();
    let (after, before) = (
        format!("created_after={at}"),
        format!("created_before={at}"),
    );
    let cases: &[(&str, &[&str])] = &[
        ("", &["a", "c", "b"]),
        ("sort=-created_at&namespace=&unknown=1", &["a", "c", "b"]),
        ("sort=created_at", &["b", "c", "a"]),
        ("sort=name", &["a", "b", "c"]),
        ("sort=-name", &["c", "b", "a"]),
        ("sort=updated_at", &["b", "c", "a"]),
        ("sort=-updated_at", &["a", "c", "b"]),
        ("name=b", &["b"]),
        ("name=B", &[]),
        ("region_name=south", &["c"]),
        ("is_schedule_active=true", &["c"]),
        ("is_schedule_active=False", &["a", "b"]),
        (&after, &["a", "c"]),
        (&before, &["b"]),
        ("name=c&region_name=north", &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(names(&user, query).await, *expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_keep_filter_and_order() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for name in ["a&b", "x", "a&b", "a&b"] {
        user.job(json!({ "name": name })).await;
    }
    for sort in ["created_at", "-name", "name", "updated_at"] {
        let mut path = format!("/v1/jobs?name=a%26b&page_size=1&sort={sort}");
        let mut seen = Vec::new();
        loop {
            let (_, list) = user.get(&path).await;
            assert_eq!(list["count"], 3);
            seen.extend(results(&list).iter().map(|job| job["id"].as_i64().unwrap()));
            let Some(next) = list["next"].as_str() else {
                break;
            };
            next.clone_into(&mut path);
        }
        if sort.starts_with('-') {
            seen.reverse();
        }
        assert_eq!(seen.len(), 3, "{sort}");
        assert!(seen.is_sorted(), "{sort}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn execs_by_every_filter_and_order() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let old = user.exec(&job).await;
    let new = user.exec(&job).await;
    let (old_id, new_id) = (&old["id"], &new["id"]);
    let at = new["created_at"].as_str().unwrap();
    let (after, before) = (
        format!("created_after={at}"),
        format!("created_before={at}"),
    );
    let cases: &[(&str, &[&Value])] = &[
        ("", &[new_id, old_id]),
        ("sort=created_at", &[old_id, new_id]),
        ("status=W", &[new_id, old_id]),
        ("status=R,W", &[new_id, old_id]),
        ("status=R,S,F,C,L", &[]),
        ("trigger_mode=M", &[new_id, old_id]),
        ("trigger_mode=S", &[]),
        ("region_name=north", &[new_id, old_id]),
        ("region_name=south", &[]),
        (&after, &[new_id]),
        (&before, &[old_id]),
    ];
    for (query, expected) in cases {
        let (status, list) = user
            .get(&format!("/v1/jobs/{}/execs?{query}", job["id"]))
            .await;
        assert_eq!(status, 200, "{query}: {list}");
        let ids: Vec<_> = results(&list).iter().map(|exec| &exec["id"]).collect();
        assert_eq!(ids, *expected, "{query}");
        assert_eq!(list["count"], ids.len(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_all_at_once() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await["id"].clone();
    let jobs = "/v1/jobs?name=%00&region_name=a%00&is_schedule_active=2&created_after=x\
                &created_before=1&sort=id&page=0&page_size=x";
    let execs = format!(
        "/v1/jobs/{job}/execs?status=Q&trigger_mode=m&region_name=%00&created_after=-\
         &created_before=2015&sort=name&page_size=0&page=999999999"
    );
    for path in [jobs, &execs] {
        let (status, problem) = user.get(path).await;
        assert_eq!(status, 400, "{problem}");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 8, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_belongs_to_its_list_and_order() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    user.job(json!({})).await;
    user.exec(&job).await;
    user.exec(&job).await;
    let execs = format!("/v1/jobs/{}/execs", job["id"]);
    let mut cursors = Vec::new();
    for path in ["/v1/jobs", &execs] {
        let (_, list) = user.get(&format!("{path}?page_size=1")).await;
        let next: Url = list["next"].as_str().unwrap().parse().unwrap();
        let (_, cursor) = next
            .query_pairs()
            .find(|(name, _)| name == "cursor")
            .unwrap();
        cursors.push((path, cursor.into_owned()));
    }
    for (path, cursor) in &cursors {
        for (own, there) in [("/v1/jobs", "sort=name"), (&*execs, "sort=created_at")] {
            let (status, problem) = user.get(&format!("{own}?{there}&cursor={cursor}")).await;
            assert_eq!(status, 400, "{own}?{there} {cursor}: {problem}");
            assert_eq!(problem["errors"][0]["field"], "cursor");
            let (status, _) = user.get(&format!("{own}?cursor={cursor}")).await;
            assert_eq!(status == 200, own == *path, "{own} {cursor}");
        }
    }
}
