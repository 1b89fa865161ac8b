use serde_json::{Value, json};

use super::*;

fn pod(patch: &Value) -> Pod {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "p" },
        "spec": { "containers": [], "nodeName": "n", "activeDeadlineSeconds": 600 },
        "status": { "startTime": "2026-01-01T00:00:00Z" },
    });
    merge(&mut pod, patch);
    serde_json::from_value(pod).unwrap()
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

fn main(state: &Value) -> Value {
    json!({ "status": { "containerStatuses": [{
        "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": state,
    }] } })
}

fn waiting(reason: &str, message: &str) -> Pod {
    let state = json!({ "waiting": { "reason": reason, "message": message } });
    pod(&main(&state))
}

fn exited(reason: &str, code: i32) -> Value {
    main(&json!({ "terminated": {
        "reason": reason, "exitCode": code, "containerID": "c",
        "startedAt": "2026-01-01T00:00:10Z", "finishedAt": "2026-01-01T00:00:20Z",
    } }))
}

/// A pod whose phase is `Failed`, with this much more.
fn failed(container: &Value, more: &Value) -> Pod {
    let mut patch = json!({ "status": { "phase": "Failed" } });
    merge(&mut patch, container);
    merge(&mut patch, more);
    pod(&patch)
}

fn disrupted(by: &str) -> Value {
    json!({ "status": { "conditions": [
        { "type": "DisruptionTarget", "status": "True", "reason": by },
    ] } })
}

fn pod_reason(reason: &str) -> Value {
    json!({ "status": { "reason": reason } })
}

fn ended(pod: &Pod) -> (EndingKind, Reason, Option<i32>) {
    match evidence(pod) {
        Evidence::Ended(ending) => (ending.kind, ending.reason, ending.exit_code),
        other => panic!("not ended: {other:?}"),
    }
}

/// With the container that runs before the program in this state.
fn proving(pod: Pod, state: &Value) -> Pod {
    let mut pod = serde_json::to_value(pod).unwrap();
    let status = json!({ "status": { "initContainerStatuses": [{
        "name": "log-proof", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": state,
    }] } });
    merge(&mut pod, &status);
    let spec = json!({ "spec": {
        "initContainers": [{ "name": "log-proof", "image": "p" }],
        "containers": [{ "name": "main", "command": ["/.escapement/log-proof", "run"] }],
    } });
    merge(&mut pod, &spec);
    serde_json::from_value(pod).unwrap()
}

#[test]
fn what_runs_before_the_program_is_not_it() {
    let initializing = || waiting("PodInitializing", "");
    let pulling = json!({ "waiting": { "reason": "ErrImagePull", "message": "p: not found" } });
    let found = evidence(&proving(initializing(), &pulling));
    assert!(
        matches!(found, Evidence::Starting(Obstacle::Pull(_))),
        "{found:?}"
    );
    let running = json!({ "running": { "startedAt": "2026-01-01T00:00:10Z" } });
    let found = evidence(&proving(initializing(), &running));
    assert!(
        matches!(found, Evidence::Starting(Obstacle::Sandbox)),
        "{found:?}"
    );
    // Once it is done, the program's own state tells.
    let done = json!({ "terminated": { "exitCode": 0 } });
    let found = evidence(&proving(waiting("ErrImagePull", "not found"), &done));
    assert!(
        matches!(found, Evidence::Starting(Obstacle::Pull(_))),
        "{found:?}"
    );

    // What a cluster adds to pods tells nothing of the program.
    let mut sidecar =
        serde_json::to_value(proving(waiting("ErrImagePull", "not found"), &running)).unwrap();
    sidecar["status"]["initContainerStatuses"][0]["name"] = json!("sidecar");
    let found = evidence(&serde_json::from_value(sidecar).unwrap());
    assert!(
        matches!(found, Evidence::Starting(Obstacle::Pull(_))),
        "{found:?}"
    );

    let broken = json!({ "terminated": { "exitCode": 73, "message": "no room" } });
    let state = json!({ "waiting": { "reason": "PodInitializing" } });
    let pod = proving(failed(&main(&state), &json!({})), &broken);
    let Evidence::Ended(ending) = evidence(&pod) else {
        panic!("not ended");
    };
    assert_eq!(
        (ending.kind, ending.reason),
        (EndingKind::NeverStarted, Reason::RejectedByNode)
    );
    let expected = "log-proof could not be put into the pod: exit code 73 no room";
    assert_eq!(ending.message, expected);
}

