mod bounds;
mod claimed;
mod cleanup;
mod retrying;

use kube::ResourceExt;
use shared_types::{ExecId, ExecState, JobId, Phase, RunRules};
use store::lifecycle::Attempt;

use super::*;
use crate::config::{Config, DEFAULTS};
use crate::evidence::{Ending, EndingKind, Evidence};
use crate::view::ObservedPod;

fn limits() -> Limits {
    #[derive(serde::Deserialize)]
    struct Defaults {
        limits: Limits,
    }
    chassis::config::load_from::<Defaults>(DEFAULTS, None, Some(std::collections::HashMap::new()))
        .unwrap()
        .limits
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
}

/// What one test changes about an exec that was claimed 10 s after it was made.
struct Case {
    exec: Tracked,
    view: View,
    load: Load,
    now: DateTime<Utc>,
}

impl Case {
    fn new() -> Self {
        let exec = Tracked {
            id: ExecId::new(),
            job_id: JobId(1),
            namespace: "demo".to_owned(),
            region: "r".to_owned(),
            created_at: at(0),
            cancel_requested_at: None,
            state: ExecState::Waiting,
            attempt: 0,
            traceparent: None,
            ended_at: None,
            attempts: Vec::new(),
        };
        Self {
            exec,
            view: View::default(),
            load: Load::default(),
            now: at(20),
        }
    }

    /// Its current attempt has a Job.
    fn created() -> Self {
        let mut case = Self::new();
        case.exec.attempt = 1;
        case.exec.attempts.push(attempt(1));
        case.view.jobs.push(job(1));
        case
    }

    /// Its pod is claimed and shows this.
    fn claimed(evidence: Evidence) -> Self {
        let mut case = Self::created();
        let row = &mut case.exec.attempts[0];
        row.pod_uid = Some("pod-1".to_owned());
        row.pod_name = Some("p".to_owned());
        row.claimed_at = Some(at(10));
        case.view.pods.push(pod(1, evidence));
        case
    }

    /// It has ended, and its pod still holds these finalizers.
    fn over(state: ExecState, finalizers: &[&str]) -> Self {
        let ending = ending(EndingKind::Failed, Reason::ExitCode);
        let mut case = Self::claimed(Evidence::Ended(ending));
        case.exec.state = state;
        case.exec.ended_at = Some(at(15));
        case.exec.attempts[0].ended_at = Some(at(15));
        case.exec.attempts[0].settled_at = Some(at(15));
        hold(&mut case.view.pods[0], finalizers);
        case
    }

    /// Its current attempt comes after others, which ended for these reasons.
    fn after<const N: usize>(mut self, reasons: [Reason; N]) -> Self {
        let number = |index: usize| i32::try_from(index).unwrap() + 1;
        self.exec.attempt = number(N);
        self.exec.attempts[0].attempt = number(N);
        for pod in &mut self.view.pods {
            pod.attempt = number(N);
        }
        self.view.jobs.clear();
        let earlier = reasons.into_iter().enumerate().map(|(index, reason)| {
            let mut row = attempt(number(index));
            (row.ended_at, row.reason) = (Some(at(2)), Some(reason));
            row
        });
        self.exec.attempts.splice(0..0, earlier);
        self
    }

    fn cancelled(mut self) -> Self {
        self.exec.cancel_requested_at = Some(at(15));
        self
    }

    fn at(mut self, seconds: i64) -> Self {
        self.now = at(seconds);
        self
    }

    fn step(&self) -> Step {
        let (limits, exec, view) = (limits(), &self.exec, &self.view);
        decide(&Facts {
            exec,
            view,
            load: self.load,
            limits: &limits,
            now: self.now,
        })
    }

    fn name(&self) -> &'static str {
        self.step().name()
    }

    fn end(&self) -> (ExecEvent, Reason, Option<i32>) {
        match self.step() {
            Step::End(end) => (end.event, end.reason, end.exit_code),
            other => panic!("no end: {}", other.name()),
        }
    }
}

