//! What one client may ask, and that others do not feel it.

mod operators;

use reqwest::{Method, Response};
use serde_json::json;

use crate::app::{TestApp, User, read, spawn_app_with};

/// Once, and then not again during a test.
const HOUR: &str = "1h";

async fn limited(limit: &str, burst: &str, more: &[(&str, &str)]) -> TestApp {
    let (burst_name, every_name) = (
        format!("ESCAPEMENT__LIMITS__{limit}__BURST"),
        format!("ESCAPEMENT__LIMITS__{limit}__EVERY"),
    );
    let mut variables = vec![(burst_name.as_str(), burst), (every_name.as_str(), HOUR)];
    variables.extend(more);
    spawn_app_with(&variables).await
}

async fn from(app: &TestApp, address: &str, token: &str) -> Response {
    let request = app.client.get(app.url("/v1/jobs"));
    let request = request.header("x-forwarded-for", address);
    let request = request.header("authorization", format!("Token {token}"));
    request.send().await.unwrap()
}

async fn assert_refused(response: Response, what: &str) {
    let headers = response.headers().clone();
    let (status, problem) = read(response).await;
    assert_eq!(status, 429, "{problem}");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(problem["type"], "urn:escapement:problem:too-many-requests");
    assert!(
        problem["detail"].as_str().unwrap().contains(what),
        "{problem}"
    );
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
}

