//! Which failures are followed by another attempt, and when.

use shared_types::{Guarantee, RetryOn};

use super::*;

/// A program that ran and ended so, of a job with these rules.
fn ended(kind: EndingKind, reason: Reason, rules: &RunRules) -> Case {
    let mut case = Case::claimed(Evidence::Ended(ending(kind, reason)));
    case.exec.state = ExecState::Running;
    case.exec.attempts[0].rules = rules.clone();
    case
}

fn retries(count: u32) -> RunRules {
    RunRules {
        retries: Some(count),
        ..RunRules::default()
    }
}

#[test]
fn a_failure_of_the_program_is_repeated_as_often_as_its_job_says() {
    let failed = |rules: &RunRules| ended(EndingKind::Failed, Reason::ExitCode, rules);
    assert_eq!(failed(&RunRules::default()).name(), "end");
    assert_eq!(failed(&retries(0)).name(), "end");
    let twice = retries(2);
    assert_eq!(failed(&twice).name(), "retry");
    assert_eq!(failed(&twice).cancelled().name(), "end");
    let again = failed(&twice).after([Reason::ExitCode]);
    assert_eq!(again.name(), "retry");
    let over = failed(&twice).after([Reason::ExitCode, Reason::Oom]);
    assert_eq!(over.end(), (ExecEvent::Failed, Reason::ExitCode, Some(3)));
    let disrupted = failed(&twice).after([Reason::Disrupted, Reason::ExitCode]);
    assert_eq!(disrupted.name(), "retry", "the platform's are not counted");

    let only = |cause| RunRules {
        retry_on: Some(vec![cause]),
        ..retries(2)
    };
    assert_eq!(failed(&only(RetryOn::ExitCode(3))).name(), "retry");
    assert_eq!(failed(&only(RetryOn::ExitCode(4))).name(), "end");
    let stopped = |rules: &RunRules| ended(EndingKind::Stopped, Reason::Timeout, rules);
    assert_eq!(stopped(&retries(2)).name(), "end");
    let timeout = only(RetryOn::Reason(Reason::Timeout));
    assert_eq!(stopped(&timeout).name(), "retry");
    let mut vanished = stopped(&timeout);
    vanished.exec.attempts[0].reason = Some(Reason::Timeout);
    vanished.view = View::default();
    assert_eq!(vanished.end().1, Reason::Timeout, "nobody saw it stop");
    let succeeded = ended(EndingKind::Succeeded, Reason::Completed, &twice);
    assert_eq!(succeeded.name(), "end");
    let bad = ended(EndingKind::Failed, Reason::StartError, &twice);
    assert_eq!(bad.name(), "end", "it would be as wrong the next time");
}

#[test]
fn what_the_platform_ended_is_repeated_only_where_twice_is_allowed() {
    let at_least_once = RunRules {
        guarantee: Some(Guarantee::AtLeastOnce),
        ..RunRules::default()
    };
    let gone = |rules: &RunRules| {
        let mut case = ended(EndingKind::Failed, Reason::Disrupted, rules);
        case.view = View::default();
        case
    };
    for case in [
        |rules: &RunRules| ended(EndingKind::Failed, Reason::Disrupted, rules),
        |rules: &RunRules| ended(EndingKind::Failed, Reason::Evicted, rules),
        |rules: &RunRules| ended(EndingKind::Unknown, Reason::NodeLost, rules),
        gone,
    ] {
        assert_eq!(case(&RunRules::default()).name(), "end");
        assert_eq!(case(&at_least_once).name(), "retry");
        assert_eq!(case(&retries(1)).name(), "retry");
        let rules = RunRules {
            retries: Some(5),
            guarantee: Some(Guarantee::AtMostOnce),
            ..RunRules::default()
        };
        assert_eq!(case(&rules).name(), "end");
        let earlier = [Reason::Evicted, Reason::ExitCode, Reason::NodeLost];
        assert_eq!(case(&retries(5)).after(earlier).name(), "end");
    }
    let mut lost = gone(&at_least_once);
    lost.exec.cancel_requested_at = Some(at(15));
    assert_eq!(lost.end().0, ExecEvent::Cancelled);
}

#[test]
fn pauses_grow_up_to_a_cap_and_differ() {
    let pause = |number: usize, rules: &RunRules| {
        let case = ended(EndingKind::Failed, Reason::ExitCode, rules);
        let case = match number {
            1 => case,
            2 => case.after([Reason::ExitCode]),
            _ => case.after([Reason::ExitCode; 8]),
        };
        let Step::Retry(retry) = case.step() else {
            panic!("is repeated")
        };
        assert_eq!((retry.at, retry.end.attempt), (case.now, case.exec.attempt));
        let tail = u32::from(case.exec.id.0.as_bytes()[15]);
        let spread = f64::from(tail) / 255.0 / 5.0 + 1.0;
        let pause = (retry.not_before - retry.at).as_seconds_f64() / spread;
        assert!((pause - pause.round()).abs() < 0.001, "{pause}");
        format!("{pause:.0}")
    };
    let rules = |retry_backoff| RunRules {
        retry_backoff,
        ..retries(10)
    };
    let pauses = |rules: &RunRules| [1, 2, 9].map(|number| pause(number, rules));
    assert_eq!(pauses(&rules(None)), ["10", "20", "600"]);
    assert_eq!(pauses(&rules(Some(0))), ["0", "0", "0"]);
    assert_eq!(pauses(&rules(Some(3600))), ["3600", "3600", "3600"]);
}

#[test]
fn the_next_attempt_waits_for_its_time() {
    let mut case = Case::created();
    case.exec.attempts[0].job_uid = None;
    case.exec.attempts[0].not_before = Some(at(30));
    assert_eq!(case.step(), Step::WaitUntil(at(30)));
    assert_eq!(case.at(30).step(), Step::CreateJob(1));
}
