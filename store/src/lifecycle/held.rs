//! What a part of the execs holds in the cluster: for a replica that watches the rest.

use diesel::dsl::count;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::Shards;

use crate::StoreError;
use crate::schema::{exec_attempts, execs};

/// What open execs have in the cluster, as far as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Jobs.
    pub jobs: usize,
    /// Claimed pods.
    pub pods: usize,
    /// Those of them that were given a node.
    pub placed: usize,
}

impl Held {
    /// As long as nobody has counted, there may be something.
    pub const ASSUMED: Self = Self {
        jobs: 1,
        pods: 1,
        placed: 1,
    };
}

/// What the open execs of a region and of these shards have in the cluster.
pub async fn held(
    conn: &mut AsyncPgConnection,
    region: &str,
    shards: Shards,
) -> Result<Held, StoreError> {
    if shards.is_empty() {
        return Ok(Held::default());
    }
    let (jobs, pods, placed): (i64, i64, i64) = execs::table
        .inner_join(exec_attempts::table)
        .filter(exec_attempts::attempt.eq(execs::attempt))
        .filter(execs::region.eq(region))
        .filter(execs::shard.eq_any(shards.numbers()))
        // Literals, so that the planner knows the index of admitted execs fits.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "state IN ('waiting', 'running') AND execs.attempt > 0",
        ))
        .select((
            count(exec_attempts::job_uid),
            count(exec_attempts::pod_uid),
            count(exec_attempts::node),
        ))
        .first(conn)
        .await?;
    let number = |count: i64| usize::try_from(count).unwrap_or_default();
    Ok(Held {
        jobs: number(jobs),
        pods: number(pods),
        placed: number(placed),
    })
}
