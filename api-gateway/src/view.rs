//! The JSON of the 2015 API: its field names, letters, and times. Fields it did
//! not have are additions that a 2015 client ignores.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use shared_types::{Command, ExecId, JobId, Reason};
use store::execs::Exec;
use store::jobs::Job;

/// An instant as `2015-12-28T14:31:07.639255+00:00`, always with six digits.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

/// A list's page.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    /// Rows of the whole list, exactly.
    pub count: i64,
    /// Absolute URL of the next newer page.
    pub previous: Option<String>,
    /// Absolute URL of the next older page.
    pub next: Option<String>,
    /// The page.
    pub results: Vec<T>,
}

/// A job.
#[derive(Debug, Serialize)]
pub struct JobView<'a> {
    id: JobId,
    name: &'a str,
    namespace: &'a str,
    created_by: &'a str,
    command: &'a Command,
    docker_image_repo: &'a str,
    docker_image_tag: &'a str,
    resource_size: &'a str,
    region_name: &'a str,
    is_schedule_active: bool,
    schedule_mode: Option<&'a str>,
    runtime_vars: &'a BTreeMap<String, String>,
    email_enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Job> for JobView<'a> {
    fn from(job: &'a Job) -> Self {
        let definition = &job.definition;
        let spec = &definition.spec;
        Self {
            id: job.id,
            name: &definition.name,
            namespace: &definition.namespace,
            created_by: &definition.created_by,
            command: &spec.command,
            docker_image_repo: &spec.image_repo,
            docker_image_tag: &spec.image_tag,
            resource_size: &spec.size,
            region_name: &definition.region,
            is_schedule_active: definition.schedule_active,
            schedule_mode: definition.schedule_mode.as_deref(),
            runtime_vars: &spec.vars,
            email_enabled: definition.email_enabled,
            created_at: Timestamp(job.created_at),
            updated_at: Timestamp(job.updated_at),
        }
    }
}

/// An exec; `job` is the job's number in lists and the job itself in a detail.
#[derive(Debug, Serialize)]
pub struct ExecView<'a, J> {
    id: ExecId,
    job: J,
    status: &'static str,
    trigger_mode: &'static str,
    created_by: &'a str,
    command: &'a Command,
    docker_image_repo: &'a str,
    docker_image_tag: &'a str,
    resource_size: &'a str,
    region_name: &'a str,
    runtime_vars: &'a BTreeMap<String, String>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    duration: Option<Duration>,
    reason: Option<Reason>,
    message: Option<&'a str>,
    exit_code: Option<i32>,
    attempt: i32,
    slot_at: Option<Timestamp>,
}

impl<'a, J> ExecView<'a, J> {
    /// The exec beside a form of its job.
    pub fn new(exec: &'a Exec, job: J) -> Self {
        let spec = &exec.spec;
        Self {
            id: exec.id,
            job,
            status: exec.state.letter(),
            trigger_mode: exec.trigger_mode.letter(),
            created_by: &exec.created_by,
            command: &spec.command,
            docker_image_repo: &spec.image_repo,
            docker_image_tag: &spec.image_tag,
            resource_size: &spec.size,
            region_name: &exec.region,
            runtime_vars: &spec.vars,
            created_at: Timestamp(exec.created_at),
            started_at: exec.started_at.map(Timestamp),
            ended_at: exec.ended_at.map(Timestamp),
            duration: Duration::of(exec),
            reason: exec.reason,
            message: exec.message.as_deref(),
            exit_code: exec.exit_code,
            attempt: exec.attempt,
            slot_at: exec.slot_at.map(Timestamp),
        }
    }
}

impl<'a> From<&'a Exec> for ExecView<'a, JobId> {
    fn from(exec: &'a Exec) -> Self {
        Self::new(exec, exec.job_id)
    }
}

/// How long the program ran, in whole seconds; hours are not cut at a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Duration {
    hours: i64,
    minutes: i64,
    seconds: i64,
}

impl Duration {
    fn of(exec: &Exec) -> Option<Self> {
        let seconds = (exec.ended_at? - exec.started_at?).num_seconds().max(0);
        Some(Self {
            hours: seconds / 3600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::{ExecSpec, ExecState, TriggerMode};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn exec(started: Option<&str>, ended: Option<&str>) -> Exec {
        Exec {
            id: "64b2d045-2881-4293-9bcd-bdc04b953115".parse().unwrap(),
            job_id: JobId(146),
            region: "BEIJING1".to_owned(),
            trigger_mode: TriggerMode::Manual,
            slot_at: None,
            created_by: "me".to_owned(),
            created_at: at("2015-12-28T14:51:53Z"),
            spec: ExecSpec {
                command: Command::Words(vec!["a".to_owned()]),
                image_repo: "i".to_owned(),
                image_tag: "t".to_owned(),
                size: "XS".to_owned(),
                vars: BTreeMap::new(),
            },
            state: ExecState::Failed,
            reason: Some(Reason::ExitCode),
            message: None,
            exit_code: Some(3),
            attempt: 1,
            started_at: started.map(at),
            ended_at: ended.map(at),
        }
    }

    fn duration(started: Option<&str>, ended: Option<&str>) -> serde_json::Value {
        json!(ExecView::from(&exec(started, ended)))["duration"].clone()
    }

    #[test]
    fn times_have_six_digits_and_an_offset() {
        for (given, shown) in [
            ("2015-12-28T14:51:53.1Z", "2015-12-28T14:51:53.100000+00:00"),
            ("2015-12-28T14:51:53Z", "2015-12-28T14:51:53.000000+00:00"),
            (
                "2015-12-28T14:51:53.6392559Z",
                "2015-12-28T14:51:53.639255+00:00",
            ),
        ] {
            assert_eq!(json!(Timestamp(at(given))), shown);
        }
    }

    #[test]
    fn durations() {
        let start = Some("2015-12-28T14:00:00.5Z");
        assert_eq!(duration(None, start), json!(null));
        assert_eq!(duration(start, None), json!(null));
        for (end, hours, minutes, seconds) in [
            ("2015-12-28T14:00:10.5Z", 0, 0, 10),
            ("2015-12-28T14:00:10.4Z", 0, 0, 9),
            ("2015-12-30T16:03:04.5Z", 50, 3, 4),
            ("2015-12-28T13:59:59Z", 0, 0, 0),
        ] {
            let expected = json!({ "hours": hours, "minutes": minutes, "seconds": seconds });
            assert_eq!(duration(start, Some(end)), expected);
        }
    }

    #[test]
    fn an_exec_in_words_and_letters() {
        let exec = exec(None, Some("2015-12-28T14:00:00Z"));
        let view = json!(ExecView::from(&exec));
        assert_eq!(view["status"], "F");
        assert_eq!(view["trigger_mode"], "M");
        assert_eq!(view["reason"], "exit_code");
        assert_eq!(view["command"], json!(["a"]));
        assert_eq!(view["runtime_vars"], json!({}));
        assert_eq!(view["id"], "64b2d045-2881-4293-9bcd-bdc04b953115");
    }
}
