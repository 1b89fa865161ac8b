//! From the claim to the end.

use super::*;
use crate::evidence::Obstacle;
use crate::pull::PullFailure;

#[test]
fn ends_of_a_claimed_pod() {
    use EndingKind as K;
    let end = |kind, reason| Case::claimed(Evidence::Ended(ending(kind, reason)));
    let succeeded = end(K::Succeeded, Reason::Completed);
    assert_eq!(
        succeeded.end(),
        (ExecEvent::Succeeded, Reason::Completed, None)
    );
    assert_eq!(
        end(K::Succeeded, Reason::Completed).cancelled().end().0,
        ExecEvent::Succeeded,
        "what ended by itself was not cancelled"
    );
    let failed = end(K::Failed, Reason::ExitCode);
    assert_eq!(failed.end(), (ExecEvent::Failed, Reason::ExitCode, Some(3)));
    let stopped = end(K::Stopped, Reason::Timeout);
    assert_eq!(stopped.end(), (ExecEvent::Failed, Reason::Timeout, None));
    let cancelled = end(K::Stopped, Reason::Timeout).cancelled();
    assert_eq!(
        cancelled.end(),
        (ExecEvent::Cancelled, Reason::CancelledByUser, None)
    );
    let mut condemned = end(K::Stopped, Reason::Timeout);
    condemned.exec.attempts[0].reason = Some(Reason::ImagePull);
    assert_eq!(
        condemned.end(),
        (ExecEvent::Failed, Reason::ImagePull, None)
    );
    let unknown = end(K::Unknown, Reason::ExitUnknown);
    assert_eq!(
        unknown.end(),
        (ExecEvent::Vanished, Reason::ExitUnknown, None)
    );

    let rejected = end(K::NeverStarted, Reason::RejectedByNode);
    assert_eq!(rejected.name(), "retry");
    assert_eq!(
        end(K::NeverStarted, Reason::Evicted).cancelled().end().0,
        ExecEvent::Cancelled
    );
    let rejected = rejected.after([Reason::Evicted, Reason::Evicted]);
    assert_eq!(
        rejected.end(),
        (ExecEvent::Failed, Reason::RejectedByNode, None)
    );
}

#[test]
fn a_failed_pull_ends_sooner_if_the_registry_answered() {
    let pull = |failure| Case::claimed(Evidence::Starting(Obstacle::Pull(failure)));
    for (failure, deadline) in [
        (PullFailure::Unanswered, 600),
        (PullFailure::Busy, 600),
        (PullFailure::NodeFull, 600),
        (PullFailure::NotFound, 20),
        (PullFailure::Denied, 20),
        (PullFailure::Platform, 20),
        (PullFailure::Invalid, 0),
    ] {
        if deadline > 0 {
            assert_eq!(pull(failure).at(10 + deadline - 1).name(), "tell");
        }
        let Step::Condemn(_, verdict) = pull(failure).at(10 + deadline).step() else {
            panic!("{failure:?}")
        };
        assert!(verdict.message.ends_with(failure.message()), "{verdict:?}");
    }
    let mut condemned = pull(PullFailure::NotFound);
    condemned.exec.attempts[0].reason = Some(Reason::ImagePull);
    assert_eq!(
        condemned.name(),
        "stop_unstarted",
        "it could still start: first it is stopped"
    );
    condemned.view.pods[0].stopping = true;
    assert_eq!(condemned.step(), Step::Wait);
}

#[test]
fn a_full_cluster_is_waited_for() {
    let mut case = Case::claimed(Evidence::Unscheduled(None)).at(10 + 300);
    assert_eq!(case.name(), "condemn");
    case.load.placed = 1;
    assert_eq!(case.step(), Step::Wait);
    assert_eq!(case.at(10 + 86_400).name(), "condemn");
}

#[test]
fn what_keeps_it_from_running_is_told_once() {
    let pull = Obstacle::Pull(PullFailure::NotFound);
    for (evidence, phase, message) in [
        (
            Evidence::Unscheduled(Some("full".to_owned())),
            Phase::Unschedulable,
            "no node has room for it: full",
        ),
        (
            Evidence::Starting(pull),
            Phase::Pulling,
            "the image i:t could not be pulled: its registry has no such image, or does not \
             show it to us",
        ),
        (
            Evidence::Starting(Obstacle::Config("c".to_owned())),
            Phase::Starting,
            "the container's configuration was refused: c",
        ),
    ] {
        let mut case = Case::claimed(evidence);
        case.load.placed = 1;
        case.exec.attempts[0].node = Some("n".to_owned());
        let Step::Tell(1, told) = case.step() else {
            panic!("{:?}", case.step());
        };
        assert_eq!((told.phase, told.message.as_str()), (phase, message));
        case.exec.attempts[0].obstacle = Some(told);
        assert_eq!(case.step(), Step::Wait);
    }
    // What every start waits for goes without saying.
    for evidence in [
        Evidence::Unscheduled(None),
        Evidence::Starting(Obstacle::Image),
        Evidence::Starting(Obstacle::Sandbox),
    ] {
        let mut case = Case::claimed(evidence);
        case.exec.attempts[0].node = Some("n".to_owned());
        assert_eq!(case.step(), Step::Wait);
    }
}

