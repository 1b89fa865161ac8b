//! Plain triggers of many requests in one statement, and so in one commit.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, ExecState, JobId, TriggerMode};
use uuid::Uuid;

use super::trigger::text;
use super::{Exec, ManualTrigger};
use crate::StoreError;
use crate::statement::statement;

/// A client's wish to run a job as it is, and what the audit log tells of it.
#[derive(Debug, Clone)]
pub struct PlainTrigger {
    /// Who wants which job to run.
    pub trigger: ManualTrigger,
    /// The namespace that the job is believed to be of.
    pub namespace: String,
    /// The token it came with.
    pub token_id: Option<i64>,
    /// The client's address.
    pub address: Option<String>,
    /// Leads to the request in the service's log.
    pub request_id: Option<String>,
}

/// A new exec, of which the database said what it added.
#[derive(Debug)]
pub struct Written {
    /// Its id.
    pub id: ExecId,
    /// The region that is to run it.
    pub region: String,
    job_id: JobId,
    created_by: String,
    created_at: DateTime<Utc>,
    /// As JSON, which whoever waits for this exec reads for itself.
    spec: String,
}

impl TryFrom<Written> for Exec {
    type Error = StoreError;

    fn try_from(written: Written) -> Result<Self, StoreError> {
        // The value may hold secrets, so the error names the row instead.
        let spec = serde_json::from_str(&written.spec).map_err(|_| StoreError::Unknown {
            what: "form of spec in exec",
            value: written.id.to_string(),
        })?;
        Ok(Self {
            id: written.id,
            job_id: written.job_id,
            region: written.region,
            trigger_mode: TriggerMode::Manual,
            slot_at: None,
            created_by: written.created_by,
            created_at: written.created_at,
            spec,
            overrides: None,
            rerun_of: None,
            cancel_requested_at: None,
            state: ExecState::Waiting,
            reason: None,
            message: None,
            exit_code: None,
            attempt: 0,
            started_at: None,
            ended_at: None,
        })
    }
}

type Made = (Uuid, String, DateTime<Utc>, String);

statement! {
    /// A job that somebody changes or deletes at this moment is passed over: its triggers
    /// would have those of all others wait.
    TriggerTogether {
        jobs: Vec<i64> as Array<BigInt>,
        ids: Vec<Uuid> as Array<SqlUuid>,
        job_of_each: Vec<i64> as Array<BigInt>,
        namespaces: Vec<String> as Array<Text>,
        shards: Vec<i16> as Array<SmallInt>,
        created_by: Vec<String> as Array<Text>,
        traceparents: Vec<Option<String>> as Array<Nullable<Text>>,
        token_ids: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        addresses: Vec<Option<String>> as Array<Nullable<Text>>,
        request_ids: Vec<Option<String>> as Array<Nullable<Text>>,
    } -> (SqlUuid, Text, Timestamptz, Text) =
        "WITH held AS (
            SELECT id, namespace, region, spec FROM jobs
            WHERE id = ANY (?) AND deleted_at IS NULL FOR SHARE SKIP LOCKED),
        wanted AS (
            SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?) AS wanted
                (id, job_id, namespace, shard, created_by, traceparent, token_id, address,
                 request_id)),
        granted AS (
            SELECT wanted.*, held.region, held.spec FROM wanted JOIN held
                ON (held.id, held.namespace) = (wanted.job_id, wanted.namespace)),
        told AS (
            INSERT INTO audit_log
                (namespace, actor, token_id, action, resource, address, request_id)
            SELECT namespace, created_by, token_id, 'exec.trigger',
                'jobs/' || job_id || '/execs/' || id, address, request_id
            FROM granted)
        INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
            spec, traceparent)
        SELECT id, job_id, namespace, region, shard, 'M', created_by, spec, traceparent
        FROM granted
        RETURNING id, region, created_at, spec::text";
}

/// Writes an exec for each trigger, with its entry in the audit log, in one transaction.
/// `None` where there is no such job, or where it is held by who changes or deletes it: then
/// [`super::trigger`] waits for that and knows.
pub async fn trigger_together(
    conn: &mut AsyncPgConnection,
    triggers: &[PlainTrigger],
) -> Result<Vec<Option<Written>>, StoreError> {
    let wishes = || triggers.iter().map(|plain| &plain.trigger);
    let jobs: BTreeSet<i64> = wishes().map(|wish| wish.job_id.0).collect();
    let statement = TriggerTogether {
        jobs: jobs.into_iter().collect(),
        ids: wishes().map(|wish| wish.id.0).collect(),
        job_of_each: wishes().map(|wish| wish.job_id.0).collect(),
        namespaces: triggers
            .iter()
            .map(|plain| plain.namespace.clone())
            .collect(),
        shards: wishes()
            .map(|wish| i16::from(wish.id.shard().number()))
            .collect(),
        created_by: wishes().map(|wish| wish.created_by.clone()).collect(),
        traceparents: wishes().map(|wish| text(wish.traceparent)).collect(),
        token_ids: triggers.iter().map(|plain| plain.token_id).collect(),
        addresses: triggers.iter().map(|plain| plain.address.clone()).collect(),
        request_ids: triggers
            .iter()
            .map(|plain| plain.request_id.clone())
            .collect(),
    };
    let rows: Vec<Made> = statement.load(conn).await?;
    let mut made: HashMap<Uuid, Made> = rows.into_iter().map(|row| (row.0, row)).collect();
    let written = wishes().map(|wish| {
        let (_, region, created_at, spec) = made.remove(&wish.id.0)?;
        Some(Written {
            id: wish.id,
            region,
            job_id: wish.job_id,
            created_by: wish.created_by.clone(),
            created_at,
            spec,
        })
    });
    Ok(written.collect())
}
