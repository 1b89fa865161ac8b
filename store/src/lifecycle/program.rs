//! What an exec runs.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, ExecSpec};
use uuid::Uuid;

use crate::StoreError;
use crate::schema::{execs, jobs, registry_credentials};

/// What an exec runs, and what it tells its program of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What was triggered.
    pub spec: ExecSpec,
    /// What its job is called now.
    pub job_name: String,
    /// The planned instant it runs for, if it does for one.
    pub slot_at: Option<DateTime<Utc>>,
    /// Whether its namespace has a credential for any registry.
    pub has_registries: bool,
}

/// What these execs run, as far as they exist.
pub async fn programs(
    conn: &mut AsyncPgConnection,
    ids: &[ExecId],
) -> Result<HashMap<ExecId, Program>, StoreError> {
    type Row = (Uuid, serde_json::Value, String, Option<DateTime<Utc>>, bool);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let credentials =
        registry_credentials::table.filter(registry_credentials::namespace.eq(execs::namespace));
    let rows: Vec<Row> = execs::table
        .inner_join(jobs::table)
        .filter(execs::id.eq_any(ids))
        .select((
            execs::id,
            execs::spec,
            jobs::name,
            execs::slot_at,
            exists(credentials),
        ))
        .load(conn)
        .await?;
    let programs = rows
        .into_iter()
        .map(|(id, spec, job_name, slot_at, has_registries)| {
            let spec = serde_json::from_value(spec).map_err(|error| StoreError::Unknown {
                what: "exec spec",
                value: error.to_string(),
            })?;
            let program = Program {
                spec,
                job_name,
                slot_at,
                has_registries,
            };
            Ok((ExecId(id), program))
        });
    programs.collect()
}
