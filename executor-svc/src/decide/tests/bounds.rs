//! What holds for every picture.

use proptest::prelude::*;

use super::*;
use crate::evidence::Obstacle;

fn any_live_evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        Just(Evidence::Gated),
        Just(Evidence::Unscheduled(None)),
        Just(Evidence::Starting(Obstacle::Image)),
        Just(Evidence::Starting(Obstacle::Config("c".to_owned()))),
        (0..2000_i64).prop_map(|seconds| Evidence::Running(at(seconds))),
        Just(Evidence::Exiting(ending(
            EndingKind::Failed,
            Reason::ExitCode
        ))),
    ]
}

proptest! {
    /// Whoever asks, and however late it is short of the bound for a silent node, a pod that
    /// may still run its program neither ends its exec nor gives way to another attempt.
    #[test]
    fn a_live_claimed_pod_is_never_ended_without_evidence(
        evidence in any_live_evidence(),
        cancelled: bool,
        condemned: bool,
        stopping: bool,
        running: bool,
        now in 20..200_000_i64,
    ) {
        let mut case = Case::claimed(evidence).at(now);
        case.exec.cancel_requested_at = cancelled.then(|| at(15));
        case.exec.attempts[0].reason = condemned.then_some(Reason::ImagePull);
        case.exec.state = if running { ExecState::Running } else { ExecState::Waiting };
        case.view.pods[0].stopping = stopping;
        let has_exited = matches!(case.view.pods[0].evidence, Evidence::Exiting(_));
        let silent = now >= 14 + i64::try_from(limits().node_lost_after.as_secs()).unwrap();
        let step = case.step();
        let ends = matches!(step, Step::End(_) | Step::Retry(_) | Step::DeleteJob(_));
        prop_assert_eq!(ends, has_exited && silent, "{}", step.name());
    }

    /// An exec whose claim is not seen may only end if that still holds under
    /// the row's lock.
    #[test]
    fn an_unclaimed_end_asks_for_the_claim(
        created: bool,
        cancelled: bool,
        gated: bool,
        given_up: bool,
        attempts in 1..5_i32,
        now in 20..200_000_i64,
    ) {
        let mut case = if created { Case::created() } else { Case::new() }.at(now);
        case.exec.cancel_requested_at = cancelled.then(|| at(15));
        if created && gated {
            case.view.pods.push(pod(1, Evidence::Gated));
        }
        if created {
            let failed = given_up.then(|| "BackoffLimitExceeded".to_owned());
            case.view.jobs = vec![ObservedJob { failed, ..job(attempts) }];
            case.exec.attempt = attempts;
            case.exec.attempts = vec![attempt(attempts)];
        }
        match case.step() {
            Step::End(end) => prop_assert!(end.only_unclaimed),
            Step::Retry(retry) => prop_assert!(retry.end.only_unclaimed),
            _ => {}
        }
    }
}

/// A cluster that takes what it is told and never says anything: an hour passes wherever
/// nothing is to be done.
fn in_silence(case: &mut Case, step: Step) {
    let row = &mut case.exec.attempts[0];
    match step {
        // The API server refuses a Job for now.
        Step::Wait | Step::WaitUntil(_) | Step::CreateJob(_) => case.now += TimeDelta::hours(1),
        Step::ForgetJob(..) => row.job_uid = None,
        Step::Claim(_, pod) => {
            row.pod_uid = pod.uid();
            row.claimed_at = Some(case.now);
        }
        Step::Open(_) => case.view.pods[0].evidence = Evidence::Unscheduled(None),
        Step::Place(_, placement) => row.node = Some(placement.node),
        Step::Start(_, start) => {
            (row.started_at, row.start_recorded_at) = (Some(start.at), Some(case.now));
            case.exec.state = ExecState::Running;
        }
        Step::Tell(_, obstacle) => row.obstacle = Some(obstacle),
        Step::Condemn(_, why) => (row.reason, row.message) = (Some(why.reason), Some(why.message)),
        Step::Stop(_) | Step::StopUnstarted(_) => case.view.pods[0].stopping = true,
        Step::Withdraw(_) | Step::Delete(_) => {
            case.view.pods[0].deletion_due = Some(case.now);
            if matches!(
                case.view.pods[0].evidence,
                Evidence::Gated | Evidence::Unscheduled(_)
            ) {
                // The API server itself removes a pod without a node.
                case.view.pods.clear();
            }
        }
        step => panic!("{step:?} of an exec that is open"),
    }
}

proptest! {
    /// Whatever is found, and though neither cluster nor node says anything more, an exec
    /// ends or comes to its next attempt: every row that is open has a deadline.
    #[test]
    fn no_exec_waits_for_ever(
        evidence in any_live_evidence(),
        claimed: bool,
        has_job: bool,
        has_pod: bool,
        deleting: bool,
        running: bool,
        cancelled: bool,
        others in 0..2_usize,
        unsealed in prop_oneof![Just(0), Just(2000_usize)],
    ) {
        let mut case = if claimed { Case::claimed(evidence.clone()) } else { Case::created() };
        if !claimed && has_pod {
            case.view.pods.push(pod(1, evidence.clone()));
        }
        if !has_job {
            case.view.jobs.clear();
        }
        for job in &mut case.view.jobs {
            job.deleting = deleting;
        }
        let placed = !matches!(evidence, Evidence::Gated | Evidence::Unscheduled(_));
        if claimed && placed && running {
            case.exec.state = ExecState::Running;
            let row = &mut case.exec.attempts[0];
            (row.started_at, row.start_recorded_at) = (Some(at(11)), Some(at(11)));
        }
        case.exec.cancel_requested_at = cancelled.then(|| at(15));
        case.load = Load { jobs: others, pods: others, placed: others, unsealed };
        let mut steps = 0;
        loop {
            match case.step() {
                Step::End(_) | Step::Retry(_) => break,
                step => in_silence(&mut case, step),
            }
            steps += 1;
            prop_assert!(steps < 100, "after {steps} steps: {:?} {:?}", case.step(), case.exec);
        }
        // Admission, a day for room, a day for its run.
        prop_assert!(case.now < at(4 * 86_400), "not before {}", case.now);
    }
}