fn attempt(number: i32) -> Attempt {
    Attempt {
        attempt: number,
        created_at: at(1),
        not_before: None,
        job_uid: Some(format!("job-{number}")),
        pod_uid: None,
        pod_name: None,
        claimed_at: None,
        node: Some("n".to_owned()),
        rules: RunRules::default(),
        started_at: None,
        start_recorded_at: None,
        ended_at: None,
        settled_at: None,
        logs_abandoned_at: None,
        obstacle: None,
        reason: None,
        message: None,
    }
}

fn set_grace(pod: &mut ObservedPod, seconds: i64) {
    let spec = Arc::make_mut(&mut pod.pod).spec.get_or_insert_default();
    spec.termination_grace_period_seconds = Some(seconds);
}

fn job(number: i32) -> ObservedJob {
    ObservedJob {
        attempt: number,
        namespace: "jobs-demo".to_owned(),
        name: format!("x-{number}"),
        uid: format!("job-{number}"),
        created_at: at(2),
        deleting: false,
        failed: None,
    }
}

fn pod(number: i32, evidence: Evidence) -> ObservedPod {
    let object = serde_json::json!({
        "metadata": { "name": "p", "uid": format!("pod-{number}"), "resourceVersion": "1" },
        "spec": { "nodeName": "n", "containers": [{ "name": "main", "image": "i:t" }] },
    });
    ObservedPod {
        attempt: number,
        uid: format!("pod-{number}"),
        job_uid: Some(format!("job-{number}")),
        placed_at: at(10),
        deletion_due: None,
        stopping: false,
        evidence,
        pod: Arc::new(serde_json::from_value(object).unwrap()),
    }
}

fn hold(pod: &mut ObservedPod, finalizers: &[&str]) {
    let names = finalizers.iter().map(|&name| name.to_owned()).collect();
    *Arc::make_mut(&mut pod.pod).finalizers_mut() = names;
}

fn ending(kind: EndingKind, reason: Reason) -> Ending {
    let exit_code = matches!(kind, EndingKind::Failed).then_some(3);
    Ending {
        kind,
        reason,
        message: "why".to_owned(),
        exit_code,
        started_at: None,
        finished_at: Some(at(14)),
    }
}

#[test]
fn the_defaults_are_a_whole_configuration() {
    let given = [
        ("ESCAPEMENT__DATABASE__URL", "postgres://h/d"),
        ("ESCAPEMENT__BROKER__URL", "amqp://h"),
        ("ESCAPEMENT__SECRETS__KEYS", "a:unread"),
        ("ESCAPEMENT__CLUSTER__REGION", "HERE"),
    ];
    let given = given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let config: Config = chassis::config::load_from(DEFAULTS, None, Some(given)).unwrap();
    assert_eq!(config.cluster.region, "HERE");
    assert_eq!(config.namespace.quota["pods"], "10000");
}

#[test]
fn what_was_not_admitted_in_time_ends_and_names_it() {
    let mut case = Case::new();
    case.now = at(24 * 3600 - 1);
    assert_eq!(case.step(), Step::Admit);
    case.now = at(24 * 3600);
    let Step::End(end) = case.step() else {
        panic!("{:?}", case.step());
    };
    assert_eq!(
        (end.reason, end.attempt, end.only_unclaimed),
        (Reason::QueueTimeout, 0, true)
    );
    assert_eq!(end.line, "Failed: it waited too long for its turn.");
}

