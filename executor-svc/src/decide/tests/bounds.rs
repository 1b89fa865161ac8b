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
        Just(Evidence::Exiting),
    ]
}

proptest! {
    /// Whatever the time and whoever asks, a pod that may still run its program
    /// neither ends its exec nor gives way to another attempt.
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
        let step = case.step();
        prop_assert!(!matches!(step, Step::End(_) | Step::Retry(_) | Step::DeleteJob(_)), "{}", step.name());
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
