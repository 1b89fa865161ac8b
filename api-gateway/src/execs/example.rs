//! An exec as the 2015 page shows it, with what was added since.

use serde_json::{Value, json};

use crate::jobs::example::job;

/// An exec.
pub fn exec() -> Value {
    exec_of(&146.into())
}

/// An exec with its job.
pub fn exec_detail() -> Value {
    let mut exec = exec_of(&job());
    exec["waiting"] = Value::Null;
    exec
}

fn exec_of(job: &Value) -> Value {
    json!({
        "id": "64b2d045-2881-4293-9bcd-bdc04b953115", "job": job, "status": "F",
        "trigger_mode": "M", "created_by": "chennanfei", "entrypoint": null, "command": "/bin bash", "log_proof": false,
        "docker_image_repo": "registry.example.com/chennanfei/job_image",
        "docker_image_tag": "trusty", "resource_size": "XS", "region_name": "BEIJING1",
        "runtime_vars": { "DB_HOST": "127.0.0.1" }, "secret_vars": {}, "timeout": null, "grace_period": null,
        "retries": null, "retry_on": null, "retry_backoff": null, "guarantee": null, "overrides": null, "rerun_of": null,
        "created_at": "2015-12-28T14:51:53.074169+00:00",
        "started_at": "2015-12-28T14:52:02.952491+00:00",
        "ended_at": "2015-12-28T14:52:12.952491+00:00",
        "duration": { "hours": 0, "minutes": 0, "seconds": 10 }, "reason": "exit_code",
        "message": "exit code 3", "reason_owner": "user",
        "next_step": "Read the end of the log: the exit code is the program's own.", "exit_code": 3, "attempt": 1, "slot_at": null,
        "cancel_requested_at": null,
    })
}