async fn get(user: &User<'_>) -> Response {
    user.send(Method::GET, "/v1/jobs", None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_requests_and_not_those_of_others() {
    let app = limited("ADDRESS", "2", &[("ESCAPEMENT__API__TRUSTED_PROXIES", "1")]).await;
    let user = app.user("me").await;
    for status in [200, 200] {
        assert_eq!(from(&app, "1.1.1.1", &user.token).await.status(), status);
    }
    // What stands to the left the client has made up.
    let again = from(&app, "9.9.9.9, 1.1.1.1", &user.token).await;
    assert_refused(again, "requests from this address").await;
    assert_eq!(from(&app, "2.2.2.2", &user.token).await.status(), 200);
    for host in 1..=2 {
        let address = format!("2001:db8::{host}");
        assert_eq!(from(&app, &address, &user.token).await.status(), 200);
    }
    let neighbour = from(&app, "2001:db8::3", &user.token).await;
    assert_eq!(neighbour.status(), 429, "a /64 is one client");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_proxy_no_header_makes_another_client() {
    let app = limited("ADDRESS", "1", &[]).await;
    let user = app.user("me").await;
    assert_eq!(from(&app, "1.1.1.1", &user.token).await.status(), 200);
    assert_eq!(from(&app, "2.2.2.2", &user.token).await.status(), 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_its_requests() {
    let app = limited("TOKEN", "2", &[]).await;
    let (one, other) = (app.user("one").await, app.user("other").await);
    for _ in 0..2 {
        assert_eq!(get(&one).await.status(), 200);
    }
    assert_refused(get(&one).await, "requests with this token").await;
    assert_eq!(get(&other).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_is_soon_not_listened_to() {
    let app = limited(
        "FAILED_AUTHENTICATION",
        "3",
        &[("ESCAPEMENT__API__TRUSTED_PROXIES", "1")],
    )
    .await;
    let user = app.user("me").await;
    for guess in ["0", "1", "2"] {
        let answer = from(&app, "6.6.6.6", &guess.repeat(40)).await;
        assert_eq!(answer.status(), 401);
    }
    // Nobody may read the tokens, so an answer proves that nobody did.
    let blocker = app.database.lock("tokens").await;
    let answer = from(&app, "6.6.6.6", &"3".repeat(40)).await;
    let what = "requests without a valid token from this address";
    assert_refused(answer, what).await;
    drop(blocker);
    assert_eq!(from(&app, "1.1.1.1", &user.token).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_tokens_are_no_failures() {
    let app = limited("FAILED_AUTHENTICATION", "1", &[]).await;
    let user = app.user("me").await;
    for _ in 0..5 {
        assert_eq!(get(&user).await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_believe_no_header_unless_a_proxy_writes_it() {
    for (proxies, expected) in [("0", "http://"), ("1", "https://jobs.example.com/")] {
        let app = spawn_app_with(&[("ESCAPEMENT__API__TRUSTED_PROXIES", proxies)]).await;
        let user = app.user("me").await;
        for _ in 0..2 {
            user.job(json!({})).await;
        }
        let request = app.client.get(app.url("/v1/jobs?page_size=1"));
        let request = request
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "jobs.example.com")
            .header("authorization", format!("Token {}", user.token));
        let (_, list) = read(request.send().await.unwrap()).await;
        let next = list["next"].as_str().unwrap();
        assert!(next.starts_with(expected), "{next}");
        assert_eq!(next.starts_with(&app.base), proxies == "0", "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_not_guessed_fast() {
    let proxy = [("ESCAPEMENT__API__TRUSTED_PROXIES", "1")];
    let app = limited("LOGIN", "2", &proxy).await;
    let guess = async |address: &str, user: &str| {
        let request = app.client.post(app.url("/v1/generate-api-token"));
        let request = request.header("x-forwarded-for", address);
        let body = json!({ "username": user, "password": "is it this?" });
        request.json(&body).send().await.unwrap()
    };
    // One network alone does not use up the attempts for a user.
    for host in 1..=10 {
        let address = format!("3.3.3.{host}");
        for _ in 0..2 {
            assert_eq!(guess(&address, "me").await.status(), 401);
        }
    }
    let (status, problem) = read(guess("4.4.4.4", "me").await).await;
    assert_eq!(status, 429);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("attempts to log in as this user"),
        "{detail}"
    );
    for user in ["you", "him"] {
        assert_eq!(guess("1.1.1.1", user).await.status(), 401);
    }
    let another = guess("1.1.1.1", "her").await;
    assert_refused(another, "attempts to log in from this address").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_counts_before_it_is_read() {
    let app = limited("LOGIN", "3", &[]).await;
    for (path, body) in [
        ("/v1/generate-api-token", "{"),
        ("/v1/auth/register", "{}"),
        ("/v1/generate-api-token", r#"{"user":1}"#),
    ] {
        let request = app.client.post(app.url(path));
        let request = request
            .header("content-type", "application/json")
            .body(body);
        assert_eq!(request.send().await.unwrap().status(), 400, "{body}");
    }
    let another = app.client.post(app.url("/v1/generate-api-token")).body("{");
    let another = another.send().await.unwrap();
    assert_refused(another, "attempts to log in from this address").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_not_locked_out_at_home() {
    let proxy = [
        ("ESCAPEMENT__API__TRUSTED_PROXIES", "1"),
        ("ESCAPEMENT__REGISTRATION__ENABLED", "true"),
    ];
    let app = limited("LOGIN", "3", &proxy).await;
    let post = async |address: &str, path: &str, password: &str| {
        let body = json!({ "username": "me", "password": password });
        let request = app.client.post(app.url(path));
        let request = request.header("x-forwarded-for", address).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let login = async |address: &str, password: &str| {
        post(address, "/v1/generate-api-token", password).await
    };
    let registered = post("5.5.5.5", "/v1/auth/register", "correct horse").await;
    assert_eq!(registered, 201);
    assert_eq!(login("5.5.5.5", "correct horse").await, 200);
    for host in 1..=10 {
        let address = format!("3.3.3.{host}");
        for _ in 0..3 {
            login(&address, "is it this?").await;
        }
    }
    assert_eq!(
        login("4.4.4.4", "correct horse").await,
        429,
        "the attempts are used up"
    );
    assert_eq!(
        login("5.5.5.5", "correct horse").await,
        200,
        "but not at home"
    );
}
