//! An API server that has no time for one kind of work.

use std::process::Stdio;
use std::time::{Duration, Instant};

use devstack::{Infra, Service};
use e2e::client::Exec;
use e2e::{Kubectl, metrics};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::ring::{self, LIMIT, TestRing, eventually};

/// How many execs are worked on at a time.
const PLACES: (Service, &str, &str) = (
    Service::Executor,
    "ESCAPEMENT__RECONCILE__CONCURRENCY",
    "32",
);

/// What the API server counts itself of creations that fall under this ring's rule.
async fn under_rule(kubectl: &Kubectl, ring: &TestRing, what: &str) -> f64 {
    let text = kubectl.run(&["get", "--raw=/metrics"], None).await.unwrap();
    let metric = format!("apiserver_flowcontrol_{what}{{");
    let of_rule = format!("flow_schema=\"{}\"", ring.name());
    metrics::sum(&text, |line| {
        line.starts_with(&metric) && line.contains(&of_rule)
    })
}

/// Has the API server make one Job of this ring at a time, and tell whoever comes meanwhile
/// that it is too busy.
async fn limit_jobs(kubectl: &Kubectl, ring: &TestRing) {
    let one_at_a_time = json!({
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 0,
            "lendablePercent": 0,
            "borrowingLimitPercent": 0,
            "limitResponse": { "type": "Reject" },
        },
    });
    let services = json!([
        { "kind": "User", "user": { "name": "escapement:executor-svc" } },
    ]);
    let creations = json!([{
        "verbs": ["create"],
        "apiGroups": ["batch"],
        "resources": ["jobs"],
        "namespaces": [format!("jobs-{}", ring.name())],
    }]);
    let api = "flowcontrol.apiserver.k8s.io/v1";
    let rules = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": api, "kind": "PriorityLevelConfiguration",
          "metadata": { "name": ring.name() }, "spec": one_at_a_time },
        { "apiVersion": api, "kind": "FlowSchema", "metadata": { "name": ring.name() }, "spec": {
            "matchingPrecedence": 50,
            "priorityLevelConfiguration": { "name": ring.name() },
            "rules": [{ "subjects": services, "resourceRules": creations }],
        } },
    ] });
    kubectl.apply(&rules).await.unwrap();
}

/// Begins to make a Job and goes no further, until it is dropped or the API server ends it
/// after a minute.
fn make_one_for_ever(ring: &TestRing) -> Child {
    let kubeconfig = Infra::from_env().unwrap();
    let kubeconfig = kubeconfig.kubeconfig_of(Service::Executor).unwrap();
    let path = format!("/apis/batch/v1/namespaces/jobs-{}/jobs", ring.name());
    let create = ["create", "--filename=-", "--raw", &path];
    Command::new(devstack::kubectl().unwrap())
        .args(create)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Takes the only place for creations. Nobody else may want it yet: then it is sure who has it.
async fn take_the_place(kubectl: &Kubectl, ring: &TestRing) -> Child {
    let mut under_way = make_one_for_ever(ring);
    let mut looks = 0;
    eventually("the place is taken", async || {
        let is_taken = under_rule(kubectl, ring, "current_executing_requests").await > 0.0;
        looks += 1;
        // What came before the rule was in force does not fall under it.
        if !is_taken && looks % 20 == 0 {
            under_way = make_one_for_ever(ring);
        }
        is_taken
    })
    .await;
    under_way
}

async fn has_pod(kubectl: &Kubectl, ring: &TestRing, exec: &Exec) -> bool {
    let pods = kubectl.list("pods", ring.stack().instance()).await.unwrap();
    let of = |pod: &Value| pod["metadata"]["labels"]["escapement.dev/exec"] == exec.id.as_str();
    pods.iter().any(of)
}

/// Waits until most of these many execs wait for the API server to have time.
async fn most_wait(ring: &TestRing, execs: u32) {
    let most = f64::from(execs) - 5.0;
    let waiting = "escapement_kubernetes_waiting{work=\"create\"}";
    eventually("the others wait", async || {
        let wait = metrics::value(ring.stack(), Service::Executor, 1, waiting);
        wait.await.unwrap() >= most
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_cluster_has_no_time_for_waits_and_keeps_nobody_else() {
    // More than executor-svc works on at once.
    const EXECS: u32 = 40;
    let ring = ring::start_told(&[PLACES]).await;
    let client = ring.client().await;
    let kubectl = ring::kubectl();
    let runs = client.run("sleep 600").await.unwrap();
    client.wait(&runs, "R", LIMIT).await.unwrap();
    let job = client.create_job("true", json!({})).await.unwrap();

    limit_jobs(&kubectl, &ring).await;
    let under_way = take_the_place(&kubectl, &ring).await;
    let began = Instant::now();
    let mut execs = Vec::new();
    for _ in 0..EXECS {
        execs.push(client.trigger(job).await.unwrap());
    }
    most_wait(&ring, EXECS).await;
    let asked = Instant::now();
    let cancel = format!("/v1/jobs/{}/execs/{}/cancel", runs.job, runs.id);
    client.send("POST", &cancel, None, 202).await.unwrap();
    client.wait(&runs, "C", LIMIT).await.unwrap();
    ring.sealed_log(&client, &runs).await;
    eventually("its pod is removed", async || {
        !has_pod(&kubectl, &ring, &runs).await
    })
    .await;
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "{:?}: the others were in its way",
        asked.elapsed()
    );
    // All were refused at most once, and then one each second or more seldom.
    let tries = under_rule(&kubectl, &ring, "rejected_requests_total").await;
    let most = f64::from(EXECS + 5) + began.elapsed().as_secs_f64();
    assert!(
        (1.0..most).contains(&tries),
        "{tries} tries, at most {most}"
    );

    // Now there is time for one after the other.
    drop(under_way);
    for exec in &execs {
        client.wait(exec, "S", LIMIT).await.unwrap();
    }
    for kind in ["flowschema", "prioritylevelconfiguration"] {
        let delete = ["delete", kind, ring.name()];
        kubectl.run(&delete, None).await.unwrap();
    }
    ring.leaves_nothing_behind().await;
}