#[test]
fn cancelling() {
    assert_eq!(Case::new().cancelled().end().0, ExecEvent::Cancelled);
    assert_eq!(Case::created().cancelled().end().0, ExecEvent::Cancelled);
    assert_eq!(
        Case::claimed(Evidence::Gated).cancelled().name(),
        "withdraw"
    );
    assert_eq!(
        Case::claimed(Evidence::Unscheduled(None))
            .cancelled()
            .name(),
        "withdraw"
    );
    let mut case = Case::claimed(Evidence::Running(at(11))).cancelled();
    assert_eq!(case.name(), "stop");
    case.view.pods[0].stopping = true;
    assert_eq!(case.step(), Step::Wait);
    case.now = at(15 + 60);
    assert_eq!(
        case.name(),
        "delete",
        "a node that does not stop it is not waited for"
    );
}

#[test]
fn a_silent_node_is_lost_after_a_while() {
    let mut case = Case::claimed(Evidence::Running(at(11)));
    case.exec.state = ExecState::Running;
    case.view.pods[0].deletion_due = Some(at(20));
    assert_eq!(case.step(), Step::Wait);
    case.now = at(20 + 30);
    let Step::Tell(1, told) = case.step() else {
        panic!("{:?}", case.step());
    };
    assert_eq!(told.phase, Phase::NodeUnreachable);
    assert_eq!(
        told.message,
        "its pod is to be deleted and node n does not answer"
    );
    case.exec.attempts[0].obstacle = Some(told);
    assert_eq!(case.step(), Step::Wait);
    assert_eq!(
        case.at(20 + 900).end(),
        (ExecEvent::Vanished, Reason::NodeLost, None)
    );
}

#[test]
fn an_exit_stands_as_it_is_when_its_node_says_no_more() {
    let exit = Ending {
        exit_code: Some(137),
        ..ending(EndingKind::Failed, Reason::ExitCode)
    };
    let mut case = Case::claimed(Evidence::Exiting(exit));
    case.exec.state = ExecState::Running;
    assert_eq!(case.step(), Step::WaitUntil(at(14 + 900)));
    let mut case = case.at(14 + 900);
    let by_itself = (ExecEvent::Failed, Reason::ExitCode, Some(137));
    assert_eq!(case.end(), by_itself);
    case.view.pods[0].deletion_due = Some(at(14));
    assert_eq!(case.end(), by_itself, "also when the pod is to be deleted");
    case.view.pods[0].stopping = true;
    let by_user = (ExecEvent::Cancelled, Reason::CancelledByUser, Some(137));
    assert_eq!(case.cancelled().end(), by_user);
}

#[test]
fn a_running_exec_whose_node_forgot_it_is_neither_retried_nor_timed() {
    let rejected = Evidence::Ended(ending(EndingKind::NeverStarted, Reason::RejectedByNode));
    let mut case = Case::claimed(rejected);
    case.exec.state = ExecState::Running;
    assert_eq!(case.end(), (ExecEvent::Vanished, Reason::ExitUnknown, None));

    let mut case = Case::claimed(Evidence::Starting(Obstacle::Sandbox)).at(10 + 7200);
    case.exec.state = ExecState::Running;
    assert_eq!(case.step(), Step::Wait);
    case.exec.attempts[0].node = None;
    assert_eq!(case.step(), Step::Wait);
    assert_eq!(case.cancelled().name(), "stop");
}

