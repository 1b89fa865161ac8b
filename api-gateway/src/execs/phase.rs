//! What an exec that waits is waiting for, and since when.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use shared_types::Phase;
use store::admission::HeldBy;
use store::execs::{AttemptWait, Exec, QueuedWait, Wait};
use store::jobs::{Job, JobDefinition};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::openapi::types::{self, or_null, schemas};
use crate::reply::timestamp::Timestamp;

/// What keeps an exec from running.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Waiting, examples(example))]
pub struct WaitingView {
    #[schema(schema_with = phase)]
    phase: &'static str,
    /// The same for people.
    message: String,
    /// Since when.
    since: Timestamp,
    #[schema(required, schema_with = place)]
    place: Option<i64>,
}

schemas! {
    phase = types::word(Phase::ALL.map(Phase::as_str), "How far it has come");
    place = or_null(place_schema());
}

fn place_schema() -> Object {
    let description = "Its place in the queue of its namespace, while it is `queued`; 10000 \
                       stands for that or more";
    let mut schema = types::typed(utoipa::openapi::Type::Integer, description);
    schema.minimum = Some(1_u32.into());
    schema.maximum = Some(10_000_u32.into());
    schema
}

fn example() -> Value {
    json!({
        "phase": "queued",
        "message": "place 3 in the queue of chennanfei: region BEIJING1 runs 5000 execs, as many \
                    as it may",
        "since": "2015-12-28T14:51:53.074169+00:00", "place": 3,
    })
}

impl WaitingView {
    /// An exec of a job that waits, seen now.
    pub fn new((exec, job): (&Exec, &Job), wait: &Wait, now: DateTime<Utc>) -> Self {
        let definition = &job.definition;
        match wait {
            Wait::Queued(queued) => Self {
                phase: Phase::Queued.as_str(),
                message: format!(
                    "place {} in the queue of {}: {}",
                    queued.place,
                    definition.namespace,
                    why_queued(&exec.region, definition, queued)
                ),
                since: Timestamp(exec.created_at),
                place: Some(queued.place),
            },
            Wait::Attempt(attempt) => {
                let (phase, message, since) = under_way(attempt, now);
                Self {
                    phase: phase.as_str(),
                    message,
                    since: Timestamp(since),
                    place: None,
                }
            }
        }
    }
}

fn why_queued(region: &str, job: &JobDefinition, queued: &QueuedWait) -> String {
    if let Some(limit) = job.max_running
        && queued.running_of_job >= i64::from(limit)
    {
        return format!("its job runs {limit}, as many as max_running lets it");
    }
    let namespace = &job.namespace;
    match queued.held {
        Some((HeldBy::Region, bound)) => {
            format!("region {region} runs {bound} execs, as many as it may")
        }
        Some((HeldBy::Namespace, bound)) => {
            format!("{namespace} runs {bound} execs, as many as it may")
        }
        Some((HeldBy::StartRate, bound)) => {
            format!("{namespace} starts {bound} execs a minute, as many as it may")
        }
        None => format!("the executor of region {region} has not come to it"),
    }
}

fn under_way(attempt: &AttemptWait, now: DateTime<Utc>) -> (Phase, String, DateTime<Utc>) {
    let begun = attempt.not_before.unwrap_or(attempt.created_at);
    if begun > now && attempt.job_uid.is_none() {
        let message = format!("the next attempt begins at {}", Timestamp(begun));
        return (Phase::BackingOff, message, attempt.created_at);
    }
    let (phase, message, since) = match (&attempt.placement, attempt.claimed_at) {
        (Some((node, placed_at)), _) => {
            let message = format!("node {node} pulls the image and starts the program");
            (Phase::Pulling, message, *placed_at)
        }
        (None, Some(claimed_at)) => {
            let message = "no node was chosen yet".to_owned();
            (Phase::Unschedulable, message, claimed_at)
        }
        _ if attempt.job_uid.is_some() => {
            let message = "its pod is not let through to a node yet".to_owned();
            (Phase::Gated, message, begun)
        }
        _ => (
            Phase::Claimed,
            "its Kubernetes job is not made yet".to_owned(),
            begun,
        ),
    };
    match &attempt.obstacle {
        // What was told of an earlier phase is over.
        Some((obstacle, since)) if obstacle.phase >= phase => {
            (obstacle.phase, obstacle.message.clone(), *since)
        }
        _ => (phase, message, since),
    }
}
