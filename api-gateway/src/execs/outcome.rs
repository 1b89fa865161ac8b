//! How a run went and why it ended: the same in execs and attempts.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_types::{Owner, Reason};
use utoipa::ToSchema;

use crate::openapi::types::{self, or_null, schemas};
use crate::reply::timestamp::Timestamp;

/// How a run went.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeView<'a> {
    /// When its program started.
    #[schema(required)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// How long the program ran.
    #[schema(required, inline)]
    duration: Option<Duration>,
    #[schema(required, schema_with = reason)]
    reason: Option<Reason>,
    /// The reason for people.
    #[schema(required)]
    message: Option<&'a str>,
    #[schema(required, schema_with = owner)]
    reason_owner: Option<Owner>,
    /// What can be done about it.
    #[schema(required)]
    next_step: Option<&'static str>,
    /// Exit code of the program.
    #[schema(required)]
    exit_code: Option<i32>,
}

schemas! {
    reason = or_null(types::word(
        Reason::ALL.iter().map(|reason| reason.as_str()),
        "Why it is in this state",
    ));
    owner = or_null(types::word(
        Owner::ALL.map(Owner::as_str),
        "Who can do something about the reason",
    ));
}

impl<'a> OutcomeView<'a> {
    /// A run from its start to its end, and why it ended.
    pub fn new(
        (started_at, ended_at): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        (reason, message): (Option<Reason>, Option<&'a str>),
        exit_code: Option<i32>,
    ) -> Self {
        let (reason_owner, next_step) = reason.and_then(Reason::remedy).unzip();
        Self {
            started_at: started_at.map(Timestamp),
            ended_at: ended_at.map(Timestamp),
            duration: Duration::between(started_at, ended_at),
            reason,
            message,
            reason_owner,
            next_step,
            exit_code,
        }
    }
}

/// How long the program ran, in whole seconds; hours are not cut at a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
struct Duration {
    /// Whole ones.
    #[schema(minimum = 0)]
    hours: i64,
    /// Whole ones.
    #[schema(minimum = 0)]
    minutes: i64,
    /// Whole ones.
    #[schema(minimum = 0)]
    seconds: i64,
}

impl Duration {
    fn between(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Option<Self> {
        let seconds = (end? - start?).num_seconds().max(0);
        Some(Self {
            hours: seconds / 3600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
        })
    }
}
