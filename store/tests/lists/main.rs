//! Lists: filters, orders, and counts that stay right.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

mod counts;
mod filters;
mod orders;

use shared_types::{Command, ExecId, ExecSpec, TriggerMode};
use store::PgConnection;
use store::execs::{self, NewExec};
use store::jobs::{Job, JobDefinition};

fn new_job(name: &str) -> JobDefinition {
    JobDefinition {
        namespace: "me".to_owned(),
        name: name.to_owned(),
        created_by: "me".to_owned(),
        region: "north".to_owned(),
        spec: ExecSpec {
            command: Command::Text("true".to_owned()),
            image_repo: "r.io/x".to_owned(),
            image_tag: "1".to_owned(),
            size: "XS".to_owned(),
            vars: [].into(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [].into(),
            rules: shared_types::RunRules::default(),
        },
        max_running: None,
        email_enabled: false,
        schedule_mode: None,
        schedule_rules: shared_types::ScheduleRules::default(),
        schedule_active: false,
    }
}

fn exec(job: &Job) -> NewExec {
    NewExec {
        id: ExecId::new(),
        job_id: job.id,
        namespace: "me".to_owned(),
        region: "north".to_owned(),
        trigger_mode: TriggerMode::Manual,
        slot_at: None,
        created_by: "me".to_owned(),
        spec: job.definition.spec.clone(),
    }
}

async fn fill(conn: &mut PgConnection, job: &Job, execs: usize) -> Vec<ExecId> {
    let new: Vec<_> = (0..execs).map(|_| exec(job)).collect();
    execs::insert(conn, &new).await.unwrap();
    new.iter().map(|exec| exec.id).collect()
}
