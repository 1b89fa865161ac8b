//! What follows a failed attempt.

use e2e::client::Exec;
use e2e::{Client, StartCounter};
use serde_json::json;

use crate::ring::{self, LIMIT};

/// What stands in the log of an attempt, after its image.
fn lines(number: i32, outcome: &str) -> [String; 3] {
    let program = format!("this is {number}");
    ["Start running!", &program, outcome].map(str::to_owned)
}

fn next(number: i32) -> String {
    format!("Attempt {number} ended: exit code 1. The next one begins in 0s.")
}

fn without_image(log: Vec<String>) -> Vec<String> {
    let lines = log.into_iter();
    lines
        .filter(|line| !line.starts_with("Start pulling"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_repeated_and_each_attempt_keeps_its_log() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let rules = json!({ "retries": 2, "retry_on": [1], "retry_backoff": 0 });
    let run = async |command: &str, letter: &str| {
        let job = client.create_job(command, rules.clone()).await.unwrap();
        let exec = client.trigger(job).await.unwrap();
        let detail = client.wait(&exec, letter, LIMIT).await.unwrap();
        let log = ring.sealed_log(&client, &exec).await;
        let ended = (detail["attempt"].clone(), detail["exit_code"].clone());
        (exec, ended, without_image(log))
    };

    let failing = "sh -c 'echo this is $ESCAPEMENT_ATTEMPT; exit 1'";
    let (exec, ended, log) = run(failing, "F").await;
    assert_eq!(ended, (json!(3), json!(1)));
    let last = lines(3, "Failed: exit code 1.");
    assert_eq!(log, [lines(1, &next(1)), lines(2, &next(2)), last].concat());
    each_attempt_is_told(&client, &exec).await;

    let later = "sh -c 'echo this is $ESCAPEMENT_ATTEMPT; test $ESCAPEMENT_ATTEMPT = 2'";
    let (_, ended, log) = run(later, "S").await;
    assert_eq!(ended, (json!(2), json!(0)));
    assert_eq!(log, [lines(1, &next(1)), lines(2, "Succeeded.")].concat());

    let (_, ended, _) = run("sh -c 'exit 2'", "F").await;
    assert_eq!(
        ended,
        (json!(1), json!(2)),
        "not one of those that are repeated"
    );
    ring.leaves_nothing_behind().await;
}

async fn each_attempt_is_told(client: &Client, exec: &Exec) {
    let path = format!("/v1/jobs/{}/execs/{}", exec.job, exec.id);
    let attempts = client.all(&format!("{path}/attempts")).await.unwrap();
    let told = ["attempt", "reason", "exit_code", "log"];
    let told = attempts
        .iter()
        .map(|attempt| told.map(|field| attempt[field].clone()));
    let told: Vec<_> = told.collect();
    let log = json!({ "lines": 1, "bytes": 9, "complete": true });
    let expected = |number| [json!(number), json!("exit_code"), json!(1), log.clone()];
    assert_eq!(told, [1, 2, 3].map(expected));

    let second = format!("{path}/logs?attempt=2");
    let second = client.send("GET", &second, None, 200).await.unwrap();
    let second = second.as_array().unwrap().iter();
    let second = second.map(|line| line["message"].as_str().unwrap().to_owned());
    assert_eq!(without_image(second.collect()), lines(2, &next(2)));
    let timeline = client.all(&format!("{path}/timeline")).await.unwrap();
    let kinds = timeline.iter().map(|entry| entry["kind"].as_str().unwrap());
    let kinds: Vec<_> = kinds.collect();
    let life = [
        "attempted",
        "claimed",
        "pulling",
        "running",
        "ended",
        "log_sealed",
    ];
    assert_eq!(kinds, [&["triggered"][..], &life.repeat(3)].concat());

    let none = format!("{path}/logs?attempt=4");
    client.send("GET", &none, None, 404).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pod_is_made_again_only_where_twice_is_allowed() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let counter = StartCounter::listen().await.unwrap();
    for (guarantee, letter, starts) in [("at_most_once", "F", 1), ("at_least_once", "S", 2)] {
        let report = counter.report(guarantee);
        let waits = "test $ESCAPEMENT_ATTEMPT = 2 || sleep 60";
        let fields = json!({ "guarantee": guarantee, "retry_backoff": 0 });
        let command = format!("sh -c '{report}; {waits}'");
        let job = client.create_job(&command, fields).await.unwrap();
        let exec = client.trigger(job).await.unwrap();
        client.wait(&exec, "R", LIMIT).await.unwrap();
        ring.delete_pod(&exec).await;
        let detail = client.wait(&exec, "SF", LIMIT).await.unwrap();
        assert_eq!(detail["status"], letter, "{detail:#}");
        assert_eq!(counter.starts_of(guarantee), starts);
        if letter == "F" {
            assert_eq!(detail["reason"], "disrupted");
        }
    }
    ring.leaves_nothing_behind().await;
}
