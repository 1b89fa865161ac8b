//! Decisions about a claimed pod whose program has not started: what it waits for, and how
//! long.

use std::time::Duration;

use shared_types::{Phase, Reason};
use store::lifecycle::StopReason;

use super::{Facts, Step, passed, tell};
use crate::config::Limits;
use crate::evidence::Obstacle;
use crate::view::ObservedPod;

pub(super) fn unscheduled(facts: &Facts<'_>, message: Option<&str>) -> Step {
    let Some(claimed_at) = facts.exec.current().and_then(|attempt| attempt.claimed_at) else {
        return Step::Wait;
    };
    let limit = facts.limits.room_deadline(facts.load.placed);
    if passed(facts, claimed_at, limit) {
        let why = message.unwrap_or("no reason given");
        let message = format!("no node had room in time: {why}");
        let reason = Reason::Unschedulable;
        return Step::Condemn(facts.exec.attempt, StopReason { reason, message });
    }
    match message {
        Some(why) => {
            let message = format!("no node has room for it: {why}");
            tell(facts, Phase::Unschedulable, message)
        }
        None => Step::Wait,
    }
}

pub(super) fn starting(facts: &Facts<'_>, pod: &ObservedPod, obstacle: &Obstacle) -> Step {
    let attempt = facts.exec.attempt;
    if let Some(placement) = pod
        .placement()
        .filter(|_| facts.exec.current().is_some_and(|a| a.node.is_none()))
    {
        return Step::Place(attempt, placement);
    }
    let hurdle = hurdle(facts.limits, pod, obstacle);
    let Hurdle {
        reason,
        phase,
        message,
        ..
    } = hurdle;
    if passed(facts, pod.placed_at, hurdle.limit) {
        Step::Condemn(attempt, StopReason { reason, message })
    } else if let Some(phase) = phase {
        tell(facts, phase, message)
    } else {
        Step::Wait
    }
}

/// What to make of what the start waits for.
struct Hurdle {
    /// How long, from the node.
    limit: Duration,
    /// Then the exec ends for this.
    reason: Reason,
    /// As which phase it is told meanwhile, unless it is what every start waits for.
    phase: Option<Phase>,
    message: String,
}

fn hurdle(limits: &Limits, pod: &ObservedPod, obstacle: &Obstacle) -> Hurdle {
    let (limit, reason, phase, message) = match obstacle {
        Obstacle::Sandbox => (
            limits.start_deadline,
            Reason::StartError,
            None,
            "the node did not set the pod up in time".to_owned(),
        ),
        Obstacle::Image => (
            limits.pull_deadline,
            Reason::ImagePull,
            None,
            "the image was not there in time".to_owned(),
        ),
        Obstacle::Pull(failure) => (
            failure.patience(limits),
            Reason::ImagePull,
            Some(Phase::Pulling),
            format!(
                "the image {} could not be pulled: {}",
                pod.image(),
                failure.message()
            ),
        ),
        Obstacle::Config(message) => (
            limits.config_error_deadline,
            Reason::ConfigError,
            Some(Phase::Starting),
            format!("the container's configuration was refused: {message}"),
        ),
        Obstacle::Create(message) => (
            limits.config_error_deadline,
            Reason::StartError,
            Some(Phase::Starting),
            format!("the container could not be made: {message}"),
        ),
    };
    Hurdle {
        limit,
        reason,
        phase,
        message,
    }
}
