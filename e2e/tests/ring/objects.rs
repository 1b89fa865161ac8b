//! What the executor finds in the cluster when it comes back: leftovers of its last try, objects
//! of others, and namespaces that are not as it is now told.

use std::fs;
use std::path::Path;

use devstack::{Infra, Service};
use e2e::Client;
use e2e::client::Exec;
use serde_json::{Value, json};

use crate::reasons::said_by_kubernetes;
use crate::ring::{self, LIMIT, TestRing};

const SECRET: &str = "from this try";
const MANY: usize = 30;

fn metadata(ring: &TestRing, exec: &Exec, labels: &Value) -> Value {
    let name = format!("x-{}-1", exec.id.replace('-', ""));
    json!({ "name": name, "namespace": format!("jobs-{}", ring.name()), "labels": labels })
}

/// Everything of some kinds that this ring made.
async fn names(ring: &TestRing, kinds: &str) -> Vec<String> {
    let found = ring::kubectl().list(kinds, ring.stack().instance()).await;
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = found.unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_replaced_and_objects_of_others_are_not_touched() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let command = "sh -c 'echo $API_KEY'";
    let job = json!({ "secret_vars": { "API_KEY": SECRET } });
    let job = client.create_job(command, job).await.unwrap();
    let first = client.trigger(job).await.unwrap();
    client.wait(&first, "S", LIMIT).await.unwrap();

    ring.stack().stop(Service::Executor).await.unwrap();
    let (begun, taken) = (
        client.trigger(job).await.unwrap(),
        client.trigger(job).await.unwrap(),
    );
    let ours = json!({
        "app.kubernetes.io/managed-by": "escapement",
        "app.kubernetes.io/instance": ring.stack().instance(),
        "escapement.dev/exec": begun.id, "escapement.dev/attempt": "1",
        "escapement.dev/job": job.to_string(), "escapement.dev/namespace": ring.name(),
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata(&ring, &begun, &ours),
        "stringData": { "var.API_KEY": "from a try before" },
    });
    ring::kubectl().create(&secret).await.unwrap();
    let stranger = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(&ring, &taken, &json!({})),
        "spec": { "suspend": true, "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "main", "image": "i" }],
        } } },
    });
    ring::kubectl().create(&stranger).await.unwrap();
    ring.start_again(Service::Executor).await;

    client.wait(&begun, "S", LIMIT).await.unwrap();
    let log = ring.sealed_log(&client, &begun).await;
    // Only the job's own value is hidden.
    assert!(log.contains(&"***".to_owned()), "{log:?}");
    let failed = client.wait(&taken, "F", LIMIT).await.unwrap();
    assert_eq!(failed["reason"], "config_error", "{failed:#}");
    ring.leaves_nothing_behind().await;
    let name = stranger["metadata"]["name"].as_str().unwrap();
    let namespace = format!("--namespace=jobs-{}", ring.name());
    let delete = ["delete", "job", &namespace, name];
    let deleted = ring::kubectl().run(&delete, None).await;
    deleted.expect("it is still there");
}

/// Each change of a pod would pay for it, and everybody who watches pods.
#[tokio::test(flavor = "multi_thread")]
async fn who_changed_what_of_a_pod_is_not_tracked() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let exec = client.run("sleep 300").await.unwrap();
    client.wait(&exec, "R", LIMIT).await.unwrap();
    let pods = ["get", "pods", "--all-namespaces", "--show-managed-fields"];
    let of_this_ring = format!("app.kubernetes.io/instance={}", ring.stack().instance());
    let get = [&pods[..], &["--output=json", "--selector", &of_this_ring]].concat();
    let pods = ring::kubectl().run(&get, None).await.unwrap();
    let pods: Value = serde_json::from_str(&pods).unwrap();
    // The kubelet has changed its status meanwhile.
    let pod = &pods["items"][0];
    assert_eq!(pod["status"]["phase"], "Running", "{pod:#}");
    assert_eq!(pod["metadata"]["managedFields"], Value::Null);
    let cancel = format!("/v1/jobs/{}/execs/{}/cancel", exec.job, exec.id);
    client.send("POST", &cancel, None, 202).await.unwrap();
    client.wait(&exec, "C", LIMIT).await.unwrap();
    ring.leaves_nothing_behind().await;
}

