//! What is left of nodes that fall silent, of Jobs that somebody deleted, and of execs whose
//! rows are gone.

use chrono::Utc;
use devstack::Service;
use e2e::client::Exec;
use e2e::{Client, Kubectl};
use serde_json::{Value, json};

use crate::ring::{self, LIMIT, TestRing, eventually};

/// A node whose kubelet is this test: the API server, the scheduler and the controllers are
/// real, and treat it like any other.
struct Ghost<'a> {
    kubectl: Kubectl,
    ring: &'a TestRing,
}

impl<'a> Ghost<'a> {
    async fn appear(ring: &'a TestRing) -> Self {
        let kubectl = ring::kubectl();
        let ghost = Self { kubectl, ring };
        let taint = json!({ "key": "ghost", "effect": "NoSchedule" });
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": ring.name() }, "spec": { "taints": [taint] },
        });
        ghost.kubectl.create(&node).await.unwrap();
        ghost.is_ready("True").await;
        ghost
    }

    async fn is_ready(&self, status: &str) {
        let ready = json!({
            "type": "Ready", "status": status, "reason": "Ghost", "message": "",
            "lastHeartbeatTime": Utc::now(), "lastTransitionTime": Utc::now(),
        });
        let patch = json!({ "status": { "conditions": [ready] } });
        self.patch(&["node", self.ring.name()], &patch).await;
    }

    async fn disappear(&self) {
        let delete = ["delete", "node", self.ring.name()];
        self.kubectl.run(&delete, None).await.unwrap();
    }

    /// Takes the exec's pod, once its gate is open, and says that its program runs.
    async fn run(&self, client: &Client, exec: &Exec) -> String {
        let mut pod = String::new();
        eventually("the pod waits for a node", async || {
            let found = self.pods(exec).await;
            let open = found
                .iter()
                .find(|pod| pod["spec"]["schedulingGates"].is_null());
            pod = open.map_or_else(String::new, name);
            !pod.is_empty()
        })
        .await;
        let namespace = format!("jobs-{}", self.ring.name());
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": { "name": pod },
            "target": { "apiVersion": "v1", "kind": "Node", "name": self.ring.name() },
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/binding");
        let create = ["create", "--raw", &path, "--filename=-"];
        let bound = self.kubectl.run(&create, Some(binding.to_string())).await;
        bound.unwrap();
        let running = json!({ "running": { "startedAt": Utc::now() } });
        self.tell(&pod, "Running", &running).await;
        client.wait(exec, "R", LIMIT).await.unwrap();
        pod
    }

    /// What a kubelet would say of a pod.
    async fn tell(&self, pod: &str, phase: &str, state: &Value) {
        let container = json!({
            "name": "main", "image": "i", "imageID": "i", "containerID": "ghost://1",
            "ready": false, "restartCount": 0, "state": state,
        });
        let patch = json!({ "status": {
            "phase": phase, "startTime": Utc::now(), "containerStatuses": [container],
        } });
        let namespace = format!("--namespace=jobs-{}", self.ring.name());
        self.patch(&["pod", pod, &namespace], &patch).await;
    }

    async fn patch(&self, what: &[&str], patch: &Value) {
        let patch = format!("--patch={patch}");
        let how = ["--subresource=status", "--type=strategic", &patch];
        let args = [&["patch"], what, &how].concat();
        self.kubectl.run(&args, None).await.unwrap();
    }

    async fn pods(&self, exec: &Exec) -> Vec<Value> {
        let instance = self.ring.stack().instance();
        let mut pods = self.kubectl.list("pods", instance).await.unwrap();
        pods.retain(|pod| pod["metadata"]["labels"]["escapement.dev/exec"] == exec.id.as_str());
        pods
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// No node has the label, so that nobody but the ghost takes the pods; and nothing waits as
/// long as it does otherwise.
const OF_A_SILENT_NODE: [(Service, &str, &str); 4] = [
    (
        Service::Executor,
        "ESCAPEMENT__POD__NODE_SELECTOR__GHOST",
        "1",
    ),
    (
        Service::Executor,
        "ESCAPEMENT__POD__UNREACHABLE_TOLERATION",
        "1s",
    ),
    (
        Service::Executor,
        "ESCAPEMENT__LIMITS__NODE_LOST_AFTER",
        "1s",
    ),
    (Service::Executor, "ESCAPEMENT__LIMITS__LOG_HOLD", "1s"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_on_a_silent_node_is_lost_until_the_node_speaks_again() {
    let ring = ring::start_told(&OF_A_SILENT_NODE).await;
    let client = ring.client().await;
    let ghost = Ghost::appear(&ring).await;
    let job = json!({ "grace_period": 1 });
    let job = client.create_job("true", job).await.unwrap();
    let speaks = client.trigger(job).await.unwrap();
    let silent = client.trigger(job).await.unwrap();
    let pod = ghost.run(&client, &speaks).await;
    ghost.run(&client, &silent).await;

    ghost.is_ready("Unknown").await;
    for exec in [&speaks, &silent] {
        let lost = client.wait(exec, "L", LIMIT).await.unwrap();
        assert_eq!(lost["reason"], "node_lost", "{lost:#}");
        assert_eq!(lost["reason_owner"], "platform", "{lost:#}");
    }
    let exit = json!({ "terminated": {
        "exitCode": 0, "reason": "Completed", "startedAt": Utc::now(), "finishedAt": Utc::now(),
    } });
    ghost.tell(&pod, "Succeeded", &exit).await;
    eventually("it is known how the program ended", async || {
        client.exec(&speaks).await.unwrap()["status"] == "S"
    })
    .await;
    let found = client.exec(&speaks).await.unwrap();
    assert_eq!(
        (&found["exit_code"], &found["attempt"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(ghost.pods(&silent).await.len(), 1, "kept for late evidence");

    // Then nobody can say any more: a day's wait for it would be in vain.
    ghost.disappear().await;
    ring.leaves_nothing_behind().await;
    let lost = client.exec(&silent).await.unwrap();
    assert_eq!(
        (&lost["status"], &lost["attempt"]),
        (&json!("L"), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_nothing_is_removed() {
    let ring = ring::start_told(&[(
        Service::Executor,
        "ESCAPEMENT__LIMITS__ORPHAN_QUARANTINE",
        "1s",
    )])
    .await;
    let client = ring.client().await;
    let kubectl = ring::kubectl();
    let namespace = format!("--namespace=jobs-{}", ring.name());
    let has_no_row = client.run("sleep 600").await.unwrap();
    let has_no_job = client.run("sh -c 'sleep 5; echo done'").await.unwrap();
    for exec in [&has_no_row, &has_no_job] {
        client.wait(exec, "R", LIMIT).await.unwrap();
    }
    // Another installation's, with the labels of an exec of ours.
    let exec = &has_no_row.id;
    let stranger = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "stranger", "namespace": format!("jobs-{}", ring.name()), "labels": {
            "app.kubernetes.io/managed-by": "escapement", "app.kubernetes.io/instance": "stranger",
            "escapement.dev/exec": exec, "escapement.dev/attempt": "1",
            "escapement.dev/job": "1", "escapement.dev/namespace": ring.name(),
        } },
        "spec": { "suspend": true, "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "main", "image": "i" }],
        } } },
    });
    kubectl.create(&stranger).await.unwrap();

    let selector = format!("--selector=escapement.dev/exec={}", has_no_job.id);
    let delete = ["delete", "job", "--cascade=orphan", &namespace, &selector];
    kubectl.run(&delete, None).await.unwrap();
    for table in ["log_chunks", "log_streams", "exec_events", "exec_attempts"] {
        let forget = format!("DELETE FROM {table} WHERE exec_id = '{exec}'");
        ring.stack().query(&forget).await.unwrap();
    }
    let forget = format!("DELETE FROM execs WHERE id = '{exec}'");
    ring.stack().query(&forget).await.unwrap();

    client.wait(&has_no_job, "S", LIMIT).await.unwrap();
    let log = ring.sealed_log(&client, &has_no_job).await;
    assert!(log.contains(&"done".to_owned()), "{log:?}");
    ring.leaves_nothing_behind().await;
    let strangers = kubectl.list("jobs", "stranger").await.unwrap();
    assert_eq!(strangers.len(), 1, "it is not ours");
    let delete = ["delete", "job", "stranger", &namespace];
    kubectl.run(&delete, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_emptied_before_it_is_left() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let exec = client.run("sleep 600").await.unwrap();
    client.wait(&exec, "R", LIMIT).await.unwrap();
    ring.stack().stop(Service::Executor).await.unwrap();
    let refused = ring.stack().release(false).await.unwrap_err().to_string();
    assert!(
        refused.contains("the outcome of 1 programs is not recorded and the log of 1 not stored"),
        "{refused}"
    );
    ring.stack().release(true).await.unwrap();
    let kubectl = ring::kubectl();
    let left = kubectl.list("jobs,pods", ring.stack().instance()).await;
    assert_eq!(left.unwrap(), [] as [Value; 0]);

    // Who comes back finds that nobody knows how it ended.
    ring.start_again(Service::Executor).await;
    let lost = client.wait(&exec, "L", LIMIT).await.unwrap();
    assert_eq!(lost["reason"], "pod_vanished");
    ring.stack().release(false).await.unwrap();
}
