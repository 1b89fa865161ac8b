//! Decisions about an attempt whose pod was not claimed: no program of it ever starts, so
//! it may be ended without evidence.

use shared_types::{ExecEvent, Phase, Reason};
use store::lifecycle::Attempt;

use super::retrying::retry_or_end;
use super::{Facts, Step, end, passed, tell, unstarted};
use crate::evidence::Evidence;
use crate::view::ObservedPod;

pub(super) fn decide(facts: &Facts<'_>, attempt: &Attempt) -> Step {
    match step(facts, attempt) {
        step @ (Step::Claim(..) | Step::End(_) | Step::Retry(_)) => step,
        step => overdue(facts, attempt).unwrap_or(step),
    }
}

pub(super) fn cancel(facts: &Facts<'_>) -> Step {
    let mut end = end(
        facts,
        ExecEvent::Cancelled,
        Reason::CancelledByUser,
        "before its start",
    );
    end.only_unclaimed = true;
    Step::End(Box::new(end))
}

/// Ends what could not be begun for so long, whatever it waits for: also while the cluster
/// does not answer, for no program of an unclaimed attempt ever starts.
fn overdue(facts: &Facts<'_>, attempt: &Attempt) -> Option<Step> {
    let since = attempt.not_before.unwrap_or(attempt.created_at);
    if !passed(facts, since, facts.limits.queue_deadline) {
        return None;
    }
    let obstacle = attempt.obstacle.as_ref();
    let reason = match obstacle.map(|obstacle| obstacle.phase) {
        Some(Phase::Claimed) => Reason::PodRefused,
        _ => Reason::QueueTimeout,
    };
    let why = obstacle.map_or("the cluster did not get as far as a pod", |obstacle| {
        &obstacle.message
    });
    let message = format!("it could not be started in time: {why}");
    Some(Step::End(Box::new(unstarted(facts, reason, message))))
}

fn step(facts: &Facts<'_>, attempt: &Attempt) -> Step {
    let job = facts.view.job(attempt.attempt);
    let (job, uid) = match (job, &attempt.job_uid) {
        (_, None) => return create(facts, attempt),
        (Some(job), Some(uid)) if job.uid == *uid => (job, uid),
        (_, Some(uid)) => return Step::ForgetJob(attempt.attempt, uid.clone()),
    };
    let made_by_it = |pod: &&ObservedPod| pod.job_uid.as_ref() == Some(uid);
    let mut pods = facts.view.pods.iter().filter(made_by_it).peekable();
    if job.deleting {
        return Step::Wait;
    }
    if let Some(failed) = &job.failed {
        let message = format!("Kubernetes gave the job up before its start: {failed}");
        return retry_or_end(facts, unstarted(facts, Reason::Disrupted, message), false);
    }
    let deadline = facts.limits.room_deadline(facts.load.pods);
    if pods.peek().is_none() && passed(facts, job.created_at, deadline) {
        let message = "Kubernetes made no pod for the job in time".to_owned();
        return retry_or_end(facts, unstarted(facts, Reason::PodRefused, message), false);
    }
    let gated = pods.find(|pod| pod.evidence == Evidence::Gated);
    match gated {
        // Without a reader logs would pile up on the nodes until they are lost.
        Some(pod) if facts.load.unsealed < facts.limits.unsealed_pods => {
            Step::Claim(attempt.attempt, pod.pod.clone())
        }
        Some(_) => {
            let message = "as many ended pods of the region as may be wait for their logs to be \
                           stored";
            tell(facts, Phase::Gated, message.to_owned())
        }
        None => Step::Wait,
    }
}

fn create(facts: &Facts<'_>, attempt: &Attempt) -> Step {
    match attempt.not_before {
        Some(at) if facts.now < at => Step::WaitUntil(at),
        _ => Step::CreateJob(attempt.attempt),
    }
}
