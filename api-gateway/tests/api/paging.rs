//! Lists of many pages.

use serde_json::{Value, json};

use crate::app::{NO_BROKER, User, spawn_app, spawn_app_with};
use crate::shape::results;

fn ids(list: &Value) -> Vec<Value> {
    results(list).iter().map(|row| row["id"].clone()).collect()
}

/// Follows `direction` from `path` to the end of the list.
async fn walk(user: &User<'_>, path: &str, direction: &str) -> Vec<Value> {
    let mut pages = vec![user.get(path).await.1];
    while let Some(link) = pages.last().unwrap()[direction].as_str().map(str::to_owned) {
        let (status, page) = user.get(&link).await;
        assert_eq!(status, 200, "{page}");
        pages.push(page);
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_five_execs_there_and_back() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let (job, other) = (user.job(json!({})).await, user.job(json!({})).await);
    user.exec(&other).await;
    let mut newest_first = Vec::new();
    for _ in 0..45 {
        newest_first.insert(0, user.exec(&job).await["id"].clone());
    }
    let path = format!("/v1/jobs/{}/execs", job["id"]);
    let pages = walk(&user, &path, "next").await;
    let sizes: Vec<_> = pages.iter().map(|page| ids(page).len()).collect();
    assert_eq!(sizes, [20, 20, 5]);
    assert!(pages.iter().all(|page| page["count"] == 45));
    assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), newest_first);
    assert_eq!(pages[0]["previous"], json!(null));

    let back = walk(&user, pages[1]["next"].as_str().unwrap(), "previous").await;
    let back: Vec<_> = back.iter().map(ids).collect();
    let there: Vec<_> = pages.iter().rev().map(ids).collect();
    assert_eq!(back, there);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_arrive_meanwhile_shift_nothing() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let path = format!("/v1/jobs/{}/execs?page_size=2", job["id"]);
    for _ in 0..4 {
        user.exec(&job).await;
    }
    let (_, first) = user.get(&path).await;
    user.exec(&job).await;
    let (_, second) = user.get(first["next"].as_str().unwrap()).await;
    assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)));
    assert_eq!((second["count"].as_i64(), ids(&second).len()), (Some(5), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_by_page_number_and_size() {
    let app = spawn_app().await;
    let (user, other) = (app.user("me").await, app.user("other").await);
    other.job(json!({})).await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, user.job(json!({})).await["id"].clone());
    }
    let (_, page) = user.get("/v1/jobs?namespace=me&page=2&page_size=2").await;
    assert_eq!(page["count"], 5);
    assert_eq!(ids(&page), newest_first[2..4]);
    let (_, next) = user.get(page["next"].as_str().unwrap()).await;
    assert_eq!(
        (ids(&next), &next["next"]),
        (newest_first[4..].to_vec(), &json!(null))
    );
    let (_, previous) = user.get(page["previous"].as_str().unwrap()).await;
    assert_eq!(
        (ids(&previous), &previous["previous"]),
        (newest_first[..2].to_vec(), &json!(null))
    );
    let (status, past) = user.get("/v1/jobs?page=9").await;
    assert_eq!(
        (status.as_u16(), ids(&past).len(), &past["count"]),
        (200, 0, &json!(5))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_where_the_deployment_says() {
    let app = spawn_app_with(&[
        ("ESCAPEMENT__BROKER__URL", NO_BROKER),
        (
            "ESCAPEMENT__API__PUBLIC_URL",
            "https://jobs.example.com/api/",
        ),
    ])
    .await;
    let user = app.user("me").await;
    user.job(json!({})).await;
    user.job(json!({})).await;
    let (_, page) = user.get("/v1/jobs/?page=1&page_size=1&namespace=me").await;
    let next = page["next"].as_str().unwrap();
    let expected =
        "https://jobs.example.com/api/v1/jobs?page_size=1&namespace=me&cursor=after.-created_at.";
    assert!(next.starts_with(expected), "{next}");
}
