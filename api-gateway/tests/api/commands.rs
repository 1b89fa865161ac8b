//! The commands, as a person runs them.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::DatabaseRole;
use store::secrets::{self, Keyring, SecretsConfig};
use store::testing::TestDatabase;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::app::{KEY, TestApp, spawn_app};

async fn run(database: &TestDatabase, arguments: &[&str]) -> Output {
    run_with(database, arguments, &[]).await
}

async fn run_with(
    database: &TestDatabase,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Output {
    Command::new(env!("CARGO_BIN_EXE_api-gateway"))
        .args(arguments)
        .env_clear()
        .env("ESCAPEMENT__DATABASE__URL", &database.url)
        .envs(variables.iter().copied())
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
    let create = ["create-account", "team-1", "--existing"];
    for words in [&create[..2], &create] {
        let output = run(&app.database, words).await;
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
    let output = run(&app.database, &create[..2]).await;
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--existing"));
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

#[tokio::test(flavor = "multi_thread")]
async fn reseal_secrets_makes_the_old_key_needless() {
    const NEW: &str = "b:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
    let database = TestDatabase::new().await;
    let ring = |keys: &str| Keyring::new(&SecretsConfig { keys: keys.into() }).unwrap();
    let conn = &mut database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    // More than one batch.
    let values = vec![SecretString::from("value"); 501];
    let ids = secrets::insert(conn, &ring(KEY), "demo", &values).await;
    let ids = ids.unwrap();
    let both = format!("{NEW},{KEY}");
    for expected in ["501 secrets sealed anew with key b", "0 secrets"] {
        let keys = [("ESCAPEMENT__SECRETS__KEYS", both.as_str())];
        let output = run_with(&database, &["reseal-secrets"], &keys).await;
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.starts_with(expected), "{printed}");
    }
    let opened = secrets::load(conn, &ring(NEW), "demo", &ids).await.unwrap();
    assert!(
        opened
            .values()
            .all(|value| value.expose_secret() == "value")
    );
    // Without the key that sealed them it says which one is missing.
    let keys = [("ESCAPEMENT__SECRETS__KEYS", KEY)];
    let output = run_with(&database, &["reseal-secrets"], &keys).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("key b"), "{said}");
}

async fn run_with_input(database: &TestDatabase, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-gateway"));
    let mut child = command
        .args(arguments)
        .env_clear()
        .env("ESCAPEMENT__DATABASE__URL", &database.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

async fn login(app: &TestApp, password: &str) -> StatusCode {
    let body = json!({ "username": "me", "password": password });
    let request = app.client.post(app.url("/v1/generate-api-token"));
    request.json(&body).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_read_from_the_standard_input() {
    let app = spawn_app().await;
    let arguments = ["create-account", "me", "--password-stdin", "--existing"];
    let mut tokens: Vec<String> = Vec::new();
    for (old, new) in [
        ("", "first password"),
        ("first password", "second password"),
    ] {
        let output = run_with_input(&app.database, &arguments, &format!("{new}\n")).await;
        assert!(output.status.success());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(status(&app, printed.trim()).await, 200);
        // A new password ends them; the gateway remembers them for a moment.
        for ended in &tokens {
            let begun = Instant::now();
            while status(&app, ended).await != 401 {
                assert!(begun.elapsed() < Duration::from_secs(20));
            }
        }
        tokens.push(printed.trim().to_owned());
        assert_eq!(login(&app, old).await, 401);
        assert_eq!(login(&app, new).await, 200);
    }
    for (input, part) in [("short\n", "8 to 128"), ("", "no password")] {
        let output = run_with_input(&app.database, &arguments, input).await;
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_an_owner_and_no_token() {
    let app = spawn_app().await;
    let (me, you) = (app.user("me").await, app.user("you").await);
    let team = |owner| ["create-account", "team", "--organisation", "--owner", owner];
    for (user, owner) in [(&me, "me"), (&you, "you")] {
        let output = run(&app.database, &team(owner)).await;
        assert!(output.status.success());
        assert!(output.stdout.is_empty());
        assert_eq!(user.get("/v1/namespaces/team/members").await.0, 200);
    }
    for arguments in [
        &team("nobody")[..],
        &["create-account", "me", "--organisation", "--owner", "you"],
        &["create-account", "team"],
        &["create-account", "other", "--organisation"],
    ] {
        let output = run(&app.database, arguments).await;
        assert!(!output.status.success(), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}
