//! The samples of the 2015 page, request by request and answer by answer, with
//! another registry's name. What they show of fields and types is the contract;
//! their values are not.

use chrono::DateTime;
use serde_json::{Value, json};

pub(crate) fn create_request() -> Value {
    json!({
        "name": "test", "namespace": "chennanfei", "command": "bash",
        "docker_image_repo": "registry.example.com/chennanfei/job_image",
        "docker_image_tag": "latest", "resource_size": "XXS", "is_schedule_active": false,
        "schedule_mode": null, "runtime_vars": { "DB_HOST": "localhost" },
    })
}

/// A job in the answers to a create and to a detail.
pub(crate) fn job() -> Value {
    json!({
        "id": 146, "created_by": "chennanfei", "command": "bash",
        "docker_image_repo": "registry.example.com/chennanfei/job_image",
        "docker_image_tag": "latest", "name": "test", "region_name": "BEIJING1",
        "namespace": "chennanfei", "created_at": "2015-12-28T14:31:07.639255+00:00",
        "updated_at": "2015-12-28T14:31:07.639296+00:00", "resource_size": "XXS",
        "schedule_mode": "R1/2015-12-31T16:00:23.446Z/PT1H", "is_schedule_active": true,
        "runtime_vars": { "DB_HOST": "localhost" },
    })
}

pub(crate) fn job_list() -> Value {
    json!({ "count": 5, "previous": null, "results": [{
        "docker_image_repo": "registry.example.com/chennanfei/job_image", "name": "test2",
        "region_name": "BEIJING1", "created_at": "2015-12-28T14:31:07.639Z",
        "namespace": "chennanfei", "updated_at": "2015-12-28T14:41:05.672Z",
        "created_by": "chennanfei", "resource_size": "XS", "schedule_mode": null,
        "docker_image_tag": "trusty", "command": "/bin bash", "is_schedule_active": false,
        "id": 146, "runtime_vars": { "DB_HOST": "127.0.0.1" },
    }], "next": null })
}

pub(crate) fn update_request() -> Value {
    json!({
        "name": "test2", "command": "/bin bash", "docker_image_tag": "trusty",
        "resource_size": "XS", "is_schedule_active": false, "schedule_mode": null,
        "runtime_vars": { "DB_HOST": "127.0.0.1" },
    })
}

/// A job in the answer to an update.
pub(crate) fn updated_job() -> Value {
    job_list()["results"][0].clone()
}

/// An exec in the answer to a trigger.
pub(crate) fn triggered_exec() -> Value {
    json!({
        "id": "64b2d045-2881-4293-9bcd-bdc04b953115", "job": 146,
        "docker_image_repo": "registry.example.com/chennanfei/job_image", "status": "W",
        "created_at": "2015-12-28T14:51:53.074169+00:00", "started_at": null, "ended_at": null,
        "runtime_vars": { "DB_HOST": "127.0.0.1" }, "resource_size": "XS",
        "created_by": "chennanfei", "docker_image_tag": "trusty", "command": "/bin bash",
        "trigger_mode": "M", "duration": null, "region_name": "BEIJING1",
    })
}

pub(crate) fn exec_list() -> Value {
    let mut exec = triggered_exec();
    exec["status"] = json!("F");
    exec["started_at"] = json!("2015-12-28T14:52:02.952491+00:00");
    exec["ended_at"] = json!("2015-12-28T14:52:12.952491+00:00");
    exec["duration"] = json!({ "hours": 0, "seconds": 10, "minutes": 0 });
    json!({ "count": 2, "previous": null, "results": [exec], "next": null })
}

/// An exec's detail, which shows no id of its own on the page.
pub(crate) fn exec_detail() -> Value {
    let mut job = updated_job();
    job["email_enabled"] = json!(false);
    job["runtime_vars"] = json!("{\"DB_HOST\": \"127.0.0.1\"}");
    json!({
        "docker_image_repo": "registry.example.com/chennanfei/job_image", "status": "F",
        "ended_at": "2015-12-28T14:52:12.952491+00:00", "runtime_vars": { "DB_HOST": "127.0.0.1" },
        "created_at": "2015-12-28T14:51:53.074169+00:00", "resource_size": "XS",
        "created_by": "chennanfei", "job": job, "docker_image_tag": "trusty",
    })
}

pub(crate) fn log() -> Value {
    let image = "registry.example.com/chennanfei/job_demo:trusty";
    json!([
        { "message": format!("Start pulling image: {image}"), "time": 1_451_350_944 },
        { "message": "Start running!", "time": 1_451_350_945 },
    ])
}

/// Checks that whoever can read the sample can read the answer: every field of
/// the sample is there and of its type. A field that is null on one side says
/// nothing of its type.
pub(crate) fn assert_reads_like(answer: &Value, sample: &Value) {
    match (answer, sample) {
        (Value::Object(answer), Value::Object(sample)) => {
            for (name, sample) in sample {
                let field = answer.get(name);
                let field = field.unwrap_or_else(|| panic!("{name} is missing: {answer:?}"));
                assert_reads_like(field, sample);
            }
        }
        (Value::Array(answer), Value::Array(sample)) => {
            assert!(!answer.is_empty(), "nothing to compare with {sample:?}");
            for item in answer {
                assert_reads_like(item, &sample[0]);
            }
        }
        (Value::String(answer), Value::String(sample)) => {
            if DateTime::parse_from_rfc3339(sample).is_ok() {
                assert!(
                    DateTime::parse_from_rfc3339(answer).is_ok(),
                    "no time: {answer}"
                );
            }
        }
        (Value::Number(answer), Value::Number(sample)) => {
            assert_eq!(
                answer.is_i64(),
                sample.is_i64(),
                "{answer} is not like {sample}"
            );
        }
        (Value::Bool(_), Value::Bool(_)) | (Value::Null, _) | (_, Value::Null) => {}
        _ => panic!("{answer} is not of the type of {sample}"),
    }
}
