//! A job as the 2015 page shows it, with what was added since.

use serde_json::{Value, json};

/// A job.
pub fn job() -> Value {
    json!({
        "id": 146, "name": "test", "namespace": "chennanfei", "created_by": "chennanfei",
        "entrypoint": null, "command": "bash", "log_proof": false, "docker_image_repo": "registry.example.com/chennanfei/job_image",
        "docker_image_tag": "latest", "resource_size": "XXS", "region_name": "BEIJING1",
        "is_schedule_active": true, "schedule_mode": "R1/2015-12-31T16:00:23.446Z/PT1H",
        "runtime_vars": { "DB_HOST": "localhost" }, "secret_vars": { "DB_PASSWORD": null },
        "timeout": 3600, "grace_period": null,
        "retries": 2, "retry_on": [1, "oom"],
        "retry_backoff": 10, "guarantee": null, "max_running": null, "email_enabled": false,
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
