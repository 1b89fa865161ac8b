//! How execs end, and what their logs say about it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use devstack::Service;
use e2e::Client;
use e2e::client::Exec;
use serde_json::{Value, json};

use crate::ring::{self, LIMIT, eventually};

/// The program's own lines: what stands between the platform's.
fn between(log: &[String]) -> &[String] {
    let first = log
        .iter()
        .position(|line| line == "Start running!")
        .unwrap()
        + 1;
    &log[first..log.len() - 1]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_exec_succeeds_with_its_log() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let exec = client
        .run("sh -c 'echo hello; echo world >&2'")
        .await
        .unwrap();
    let detail = client.wait(&exec, "S", LIMIT).await.unwrap();
    assert_eq!(detail["exit_code"], 0);
    assert_eq!(detail["trigger_mode"], "M");
    assert_eq!(detail["reason"], "completed");

    let log = ring.sealed_log(&client, &exec).await;
    let image = format!(
        "{}:{}",
        e2e::client::demo_image().unwrap(),
        e2e::client::demo_tag().unwrap()
    );
    assert_eq!(log[0], format!("Start pulling image: {image}"));
    let mut lines = between(&log).to_vec();
    lines.sort();
    assert_eq!(lines, ["hello", "world"]);
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_non_zero_exit_fails_with_its_code() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let command = "sh -c 'for i in 1 2 3; do echo line $i; done; exit 3'";
    let exec = client.run(command).await.unwrap();
    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["exit_code"], 3);
    assert_eq!(detail["reason"], "exit_code");
    assert!(detail["started_at"].as_str().unwrap() <= detail["ended_at"].as_str().unwrap());
    for unit in ["hours", "minutes", "seconds"] {
        assert!(detail["duration"][unit].is_u64(), "{detail:#}");
    }
    let log = ring.sealed_log(&client, &exec).await;
    assert_eq!(between(&log), ["line 1", "line 2", "line 3"]);
    assert!(log.last().unwrap().contains("exit code 3"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_told_what_it_runs_for() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let command = "sh -c 'env | grep ^ESCAPEMENT_ | sort'";
    let told = async |exec: &Exec, slot_at: Option<&str>| {
        client.wait(exec, "S", LIMIT).await.unwrap();
        let slot_at = slot_at.map(|at| format!("ESCAPEMENT_SLOT_AT={at}"));
        let expected = [
            "ESCAPEMENT_ATTEMPT=1".to_owned(),
            format!("ESCAPEMENT_EXEC_ID={}", exec.id),
            format!("ESCAPEMENT_FENCE={}-0001", exec.id),
            format!("ESCAPEMENT_JOB_ID={}", exec.job),
            "ESCAPEMENT_JOB_NAME=two $(words)".to_owned(),
            format!("ESCAPEMENT_NAMESPACE={}", ring.name()),
        ];
        let expected: Vec<_> = expected.into_iter().chain(slot_at).collect();
        let log = ring.sealed_log(&client, exec).await;
        assert_eq!(between(&log), expected);
    };
    let name = json!({ "name": "two $(words)" });
    let job = client.create_job(command, name.clone()).await.unwrap();
    told(&client.trigger(job).await.unwrap(), None).await;

    let slot_at = (Utc::now() + TimeDelta::seconds(3)).trunc_subsecs(0);
    let slot_at = slot_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut timed = name;
    timed["is_schedule_active"] = json!(true);
    timed["schedule_mode"] = json!(format!("R1/{slot_at}/PT1H"));
    let job = client.create_job(command, timed).await.unwrap();
    eventually("it is its time", async || {
        !client.execs(job).await.unwrap().is_empty()
    })
    .await;
    let id = client.execs(job).await.unwrap()[0]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    told(&Exec { job, id }, Some(&slot_at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_exist_fails_and_says_so() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let fields = json!({ "docker_image_tag": "no-such-tag" });
    let job = client.create_job("true", fields).await.unwrap();
    let exec = client.trigger(job).await.unwrap();
    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["reason"], "image_pull");
    assert_eq!(detail["exit_code"], Value::Null);
    let log = client.log(&exec).await.unwrap();
    assert!(log.last().unwrap().contains("no-such-tag"), "{log:?}");
    ring.leaves_nothing_behind().await;
}

/// The node would ask it with what reaches it there, and tell the answer.
#[tokio::test(flavor = "multi_thread")]
async fn no_registry_is_asked_for_in_a_private_network() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let fields = json!({ "docker_image_repo": "169.254.169.254/latest/meta-data" });
    let job = client.create_job("true", fields).await.unwrap();
    let exec = client.trigger(job).await.unwrap();
    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["reason"], "config_error");
    let message = detail["message"].as_str().unwrap();
    assert!(message.contains("private network"), "{message}");
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_can_be_named_by_its_digest() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let (image, tag) = (
        e2e::client::demo_image().unwrap(),
        e2e::client::demo_tag().unwrap(),
    );
    let (registry, name) = image.split_once('/').unwrap();
    let manifest = format!("http://{registry}/v2/{name}/manifests/{tag}");
    let request = reqwest::Client::new().head(manifest);
    let request = request.header("accept", "application/vnd.oci.image.manifest.v1+json");
    let answer = request.send().await.unwrap();
    let digest = answer.headers()["docker-content-digest"].to_str().unwrap();
    for fields in [
        json!({ "docker_image_repo": format!("{image}@{digest}"), "docker_image_tag": null }),
        json!({ "docker_image_tag": digest }),
    ] {
        let job = client.create_job("true", fields).await.unwrap();
        let exec = client.trigger(job).await.unwrap();
        client.wait(&exec, "S", LIMIT).await.unwrap();
        let log = client.log(&exec).await.unwrap();
        assert_eq!(log[0], format!("Start pulling image: {image}@{digest}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubernetes_namespace_of_others_is_not_touched() {
    let ring = ring::start().await;
    let account = format!("{}-taken", ring.name());
    let name = format!("jobs-{account}");
    let kubectl = ring::kubectl();
    let theirs = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "labels": { "owner": "platform-team" } },
    });
    kubectl.create(&theirs).await.unwrap();
    let client = ring.client_of(&account).await;
    let exec = client.run("true").await.unwrap();
    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["reason"], "config_error");
    let message = detail["message"].as_str().unwrap();
    assert!(message.contains(&name), "{message}");
    let kinds = "networkpolicies,resourcequotas,jobs,pods,serviceaccounts";
    let get = ["get", kinds, "--namespace", &name, "--output=name"];
    let found = kubectl.run(&get, None).await.unwrap();
    assert!(!found.contains("escapement"), "{found}");
    assert!(!found.contains("/x-"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_namespace_allows_follows_the_configuration() {
    let ring = ring::start().await;
    let account = format!("{}-moved", ring.name());
    let name = format!("jobs-{account}");
    let kubectl = ring::kubectl();
    let client = ring.client_of(&account).await;
    let exec = client.run("true").await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    let of_policy = async |arguments: &[&str]| {
        let policy = ["networkpolicy", "escapement-egress", "--namespace", &name];
        let arguments = [&arguments[..1], &policy, &arguments[1..]].concat();
        kubectl.run(&arguments, None).await.unwrap()
    };
    let closed = async || of_policy(&["get", "--output=json"]).await;
    assert!(closed().await.contains("169.254.0.0/16"));
    // As an older configuration would have left it.
    let open = r#"[{"op": "replace", "path": "/spec/egress", "value": [{}]}]"#;
    of_policy(&["patch", "--type=json", "--patch", open]).await;
    assert!(!closed().await.contains("169.254.0.0/16"));
    ring.stack().restart(Service::Executor).await.unwrap();
    let exec = client.run("true").await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    assert!(closed().await.contains("169.254.0.0/16"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_handles_no_signal_is_stopped_at_once() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let exec = client.run("sleep 60").await.unwrap();
    client.wait(&exec, "R", LIMIT).await.unwrap();
    let path = format!("/v1/jobs/{}/execs/{}/cancel", exec.job, exec.id);
    client.send("POST", &path, None, 202).await.unwrap();
    let detail = client.wait(&exec, "C", LIMIT).await.unwrap();
    let at = |field: &str| DateTime::parse_from_rfc3339(detail[field].as_str().unwrap()).unwrap();
    let taken = at("ended_at") - at("cancel_requested_at");
    // Its grace is 15 s, after which it would be killed.
    assert!(taken < TimeDelta::seconds(4), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_stopped_when_its_time_is_over() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let deaf = "sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 1; done'";
    // The second: killed only after its grace.
    for (command, grace) in [("sleep 60", 0), (deaf, 2)] {
        let fields = json!({ "timeout": 3, "grace_period": 2 });
        let job = client.create_job(command, fields).await.unwrap();
        let exec = client.trigger(job).await.unwrap();
        let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
        assert_eq!(detail["reason"], "timeout");
        assert_eq!(detail["message"], "it ran longer than 3s");
        let at =
            |field: &str| DateTime::parse_from_rfc3339(detail[field].as_str().unwrap()).unwrap();
        let ran = at("ended_at") - at("started_at");
        // Both instants are whole seconds; a node that has nothing else to do takes 2 more.
        let fair = TimeDelta::seconds(3 + grace)..=TimeDelta::seconds(3 + grace + 5);
        assert!(fair.contains(&ran), "{ran}");
        let log = ring.sealed_log(&client, &exec).await;
        assert_eq!(log.last().unwrap(), "Failed: it ran longer than 3s.");
    }
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_exec_does_not_exist() {
    let ring = ring::start().await;
    let (owner, other): (Client, Client) = (ring.client().await, ring.client_of("other").await);
    let exec = owner.run("true").await.unwrap();
    let path = format!("/v1/jobs/{}/execs/{}", exec.job, exec.id);
    other.send("GET", &path, None, 404).await.unwrap();
    owner
        .wait(&exec, "S", LIMIT + Duration::from_secs(1))
        .await
        .unwrap();
}