#[test]
fn a_program_that_log_proof_cannot_start() {
    let end = |code: i32, message: &str| {
        let mut exit = exited("Error", code);
        let said = json!({ "terminated": { "message": message } });
        merge(&mut exit["status"]["containerStatuses"][0]["state"], &said);
        exit
    };
    let done = json!({ "terminated": { "exitCode": 0 } });
    let said = "log-proof: sh: No such file or directory (os error 2)";
    let cannot = proving(failed(&end(127, said), &json!({})), &done);
    assert_eq!(
        ended(&cannot),
        (EndingKind::Failed, Reason::StartError, Some(127))
    );
    let own = (EndingKind::Failed, Reason::ExitCode, Some(127));
    assert_eq!(
        ended(&proving(failed(&end(127, ""), &json!({})), &done)),
        own
    );
    assert_eq!(ended(&failed(&end(127, said), &json!({}))), own);
}

#[test]
fn before_the_program_runs() {
    let gate = json!([{ "name": "escapement.dev/claim" }]);
    let gated = pod(&json!({ "spec": { "nodeName": null, "schedulingGates": gate } }));
    assert_eq!(evidence(&gated), Evidence::Gated);
    let full = pod(
        &json!({ "spec": { "nodeName": null }, "status": { "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "full" },
    ] } }),
    );
    assert_eq!(
        evidence(&full),
        Evidence::Unscheduled(Some("full".to_owned()))
    );
    let not_looked_at = pod(
        &json!({ "spec": { "nodeName": null }, "status": { "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gated" },
    ] } }),
    );
    assert_eq!(evidence(&not_looked_at), Evidence::Unscheduled(None));
    let deleted = pod(&json!({
        "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" }, "spec": { "nodeName": null },
    }));
    assert_eq!(
        ended(&deleted),
        (EndingKind::NeverStarted, Reason::Disrupted, None)
    );
}

#[test]
fn what_a_start_waits_for() {
    let starting = |reason, message| match evidence(&waiting(reason, message)) {
        Evidence::Starting(obstacle) => obstacle,
        other => panic!("not starting: {other:?}"),
    };
    let back_off = "Back-off pulling image \"r/i:t\": ErrImagePull: rpc error: code = NotFound \
                    desc = failed to resolve reference \"r/i:t\": r/i:t: not found";
    for (reason, message, expected) in [
        ("ContainerCreating", "", Obstacle::Sandbox),
        (
            "ImagePullBackOff",
            back_off,
            Obstacle::Pull(PullFailure::NotFound),
        ),
        (
            "ErrImagePull",
            "i/o timeout",
            Obstacle::Pull(PullFailure::Unanswered),
        ),
        (
            "ErrImagePull",
            "401 Unauthorized",
            Obstacle::Pull(PullFailure::Denied),
        ),
        (
            "InvalidImageName",
            "bad",
            Obstacle::Pull(PullFailure::Invalid),
        ),
        (
            "CreateContainerConfigError",
            "c",
            Obstacle::Config("c".to_owned()),
        ),
        (
            "CreateContainerError",
            "e",
            Obstacle::Create("e".to_owned()),
        ),
    ] {
        assert_eq!(starting(reason, message), expected);
    }
}

#[test]
fn a_ready_sandbox_waits_for_the_image() {
    let mut ready = waiting("ContainerCreating", "");
    let conditions = json!([{ "type": "PodReadyToStartContainers", "status": "True" }]);
    ready.status.get_or_insert_default().conditions = serde_json::from_value(conditions).unwrap();
    assert_eq!(evidence(&ready), Evidence::Starting(Obstacle::Image));
}

#[test]
fn while_the_program_runs_and_just_after() {
    let running = main(&json!({ "running": { "startedAt": "2026-01-01T00:00:10Z" } }));
    let at = "2026-01-01T00:00:10Z".parse().unwrap();
    assert_eq!(evidence(&pod(&running)), Evidence::Running(at));
    // A code other than 0 may still turn out to be an eviction or a limit.
    let exiting = |pod: &Pod| match evidence(pod) {
        Evidence::Exiting(ending) => (ending.kind, ending.reason, ending.exit_code),
        other => panic!("not exiting: {other:?}"),
    };
    assert_eq!(
        exiting(&pod(&exited("Error", 1))),
        (EndingKind::Failed, Reason::ExitCode, Some(1))
    );
    let success = pod(&exited("Completed", 0));
    assert_eq!(
        ended(&success),
        (EndingKind::Succeeded, Reason::Completed, Some(0))
    );
    let mut stopped = success;
    stopped.spec.get_or_insert_default().active_deadline_seconds = Some(1);
    assert_eq!(
        exiting(&stopped),
        (EndingKind::Succeeded, Reason::Completed, Some(0))
    );
}