/// Settings with which no pod is made, and each exec waits so long for its only one.
fn without_pods(start_deadline: &str) -> String {
    format!(
        "
        [namespace.quota]
        \"pods\" = \"0\"
        [limits]
        start_deadline = \"{start_deadline}\"
        attempts = 1"
    )
}

/// A ring with such settings.
async fn start_without_pods(file: &Path) -> (TestRing, Client) {
    let path = file.display().to_string();
    let ring = ring::start_told(&[(Service::Executor, "ESCAPEMENT_CONFIG", &path)]).await;
    let client = ring.client().await;
    (ring, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_pod_is_told_which_quota_it_was() {
    let file = ring::settings("no-pods", &without_pods("2s"));
    let (_ring, client) = start_without_pods(&file).await;
    let exec = client.run("true").await.unwrap();
    let failed = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(failed["reason"], "pod_refused", "{failed:#}");
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("exceeded quota: escapement"), "{message}");
    let said = said_by_kubernetes(&client, &exec).await;
    assert!(said.starts_with("FailedCreate"), "{said}");
    let log = client.log(&exec).await.unwrap();
    assert!(log.last().unwrap().contains("exceeded quota"), "{log:?}");
}

/// Lists of events of this ring's namespace that its executor has had so far.
fn lists_of_events(ring: &TestRing) -> usize {
    let log = fs::read_to_string(Infra::from_env().unwrap().audit_log()).unwrap();
    let events = format!("/api/v1/namespaces/jobs-{}/events?", ring.name());
    log.lines().filter(|line| line.contains(&events)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_end_at_once_are_explained_together() {
    let file = ring::settings("none-of-many", &without_pods("5m"));
    let (ring, client) = start_without_pods(&file).await;
    let job = client.create_job("true", json!({})).await.unwrap();
    let mut execs = Vec::new();
    for _ in 0..MANY {
        execs.push(client.trigger(job).await.unwrap());
    }
    let have_jobs = async || names(&ring, "jobs").await.len() == MANY;
    ring::eventually("each has its Job", have_jobs).await;
    ring.stack().stop(Service::Executor).await.unwrap();
    fs::write(&file, without_pods("1s")).unwrap();
    ring.start_again(Service::Executor).await;
    for exec in &execs {
        let failed = client.wait(exec, "F", LIMIT).await.unwrap();
        assert_eq!(failed["reason"], "pod_refused", "{failed:#}");
        let said = said_by_kubernetes(&client, exec).await;
        assert!(said.starts_with("FailedCreate"), "{said}");
    }
    let lists = lists_of_events(&ring);
    assert!((1..MANY / 2).contains(&lists), "{lists} lists for {MANY}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_becomes_as_the_executor_is_told() {
    let file = ring::settings("bare", "");
    let path = file.display().to_string();
    let ring = ring::start_told(&[(Service::Executor, "ESCAPEMENT_CONFIG", &path)]).await;
    let client = ring.client().await;
    let exec = client.run("true").await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    let furniture = "networkpolicies,resourcequotas";
    let all = ["escapement", "escapement-deny-ingress", "escapement-egress"];
    assert_eq!(names(&ring, furniture).await, all);

    let bare = "
        [namespace]
        deny_ingress = false
        egress_except = []
        [namespace.quota]
        \"count/jobs.batch\" = \"\"
        \"pods\" = \"\"
        \"requests.cpu\" = \"\"
        \"requests.memory\" = \"\"";
    fs::write(&file, bare).unwrap();
    ring.stack().restart(Service::Executor).await.unwrap();
    let exec = client.run("true").await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    assert_eq!(names(&ring, furniture).await, [] as [&str; 0]);
}
