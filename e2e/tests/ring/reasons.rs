//! Each failure says why, whose it is and what to do next.

use devstack::Service;
use e2e::Client;
use e2e::client::Exec;
use serde_json::{Value, json};

use crate::ring::{self, LIMIT, eventually};

/// What is wrong with a job, and what its exec has to say of it.
const FAILURES: [(&str, &str, &str, &str); 6] = [
    ("an image that does not exist", "image_pull", "user", ""),
    ("out of memory", "oom", "user", "tail /dev/zero"),
    ("its time is over", "timeout", "user", "sleep 60"),
    ("a bad command", "start_error", "user", "no-such-program"),
    ("a deleted pod", "disrupted", "platform", "sleep 60"),
    ("an unschedulable size", "unschedulable", "capacity", "true"),
];

/// What has a job's exec end so.
fn fields(reason: &str) -> Value {
    match reason {
        "image_pull" => json!({ "docker_image_tag": "no-such-tag" }),
        "timeout" => json!({ "timeout": 1 }),
        "unschedulable" => json!({ "resource_size": "XL" }),
        _ => json!({}),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the table is for people")]
async fn each_failure_names_its_owner_and_a_next_step() {
    // Where no other pod holds room, a node for the large size is waited for so long.
    let soon = (
        Service::Executor,
        "ESCAPEMENT__LIMITS__START_DEADLINE",
        "20s",
    );
    let ring = ring::start_told(&[soon]).await;
    let client = ring.client().await;
    println!("{:30} {:14} {:9} next step", "what", "reason", "owner");
    for (what, reason, owner, command) in FAILURES {
        let job = client.create_job(command, fields(reason)).await.unwrap();
        let exec = client.trigger(job).await.unwrap();
        if reason == "disrupted" {
            client.wait(&exec, "R", LIMIT).await.unwrap();
            ring.delete_pod(&exec).await;
        }
        if let "image_pull" | "unschedulable" = reason {
            let phase = told_while_waiting(&client, &exec).await;
            println!("{:30} {phase}", "");
        }
        let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
        let told = |field: &str| detail[field].as_str().unwrap_or_default().to_owned();
        let next_step = told("next_step");
        println!(
            "{what:30} {:14} {:9} {next_step}",
            told("reason"),
            told("reason_owner")
        );
        assert_eq!(
            (told("reason"), told("reason_owner")),
            (reason.into(), owner.into()),
            "{what}"
        );
        assert!(
            !told("message").is_empty() && next_step.ends_with('.'),
            "{detail:#}"
        );
        assert_eq!(last_attempt(&client, &exec).await["next_step"], next_step);
        let said = said_by_kubernetes(&client, &exec).await;
        println!("{:30} {said}", "");
        let word = word_of_kubernetes(reason);
        assert_eq!(said.is_empty(), word.is_empty(), "{said}");
        assert!(said.contains(word), "{said}");
    }
    ring.leaves_nothing_behind().await;
}

/// What it says of itself before its time is over.
async fn told_while_waiting(client: &Client, exec: &Exec) -> String {
    let mut told = String::new();
    eventually("it says what it waits for", async || {
        let detail = client.exec(exec).await.unwrap();
        let word = |name: &str| {
            detail["waiting"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        told = format!("{}: {}", word("phase"), word("message"));
        told.starts_with("unschedulable: no node has room for it: ")
            || told.starts_with("pulling: the image ")
    })
    .await;
    told
}

/// What Kubernetes has to say of an attempt that ended so.
fn word_of_kubernetes(reason: &str) -> &'static str {
    match reason {
        "image_pull" => "Failed (",
        "unschedulable" => "FailedScheduling",
        "start_error" => "Failed",
        "disrupted" => "Killing",
        _ => "",
    }
}

/// What it said of an attempt that the platform ended; nothing otherwise.
pub(crate) async fn said_by_kubernetes(client: &Client, exec: &Exec) -> String {
    let path = format!("/v1/jobs/{}/execs/{}/timeline", exec.job, exec.id);
    let timeline = client.all(&path).await.unwrap();
    let said = timeline.iter().find(|entry| entry["kind"] == "kubernetes");
    let message = said.and_then(|entry| entry["message"].as_str());
    message.unwrap_or_default().to_owned()
}

async fn last_attempt(client: &Client, exec: &Exec) -> Value {
    let path = format!("/v1/jobs/{}/execs/{}/attempts", exec.job, exec.id);
    client.all(&path).await.unwrap().pop().unwrap()
}