/// One row for each thing that Kubernetes may show, in the contract's order.
#[test]
#[expect(clippy::too_many_lines, reason = "one table, in the contract's order")]
fn how_it_ended() {
    use EndingKind as K;
    use Reason as R;
    let none = json!({});
    let deleted = json!({ "metadata": {
        "deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 15,
    } });
    let never = main(&json!({ "waiting": { "reason": "ContainerCreating" } }));
    let running = main(&json!({ "running": { "startedAt": "2026-01-01T00:00:10Z" } }));
    let rows = [
        (
            &exited("Completed", 0),
            &pod_reason("DeadlineExceeded"),
            (K::Stopped, R::Timeout, Some(0)),
        ),
        (
            &exited("Error", 137),
            &pod_reason("DeadlineExceeded"),
            (K::Stopped, R::Timeout, Some(137)),
        ),
        (
            &exited("ContainerStatusUnknown", 137),
            &pod_reason("DeadlineExceeded"),
            (K::Stopped, R::Timeout, None),
        ),
        (
            &exited("StartError", 128),
            &none,
            (K::Failed, R::StartError, Some(128)),
        ),
        (
            &never,
            &pod_reason("OutOfcpu"),
            (K::NeverStarted, R::RejectedByNode, None),
        ),
        (
            &never,
            &pod_reason("Evicted"),
            (K::NeverStarted, R::Evicted, None),
        ),
        (
            &never,
            &disrupted("PreemptionByScheduler"),
            (K::NeverStarted, R::Disrupted, None),
        ),
        (&none, &none, (K::NeverStarted, R::RejectedByNode, None)),
        (
            &running,
            &disrupted("DeletionByPodGC"),
            (K::Unknown, R::NodeLost, None),
        ),
        (
            &exited("Completed", 0),
            &disrupted("EvictionByEvictionAPI"),
            (K::Succeeded, R::Completed, Some(0)),
        ),
        (
            &exited("OOMKilled", 0),
            &none,
            (K::Succeeded, R::Completed, Some(0)),
        ),
        (
            &exited("Error", 137),
            &pod_reason("Evicted"),
            (K::Failed, R::Evicted, Some(137)),
        ),
        (
            &exited("Error", 137),
            &disrupted("TerminationByKubelet"),
            (K::Failed, R::Evicted, Some(137)),
        ),
        (
            &exited("Error", 143),
            &disrupted("DeletionByTaintManager"),
            (K::Failed, R::Disrupted, Some(143)),
        ),
        (
            &exited("Error", 143),
            &pod_reason("Terminated"),
            (K::Failed, R::Disrupted, Some(143)),
        ),
        (
            &exited("ContainerStatusUnknown", 137),
            &none,
            (K::Unknown, R::ExitUnknown, None),
        ),
        (
            &exited("Unknown", 255),
            &none,
            (K::Unknown, R::ExitUnknown, None),
        ),
        (
            &exited("OOMKilled", 137),
            &none,
            (K::Failed, R::Oom, Some(137)),
        ),
        (
            &exited("Error", 143),
            &deleted,
            (K::Failed, R::Disrupted, Some(143)),
        ),
        (
            &exited("Error", 3),
            &deleted,
            (K::Failed, R::ExitCode, Some(3)),
        ),
        (
            &exited("Error", 137),
            &none,
            (K::Failed, R::ExitCode, Some(137)),
        ),
        (
            &exited("Error", 3),
            &none,
            (K::Failed, R::ExitCode, Some(3)),
        ),
    ];
    for (container, more, expected) in rows {
        assert_eq!(
            ended(&failed(container, more)),
            expected,
            "{container} {more}"
        );
    }
}

#[test]
fn a_start_in_1970_is_none() {
    let mut state = exited("StartError", 128);
    let terminated = &mut state["status"]["containerStatuses"][0]["state"]["terminated"];
    terminated["startedAt"] = json!("1970-01-01T00:00:00Z");
    let Evidence::Ended(ending) = evidence(&failed(&state, &json!({}))) else {
        panic!("it ended");
    };
    assert_eq!(ending.started_at, None);
    assert!(ending.finished_at.is_some());
}
