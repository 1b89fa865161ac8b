//! The document and its page, which anybody may read.

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::app::{TestApp, spawn_app};

async fn get(app: &TestApp, path: &str) -> Response {
    app.client.get(app.url(path)).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_as_it_is_checked_in() {
    let app = spawn_app().await;
    let answer = get(&app, "/openapi.json").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(
        answer.text().await.unwrap(),
        include_str!("../../openapi.json")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_from_here_only() {
    let app = spawn_app().await;
    for path in ["/docs", "/docs/"] {
        let answer = get(&app, path).await;
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        let page = answer.text().await.unwrap();
        let links = page.split('"').filter(|text| text.starts_with("/docs/"));
        let mut seen = 0;
        for link in links {
            let file = get(&app, link).await;
            assert_eq!(file.status(), StatusCode::OK, "{link}");
            seen += 1;
        }
        assert_eq!(seen, 5);
        assert!(!page.contains("//"), "{page}");
    }
    let script = get(&app, "/docs/swagger-initializer.js").await;
    assert!(script.text().await.unwrap().contains("/openapi.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_does_not_exist() {
    let app = spawn_app().await;
    for path in ["/docs/x", "/docs/..%2Fmain.rs"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], 404);
    }
}
