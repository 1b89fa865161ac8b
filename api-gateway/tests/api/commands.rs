//! The commands, as a person runs them.

use std::process::Output;

use reqwest::StatusCode;
use store::testing::TestDatabase;
use tokio::process::Command;

use crate::app::{TestApp, spawn_app};

async fn run(database: &TestDatabase, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_api-gateway"))
        .args(arguments)
        .env_clear()
        .env("ESCAPEMENT__DATABASE__URL", &database.url)
        .output()
        .await
        .unwrap()
}

async fn status(app: &TestApp, token: &str) -> StatusCode {
    let request = app.client.get(app.url("/v1/jobs"));
    let request = request.header("authorization", format!("Token {token}"));
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn create_account_prints_a_token_that_works() {
    let app = spawn_app().await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let output = run(&app.database, &["create-account", "team-1"]).await;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.len(), 41, "40 digits and a newline: {printed:?}");
        tokens.push(printed.trim().to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    for token in &tokens {
        assert_eq!(status(&app, token).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_can_be_no_namespace_is_refused() {
    let database = TestDatabase::new().await;
    let output = run(&database, &["create-account", "Team_1"]).await;
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("lower-case"));
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_can_be_repeated() {
    let database = TestDatabase::new().await;
    let output = run(&database, &["migrate"]).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
