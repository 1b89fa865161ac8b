//! Answers as the 2015 page shows them, with what was added since.

use serde_json::{Value, json};

/// A job.
pub fn job() -> Value {
    json!({
        "id": 146, "name": "test", "namespace": "chennanfei", "created_by": "chennanfei",
        "command": "bash", "docker_image_repo": "registry.example.com/chennanfei/job_image",
        "docker_image_tag": "latest", "resource_size": "XXS", "region_name": "BEIJING1",
        "is_schedule_active": true, "schedule_mode": "R1/2015-12-31T16:00:23.446Z/PT1H",
        "runtime_vars": { "DB_HOST": "localhost" }, "secret_vars": { "DB_PASSWORD": null },
        "timeout": 3600, "retries": null, "email_enabled": false,
        "schedule_timezone": "UTC", "schedule_exclusions": [], "schedule_calendars": [],
        "schedule_gap": null, "schedule_repeat": null, "overlap_policy": "skip", "overlap_limit": null,
        "overlap_counts_manual": true, "catch_up": "latest", "catch_up_limit": null,
        "catch_up_window": null, "jitter": 0, "start_deadline": null,
        "effective_schedule": effective_schedule(),
        "next_runs": ["2015-12-31T16:00:23.446000+00:00"],
        "created_at": "2015-12-28T14:31:07.639255+00:00",
        "updated_at": "2015-12-28T14:31:07.639296+00:00",
    })
}

fn effective_schedule() -> Value {
    json!({
        "timezone": "UTC", "gap": "first_valid", "repeat": "first", "delay": 0.0,
        "overlap_policy": "skip", "overlap_limit": null, "overlap_counts_manual": true,
        "catch_up": "latest", "catch_up_limit": null, "catch_up_window": null, "jitter": 0,
        "start_deadline": null,
    })
}

/// An exec.
pub fn exec() -> Value {
    exec_of(&146.into())
}

/// An exec with its job.
pub fn exec_detail() -> Value {
    exec_of(&job())
}

fn exec_of(job: &Value) -> Value {
    json!({
        "id": "64b2d045-2881-4293-9bcd-bdc04b953115", "job": job, "status": "F",
        "trigger_mode": "M", "created_by": "chennanfei", "command": "/bin bash",
        "docker_image_repo": "registry.example.com/chennanfei/job_image",
        "docker_image_tag": "trusty", "resource_size": "XS", "region_name": "BEIJING1",
        "runtime_vars": { "DB_HOST": "127.0.0.1" }, "secret_vars": {}, "timeout": null,
        "retries": null, "overrides": null, "rerun_of": null,
        "created_at": "2015-12-28T14:51:53.074169+00:00",
        "started_at": "2015-12-28T14:52:02.952491+00:00",
        "ended_at": "2015-12-28T14:52:12.952491+00:00",
        "duration": { "hours": 0, "minutes": 0, "seconds": 10 }, "reason": "exit_code",
        "message": "exit code 3", "exit_code": 3, "attempt": 1, "slot_at": null,
        "cancel_requested_at": null,
    })
}
