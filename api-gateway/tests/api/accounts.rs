//! Users and organisations: registration, logins, passwords.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::access::Access;
use store::tokens::NewToken;
use store::{DatabaseRole, accounts, tokens};

use crate::app::{TestApp, User, read, spawn_app, spawn_app_with};

const OPEN: &[(&str, &str)] = &[("ESCAPEMENT__REGISTRATION__ENABLED", "true")];

async fn post(app: &TestApp, path: &str, body: &Value) -> (StatusCode, Value) {
    read(
        app.client
            .post(app.url(path))
            .json(body)
            .send()
            .await
            .unwrap(),
    )
    .await
}

async fn register(app: &TestApp, name: &str) -> (StatusCode, Value) {
    let body = json!({ "username": name, "password": "correct horse" });
    post(app, "/v1/auth/register/", &body).await
}

async fn login(app: &TestApp, name: &str, password: &str) -> (StatusCode, Value) {
    let body = json!({ "username": name, "password": password });
    post(app, "/v1/generate-api-token/", &body).await
}

async fn logged_in<'a>(app: &'a TestApp, password: &str) -> User<'a> {
    let (status, answer) = login(app, "me", password).await;
    assert_eq!(status, 200, "{answer}");
    app.user("other")
        .await
        .with_token(answer["token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_off_unless_it_is_turned_on() {
    let app = spawn_app().await;
    let (status, problem) = register(&app, "me").await;
    assert_eq!(status, 403);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("registration is off")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_can_log_in_and_work() {
    let app = spawn_app_with(OPEN).await;
    let body = json!({ "username": "me", "password": "correct horse",
        "realname": "陈", "email": "me@example.com" });
    let (status, profile) = post(&app, "/v1/auth/register", &body).await;
    assert_eq!(status, 201, "{profile}");
    assert!(profile["created_at"].as_str().unwrap().ends_with("+00:00"));
    let names: Vec<_> = profile.as_object().unwrap().keys().collect();
    assert_eq!(names, ["created_at", "email", "realname", "username"]);
    assert_eq!(
        (&profile["realname"], &profile["email"]),
        (&json!("陈"), &json!("me@example.com"))
    );

    let (status, answer) = login(&app, "me", "correct horse").await;
    assert_eq!(status, 200);
    assert_eq!(
        answer.as_object().unwrap().len(),
        1,
        "as in 2015, the token alone"
    );
    let token = answer["token"].as_str().unwrap();
    assert!(token.len() == 40 && token.bytes().all(|b| b.is_ascii_hexdigit()));
    let me = logged_in(&app, "correct horse").await;
    assert_eq!(me.job(json!({})).await["namespace"], "me");
    let (status, account) = me.get("/v1/account").await;
    assert_eq!(status, 200);
    assert_eq!(account["username"], "me");
    assert_eq!(
        account["namespaces"],
        json!([{ "name": "me", "role": "admin" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_registered_once() {
    let app = spawn_app_with(OPEN).await;
    let all = futures::future::join_all((0..8).map(|_| register(&app, "me"))).await;
    let mut statuses: Vec<_> = all.iter().map(|(status, _)| status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let (_, problem) = register(&app, "me").await;
    assert_eq!(problem["type"], "urn:escapement:problem:name-taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_log_in_does_not_learn_why() {
    let app = spawn_app_with(OPEN).await;
    register(&app, "me").await;
    let passwordless = app.user("passwordless").await;
    let acme = json!({ "name": "acme" });
    passwordless.post("/v1/organisations", Some(&acme)).await;
    let wrong = login(&app, "me", "battery staple").await;
    assert_eq!(wrong.0, 401);
    for name in ["nobody", "Not A Name", "\0", "", "passwordless", "acme"] {
        assert_eq!(login(&app, name, "correct horse").await, wrong, "{name}");
    }
    for password in ["", "\0", &"p".repeat(8_000)] {
        assert_eq!(login(&app, "me", password).await, wrong);
    }
    let (status, problem) = post(&app, "/v1/generate-api-token", &json!({})).await;
    assert_eq!(
        (status.as_u16(), problem["errors"].as_array().unwrap().len()),
        (400, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_first_is_no_password() {
    let app = spawn_app_with(OPEN).await;
    for password in ["password", "PASSWORD123", "12345678"] {
        let body = json!({ "username": "me", "password": password });
        let (status, problem) = post(&app, "/v1/auth/register", &body).await;
        assert_eq!(status, 400, "{password}");
        let said = problem["errors"][0]["message"].as_str().unwrap();
        assert!(said.contains("commonest"), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_logins_the_newest_stay() {
    let app = spawn_app_with(OPEN).await;
    register(&app, "me").await;
    let mut conn = app.store(DatabaseRole::Gateway).connection().await.unwrap();
    let account = accounts::by_name(&mut conn, "me").await.unwrap().unwrap();
    for byte in 0..20 {
        let new = NewToken {
            account_id: account.id,
            name: "login".to_owned(),
            scope: Access::Admin,
            expires_at: None,
            by_login: true,
            sha256: [byte; 32],
        };
        tokens::insert(&mut conn, &new).await.unwrap();
    }
    let me = logged_in(&app, "correct horse").await;
    let (_, list) = me.get("/v1/tokens").await;
    assert_eq!(list["count"], 20);
    for (byte, live) in [(0, false), (1, true)] {
        let found = tokens::verify(&mut conn, [byte; 32]).await.unwrap();
        assert_eq!(found.is_some(), live, "{byte}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_all_other_tokens() {
    let app = spawn_app_with(OPEN).await;
    register(&app, "me").await;
    let me = logged_in(&app, "correct horse").await;
    let other = logged_in(&app, "correct horse").await;
    let path = "/v1/account/password";
    let put = |old: &str, new: &str| {
        let body = json!({ "password": old, "new_password": new });
        let me = me.clone();
        async move { me.send(Method::PUT, path, Some(&body)).await.status() }
    };
    assert_eq!(put("not this one", "battery staple").await, 403);
    assert_eq!(put("correct horse", "short").await, 400);
    assert_eq!(other.get("/v1/account").await.0, 200);
    assert_eq!(put("correct horse", "battery staple").await, 204);
    assert_eq!(other.get("/v1/account").await.0, 401);
    assert_eq!(me.get("/v1/account").await.0, 200);
    assert_eq!(login(&app, "me", "correct horse").await.0, 401);
    assert_eq!(login(&app, "me", "battery staple").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_new_passwords_at_once_one_holds() {
    let app = spawn_app_with(OPEN).await;
    register(&app, "me").await;
    let me = logged_in(&app, "correct horse").await;
    let put = |new: &'static str| {
        let body = json!({ "password": "correct horse", "new_password": new });
        let me = me.clone();
        async move {
            me.send(Method::PUT, "/v1/account/password", Some(&body))
                .await
                .status()
        }
    };
    let (first, second) = tokio::join!(put("first password"), put("second password"));
    let mut statuses = [first.as_u16(), second.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 403]);
    let holds = if first == 204 {
        "first password"
    } else {
        "second password"
    };
    assert_eq!(login(&app, "me", holds).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_becomes_slow() {
    let app = spawn_app_with(&[
        ("ESCAPEMENT__LIMITS__LOGIN__BURST", "5"),
        ("ESCAPEMENT__LIMITS__LOGIN__EVERY", "1h"),
    ])
    .await;
    let me = app.user("me").await;
    let body = json!({ "password": "a guess", "new_password": "long enough" });
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(login(&app, "me", "a guess").await.0.as_u16());
        let change = me.send(Method::PUT, "/v1/account/password", Some(&body));
        statuses.push(change.await.status().as_u16());
    }
    assert_eq!(statuses[10..], [429, 429], "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_2015_log_in_by_a_form() {
    let app = spawn_app_with(&[("ESCAPEMENT__REGISTRATION__ENABLED", "true")]).await;
    let url = |path: &str| app.url(path);
    let form = "username=me&password=a+long%20password&realname=&email=";
    let kind = "application/x-www-form-urlencoded";
    let request = app.client.post(url("/v1/auth/register"));
    let made = request.header("content-type", kind).body(form);
    assert_eq!(made.send().await.unwrap().status(), 201);

    let urlencoded = app.client.post(url("/v1/generate-api-token/"));
    let urlencoded = urlencoded
        .header("content-type", kind)
        .body("username=me&password=a+long%20password");
    let part = |name: &str, text: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let parts = part("username", "me") + &part("password", "a long password") + "--x--\r\n";
    let multipart = app.client.post(url("/v1/generate-api-token"));
    let multipart = multipart
        .header("content-type", "multipart/form-data; boundary=x")
        .body(parts);
    for request in [urlencoded, multipart] {
        let (status, answer) = read(request.send().await.unwrap()).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["token"].as_str().unwrap().len(), 40);
    }
    let broken = app.client.post(url("/v1/generate-api-token"));
    let broken = broken.header("content-type", "multipart/form-data");
    assert_eq!(broken.body("x").send().await.unwrap().status(), 400);
}
