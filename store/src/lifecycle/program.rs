//! What an exec runs.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, ExecSpec};

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

/// What an exec runs.
pub async fn program(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
) -> Result<Option<Program>, StoreError> {
    type Row = (serde_json::Value, String, Option<DateTime<Utc>>, bool);
    let credentials =
        registry_credentials::table.filter(registry_credentials::namespace.eq(execs::namespace));
    let row: Option<Row> = execs::table
        .inner_join(jobs::table)
        .filter(execs::id.eq(exec.0))
        .select((execs::spec, jobs::name, execs::slot_at, exists(credentials)))
        .first(conn)
        .await
        .optional()?;
    row.map(|(spec, job_name, slot_at, has_registries)| {
        let spec = serde_json::from_value(spec).map_err(|error| StoreError::Unknown {
            what: "exec spec",
            value: error.to_string(),
        })?;
        Ok(Program {
            spec,
            job_name,
            slot_at,
            has_registries,
        })
    })
    .transpose()
}