#[test]
fn a_program_is_stopped_when_its_time_is_over() {
    let mut case = Case::claimed(Evidence::Running(at(11)));
    case.exec.state = ExecState::Running;
    let row = &mut case.exec.attempts[0];
    row.rules.timeout = Some(30);
    (row.started_at, row.start_recorded_at) = (Some(at(11)), Some(at(11)));
    assert_eq!(
        case.step(),
        Step::WaitUntil(at(42)),
        "it may have started at the end of the second that the node names"
    );
    case.exec.attempts[0].start_recorded_at = Some(at(15));
    assert_eq!(
        case.step(),
        Step::WaitUntil(at(45)),
        "the node's clock may be slow"
    );
    let mut case = case.at(45);
    let Step::Condemn(1, verdict) = case.step() else {
        panic!("its time is over")
    };
    assert_eq!(verdict.reason, Reason::Timeout);
    assert_eq!(verdict.message, "it ran longer than 30s");
    let row = &mut case.exec.attempts[0];
    (row.reason, row.message) = (Some(verdict.reason), Some(verdict.message));
    assert_eq!(case.name(), "stop", "although it has started");
    case.view.pods[0].stopping = true;
    set_grace(&mut case.view.pods[0], 100);
    let mut case = case.at(45 + 159);
    assert_eq!(case.step(), Step::Wait, "it has its grace");
    case.now = at(45 + 160);
    assert_eq!(case.name(), "delete");

    let timeout = (ExecEvent::Failed, Reason::Timeout, None);
    for kind in [EndingKind::Stopped, EndingKind::Failed] {
        let reason = match kind {
            EndingKind::Failed => Reason::Disrupted,
            _ => Reason::Timeout,
        };
        let mut ending = ending(kind, reason);
        ending.exit_code = None;
        case.view.pods[0].evidence = Evidence::Ended(ending);
        assert_eq!(case.end(), timeout, "{kind:?}");
    }
    let by_itself = ending(EndingKind::Succeeded, Reason::Completed);
    case.view.pods[0].evidence = Evidence::Ended(by_itself);
    assert_eq!(case.end().0, ExecEvent::Succeeded);
    case.view = View::default();
    assert_eq!(case.end(), timeout);
}

#[test]
fn without_a_time_limit_of_its_own_a_program_has_the_deployments() {
    let mut case = Case::claimed(Evidence::Running(at(11)));
    case.exec.state = ExecState::Running;
    let row = &mut case.exec.attempts[0];
    (row.started_at, row.start_recorded_at) = (Some(at(11)), Some(at(11)));
    assert_eq!(case.step(), Step::WaitUntil(at(12 + 86_400)));
}

#[test]
fn what_was_deleted_because_it_did_not_stop_is_cancelled() {
    let mut killed = ending(EndingKind::Failed, Reason::Disrupted);
    killed.exit_code = Some(137);
    let mut case = Case::claimed(Evidence::Ended(killed)).cancelled();
    case.exec.state = ExecState::Running;
    assert_eq!(case.end().1, Reason::Disrupted, "somebody else deleted it");
    case.view.pods[0].stopping = true;
    assert_eq!(case.end().1, Reason::CancelledByUser);
}

#[test]
fn what_succeeded_has_started() {
    let case = Case::claimed(Evidence::Ended(ending(
        EndingKind::Succeeded,
        Reason::Completed,
    )));
    let Step::End(end) = case.step() else {
        panic!("ends")
    };
    assert_eq!(end.start.map(|start| start.at), Some(at(14)));
}

#[test]
fn a_verdict_stops_only_what_has_not_started() {
    let condemned = |evidence| {
        let mut case = Case::claimed(evidence);
        case.exec.attempts[0].reason = Some(Reason::ImagePull);
        case
    };
    let mut running = condemned(Evidence::Running(at(11)));
    assert_eq!(running.name(), "start");
    running.exec.state = ExecState::Running;
    assert_eq!(running.step(), Step::Wait);
    running.view.pods[0].evidence = Evidence::Starting(Obstacle::Sandbox);
    assert_eq!(running.step(), Step::Wait, "its node forgot it");
    let exiting = Evidence::Exiting(ending(EndingKind::Failed, Reason::ExitCode));
    assert_eq!(condemned(exiting).step(), Step::WaitUntil(at(14 + 900)));
    assert_eq!(
        condemned(Evidence::Running(at(11))).cancelled().name(),
        "stop"
    );
}

#[test]
fn a_verdict_that_came_too_late_says_nothing_about_the_end() {
    let timeout = ending(EndingKind::Stopped, Reason::Timeout);
    let mut case = Case::claimed(Evidence::Ended(Ending {
        started_at: Some(at(11)),
        ..timeout.clone()
    }));
    case.exec.attempts[0].reason = Some(Reason::ImagePull);
    assert_eq!(case.end().1, Reason::Timeout);
    case.view.pods[0].evidence = Evidence::Ended(timeout);
    assert_eq!(case.end().1, Reason::ImagePull, "it never started");
    case.exec.state = ExecState::Running;
    assert_eq!(case.end().1, Reason::Timeout);
    case.view.pods[0].stopping = true;
    assert_eq!(case.end().1, Reason::ImagePull, "it was stopped for that");
    case.view = View::default();
    assert_eq!(case.end(), (ExecEvent::Vanished, Reason::PodVanished, None));
}
