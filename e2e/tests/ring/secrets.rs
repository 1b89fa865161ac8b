//! What is secret reaches the program that needs it, and nothing else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use devstack::private_registry::{PASSWORD, USER};
use devstack::{Infra, PrivateRegistry, Service};
use e2e::Client;
use e2e::client::{Exec, demo_tag};
use serde_json::json;

use crate::ring::{self, LIMIT, TestRing};

const VALUE: &str = "a $(value) that nobody 'else' is to see";

/// Everything that people, services and backups get to see.
async fn all_that_is_seen(ring: &TestRing, client: &Client, exec: &Exec) -> String {
    let stack = ring.stack();
    let job = format!("/v1/jobs/{}", exec.job);
    let registries = format!("/v1/namespaces/{}/registries", ring.name());
    let mut seen = Vec::new();
    for path in ["/v1/jobs", &job, &format!("{job}/execs"), &registries] {
        let answer = client.send("GET", path, None, 200).await.unwrap();
        seen.push(answer.to_string());
    }
    seen.push(client.exec(exec).await.unwrap().to_string());
    seen.push(client.log(exec).await.unwrap().join("\n"));
    for service in Service::ALL {
        seen.push(std::fs::read_to_string(stack.log(service, 1)).unwrap());
    }
    let messages = stack.tapped().await.unwrap();
    assert!(messages.contains(&exec.id), "the tap is open: {messages}");
    let dump = stack.dump().await.unwrap();
    assert!(dump.contains(&exec.id), "the dump has rows");
    seen.extend([messages, dump]);
    seen.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_reaches_the_program_and_nobody_else() {
    let ring = ring::start().await;
    let infra = Infra::from_env().unwrap();
    let registry = PrivateRegistry::start(&infra, &format!("{}.private-registry", ring.name()))
        .await
        .unwrap();
    ring.stack().tap().await.unwrap();
    let client = ring.client().await;
    let host = registry.host();
    let path = format!("/v1/namespaces/{}/registries/{host}", ring.name());
    let login = json!({ "username": USER, "password": PASSWORD });
    client.send("PUT", &path, Some(login), 200).await.unwrap();

    let fields = json!({
        "docker_image_repo": format!("{host}/demo"),
        "docker_image_tag": demo_tag().unwrap(),
        "secret_vars": { "API_KEY": VALUE },
    });
    let command = concat!(
        "sh -c 'echo length ${#API_KEY}; case $API_KEY in *\\$*value*) echo unchanged; esac; ",
        "echo it is \"$API_KEY\"; printf %s \"$API_KEY\" | base64'",
    );
    let job = client.create_job(command, fields).await.unwrap();
    let exec = client.trigger(job).await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    let log = ring.sealed_log(&client, &exec).await;
    assert!(log.contains(&format!("length {}", VALUE.len())), "{log:?}");
    for line in ["unchanged", "it is ***", "***"] {
        assert!(log.iter().any(|printed| printed == line), "{log:?}");
    }

    let seen = all_that_is_seen(&ring, &client, &exec).await;
    for secret in [VALUE, PASSWORD] {
        let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        for form in [secret.to_owned(), hex, STANDARD.encode(secret)] {
            assert!(!seen.contains(&form), "{form} was seen");
        }
    }
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_fails_the_exec_and_names_the_key() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let fields = json!({ "secret_vars": { "API_KEY": VALUE } });
    let job = client.create_job("true", fields).await.unwrap();
    let lost = "UPDATE secrets SET key_id = 'lost'";
    ring.stack().query(lost).await.unwrap();
    let exec = client.trigger(job).await.unwrap();
    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["reason"], "config_error");
    let message = detail["message"].as_str().unwrap();
    assert!(message.contains("key lost"), "{message}");
    ring.leaves_nothing_behind().await;
}
