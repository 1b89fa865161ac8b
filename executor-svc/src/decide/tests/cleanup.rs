//! After the end.

use cluster::names::{LOGS_FINALIZER, OUTCOME_FINALIZER};

use super::*;

#[test]
fn what_is_over_is_let_go_in_order() {
    let both = [OUTCOME_FINALIZER, LOGS_FINALIZER];
    let case = Case::over(ExecState::Failed, &both);
    let Step::Release(_, finalizer) = case.step() else {
        panic!("releases")
    };
    assert_eq!(finalizer, OUTCOME_FINALIZER);
    assert_eq!(
        Case::over(ExecState::Failed, &both[1..]).step(),
        Step::Wait,
        "log-svc reads"
    );
    assert_eq!(Case::over(ExecState::Failed, &[]).name(), "delete_job");
    let mut case = Case::over(ExecState::Failed, &[]);
    case.view = View::default();
    assert_eq!(case.step(), Step::Done);

    let mut held = Case::over(ExecState::Failed, &both[1..]).at(15 + 3600);
    assert_eq!(held.step(), Step::AbandonLogs(1));
    held.exec.attempts[0].logs_abandoned_at = Some(at(3615));
    let Step::Release(_, finalizer) = held.step() else {
        panic!("releases")
    };
    assert_eq!(finalizer, LOGS_FINALIZER);
}

#[test]
fn an_outage_does_not_use_up_the_time_to_store_a_log() {
    let mut case = Case::over(ExecState::Failed, &[LOGS_FINALIZER]).at(15 + 7200);
    case.exec.attempts[0].settled_at = Some(at(15 + 7200));
    assert_eq!(case.step(), Step::Wait);
    assert_eq!(case.at(15 + 7200 + 3600).step(), Step::AbandonLogs(1));
}

#[test]
fn a_lost_exec_is_corrected_by_its_own_pod_only() {
    let mut case = Case::over(ExecState::Lost, &[OUTCOME_FINALIZER]);
    assert_eq!(case.end(), (ExecEvent::Failed, Reason::ExitCode, Some(3)));
    case.view.pods[0].uid = "pod-2".to_owned();
    assert_eq!(case.name(), "release", "it has nothing to say of this exec");
    case.view.pods[0].uid = "pod-1".to_owned();
    case.view.pods[0].evidence = Evidence::Running(at(11));
    assert_eq!(case.step(), Step::Wait, "kept for late evidence");
    assert_eq!(case.at(15 + 86_400).name(), "release");
}

#[test]
fn a_lost_pod_that_is_over_is_not_kept() {
    let mut case = Case::over(ExecState::Lost, &[OUTCOME_FINALIZER]);
    let gone = ending(EndingKind::Unknown, Reason::NodeLost);
    case.view.pods[0].evidence = Evidence::Ended(gone);
    assert_eq!(case.name(), "release", "its node was removed");
}

#[test]
fn a_pod_whose_job_went_without_it_is_deleted() {
    let mut case = Case::over(ExecState::Failed, &[]);
    case.view.jobs.clear();
    assert_eq!(case.step(), Step::Done, "Kubernetes removes it");
    case.view.pods[0].job_uid = None;
    assert_eq!(case.name(), "delete");
    case.view.pods[0].deletion_due = Some(at(16));
    assert_eq!(case.step(), Step::Done);
}

#[test]
fn earlier_attempts_are_cleaned_up_beside_the_current_one() {
    let mut case = Case::created();
    case.exec.attempt = 2;
    case.exec.attempts[0].ended_at = Some(at(5));
    case.exec.attempts.push(attempt(2));
    assert_eq!(case.step(), Step::DeleteJob(job(1)));
    case.view.jobs = vec![job(2)];
    case.view.pods.push(pod(2, Evidence::Gated));
    assert_eq!(case.name(), "claim");
}

#[test]
fn objects_without_an_exec_are_deleted_after_quarantine() {
    let mut view = View {
        jobs: vec![job(1)],
        pods: Vec::new(),
    };
    let step = |view: &View, seconds| decide_orphan(view, &limits(), at(seconds));
    assert_eq!(step(&view, 3601), Step::Wait);
    assert_eq!(step(&view, 3602), Step::DeleteJob(job(1)));
    view.jobs[0].deleting = true;
    let mut gone = pod(
        1,
        Evidence::Ended(ending(EndingKind::Failed, Reason::ExitCode)),
    );
    hold(&mut gone, &[LOGS_FINALIZER]);
    view.pods.push(gone);
    assert_eq!(step(&view, 3700).name(), "release");
    view.pods[0].evidence = Evidence::Running(at(11));
    assert_eq!(step(&view, 3700), Step::Wait, "it is being stopped");
    view.pods[0].deletion_due = Some(at(3700));
    assert_eq!(step(&view, 3700 + 900).name(), "release", "nobody stops it");
    hold(&mut view.pods[0], &[]);
    view.pods[0].deletion_due = None;
    assert_eq!(step(&view, 3700), Step::Wait, "its Job takes it along");
    view.pods[0].job_uid = None;
    assert_eq!(step(&view, 3700).name(), "delete");
    assert_eq!(step(&View::default(), 0), Step::Done);
}