#[test]
fn what_is_not_begun_in_a_day_ends_and_names_what_it_waited_for() {
    let mut case = Case::created().at(1 + 86_399);
    case.view.jobs[0].deleting = true;
    assert_eq!(case.step(), Step::Wait);
    let mut case = case.at(1 + 86_400);
    assert_eq!(case.end(), (ExecEvent::Failed, Reason::QueueTimeout, None));
    let quota = Obstacle {
        phase: Phase::Claimed,
        message: "quota".to_owned(),
    };
    let row = &mut case.exec.attempts[0];
    (row.job_uid, row.obstacle) = (None, Some(quota));
    let Step::End(end) = case.step() else {
        panic!("{:?}", case.step());
    };
    assert_eq!(end.reason, Reason::PodRefused);
    assert_eq!(end.message, "it could not be started in time: quota");
    case.exec.attempts[0].not_before = Some(at(60));
    assert_eq!(case.step(), Step::CreateJob(1), "it paused before");
}

/// What a restarted executor may find, row by row.
#[test]
fn recovery() {
    assert_eq!(Case::new().step(), Step::Admit);
    let mut case = Case::created();
    case.exec.attempts[0].job_uid = None;
    assert_eq!(
        case.step(),
        Step::CreateJob(1),
        "created or adopted by the same step"
    );
    assert_eq!(Case::created().step(), Step::Wait);

    let mut case = Case::created();
    case.view.pods.push(pod(1, Evidence::Gated));
    assert_eq!(case.name(), "claim");

    let mut case = Case::created();
    case.view.jobs.clear();
    assert_eq!(case.step(), Step::ForgetJob(1, "job-1".to_owned()));

    let mut case = Case::claimed(Evidence::Gated);
    assert_eq!(case.name(), "open");
    let mut other = pod(1, Evidence::Gated);
    other.uid = "pod-2".to_owned();
    case.view.pods.insert(0, other);
    let Step::Open(opened) = case.step() else {
        panic!("opens")
    };
    assert_eq!(
        opened.uid().as_deref(),
        Some("pod-1"),
        "the other pod stays gated"
    );

    let running = Case::claimed(Evidence::Running(at(11)));
    assert_eq!(running.name(), "start");
    let mut case = Case::claimed(Evidence::Running(at(11)));
    case.exec.state = ExecState::Running;
    assert_eq!(case.step(), Step::Wait);
    case.view = View::default();
    assert_eq!(case.end(), (ExecEvent::Vanished, Reason::PodVanished, None));
}

#[test]
fn a_pod_is_claimed_only_of_the_recorded_job_and_while_logs_are_stored() {
    let mut case = Case::created();
    case.view.pods.push(pod(1, Evidence::Gated));
    case.load.unsealed = limits().unsealed_pods;
    let Step::Tell(1, told) = case.step() else {
        panic!("{:?}", case.step());
    };
    assert_eq!(told.phase, Phase::Gated);
    case.exec.attempts[0].obstacle = Some(told);
    assert_eq!(case.step(), Step::Wait);
    case.load.unsealed = 0;
    case.view.pods[0].job_uid = Some("another".to_owned());
    assert_eq!(case.step(), Step::Wait);
}

#[test]
fn a_job_that_makes_no_pod_is_given_up() {
    let mut overdue = Case::created().at(2 + 300);
    assert_eq!(overdue.name(), "retry");
    overdue.load.pods = 1;
    assert_eq!(overdue.step(), Step::Wait, "pods of others hold the quota");
    let overdue = overdue.at(2 + 86_400);
    let mut overdue = overdue.after([Reason::Evicted, Reason::PodRefused]);
    overdue.view.jobs.push(ObservedJob {
        uid: "job-1".to_owned(),
        ..job(3)
    });
    assert_eq!(overdue.end(), (ExecEvent::Failed, Reason::PodRefused, None));
    let mut case = Case::created().at(2 + 300);
    case.view.pods.push(pod(1, Evidence::Gated));
    assert_eq!(
        case.name(),
        "claim",
        "a pod that waits for us has no deadline"
    );
    let mut case = Case::created();
    case.view.jobs[0].failed = Some("BackoffLimitExceeded".to_owned());
    assert_eq!(case.name(), "retry");
}
