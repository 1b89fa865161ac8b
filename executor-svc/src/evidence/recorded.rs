//! What a real Kubernetes 1.34 showed of pods: `recorded.json` holds one of each state, as the
//! API server gave it, without what nobody here reads. Most were pods of the tests of the ring.

use std::collections::BTreeMap;

use super::*;

const RECORDED: &str = include_str!("recorded.json");

/// In the order of a life, and of the contract.
const READ: [(&str, &str); 32] = [
    ("gated", "gated"),
    ("gate just opened", "unscheduled"),
    ("unschedulable", "unscheduled: 0/2 nodes are available"),
    (
        "unschedulable and deleted",
        "NeverStarted, disrupted: the pod was deleted before it had a node",
    ),
    ("placed", "starting, Sandbox"),
    ("creating", "starting, Sandbox"),
    ("image not found", "starting, pull NotFound"),
    ("image not found, again", "starting, pull NotFound"),
    (
        "image not found, stopped",
        "Stopped, timeout: the time limit was over",
    ),
    ("image name invalid", "starting, pull Invalid"),
    ("image never pulled", "starting, pull Invalid"),
    ("secret missing", "starting, Config"),
    (
        "rejected, no cpu",
        "NeverStarted, rejected_by_node: the node did not start the program: OutOfcpu",
    ),
    (
        "rejected, node affinity",
        "NeverStarted, rejected_by_node: the node did not start the program: NodeAffinity",
    ),
    (
        "command not found",
        "Failed, start_error 128: the command could not be started",
    ),
    ("running", "running"),
    ("node unreachable", "running"),
    ("exiting", "exiting, Failed, exit_code 5: exit code 5"),
    (
        "exit 0, phase running",
        "Succeeded, completed 0: exit code 0",
    ),
    ("exit 0", "Succeeded, completed 0: exit code 0"),
    (
        "child out of memory",
        "Succeeded, completed 0: exit code 0, although one of its processes was killed",
    ),
    (
        "node unreachable, then exit 0",
        "Succeeded, completed 0: exit code 0",
    ),
    (
        "time limit, exit 0",
        "Stopped, timeout 0: the time limit was over",
    ),
    (
        "time limit, SIGTERM",
        "Stopped, timeout 143: the time limit was over",
    ),
    (
        "time limit, SIGKILL",
        "Stopped, timeout 137: the time limit was over",
    ),
    (
        "evicted",
        "Failed, evicted 137: the node evicted the pod: Pod ephemeral local storage",
    ),
    (
        "preempted",
        "Failed, disrupted 137: the platform ended the pod (PreemptionByScheduler)",
    ),
    (
        "evicted through the API",
        "Failed, disrupted 137: the platform ended the pod (EvictionByEvictionAPI)",
    ),
    (
        "node removed",
        "Unknown, node_lost: the node is gone and took the outcome with it",
    ),
    (
        "deleted while running",
        "Failed, disrupted 143: the pod was deleted while the program ran",
    ),
    (
        "out of memory",
        "Failed, oom 137: the program used more memory than its size has",
    ),
    ("exit 5", "Failed, exit_code 5: exit code 5"),
];

fn told(evidence: Evidence) -> String {
    let ending = |ending: Ending| {
        let code = ending.exit_code.map(|code| format!(" {code}"));
        let (kind, reason) = (ending.kind, ending.reason.as_str());
        format!(
            "{kind:?}, {reason}{}: {}",
            code.unwrap_or_default(),
            ending.message
        )
    };
    match evidence {
        Evidence::Gated => "gated".to_owned(),
        Evidence::Unscheduled(None) => "unscheduled".to_owned(),
        Evidence::Unscheduled(Some(why)) => format!("unscheduled: {why}"),
        Evidence::Starting(Obstacle::Pull(failure)) => format!("starting, pull {failure:?}"),
        Evidence::Starting(obstacle) => format!("starting, {obstacle:?}"),
        Evidence::Running(_) => "running".to_owned(),
        Evidence::Exiting(exit) => format!("exiting, {}", ending(exit)),
        Evidence::Ended(end) => ending(end),
    }
}

#[test]
fn each_state_that_was_recorded_is_read_right() {
    let mut recorded: BTreeMap<&str, Pod> = serde_json::from_str(RECORDED).unwrap();
    for (name, expected) in READ {
        let pod = recorded.remove(name).expect(name);
        let told = told(evidence(&pod));
        assert!(told.starts_with(expected), "{name}: {told}");
    }
    assert!(recorded.is_empty(), "{:?}", recorded.keys());
}
