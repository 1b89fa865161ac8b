//! What is asked for each exec on its way, and so for many at once.

use std::collections::HashMap;

use chassis::Tasks;
use shared_types::ExecId;
use store::lifecycle::{self, Applied, MadeJob, Program, Tracked};
use store::{Store, StoreError};

use crate::together::Together;

pub(super) struct Many {
    pub(super) loads: Together<ExecId, Option<Tracked>>,
    pub(super) programs: Together<ExecId, Option<Program>>,
    pub(super) made_jobs: Together<MadeJob, Applied>,
}

impl Many {
    /// Of this store, until these tasks are to stop.
    pub(super) fn new(store: &Store, tasks: &Tasks) -> Self {
        let (of_loads, of_programs, of_jobs) = (store.clone(), store.clone(), store.clone());
        Self {
            loads: Together::new("load", tasks, move |execs| load(of_loads.clone(), execs)),
            programs: Together::new("load-programs", tasks, move |execs| {
                programs(of_programs.clone(), execs)
            }),
            made_jobs: Together::new("record-jobs", tasks, move |jobs| {
                record_jobs(of_jobs.clone(), jobs)
            }),
        }
    }
}

async fn load(store: Store, execs: Vec<ExecId>) -> Result<Vec<Option<Tracked>>, StoreError> {
    let mut conn = store.connection().await?;
    let loaded = lifecycle::load(&mut conn, &execs).await?;
    let loaded: HashMap<_, _> = loaded.into_iter().map(|exec| (exec.id, exec)).collect();
    Ok(execs.iter().map(|exec| loaded.get(exec).cloned()).collect())
}

async fn programs(store: Store, execs: Vec<ExecId>) -> Result<Vec<Option<Program>>, StoreError> {
    let mut conn = store.connection().await?;
    let programs = lifecycle::programs(&mut conn, &execs).await?;
    Ok(execs
        .iter()
        .map(|exec| programs.get(exec).cloned())
        .collect())
}

async fn record_jobs(store: Store, jobs: Vec<MadeJob>) -> Result<Vec<Applied>, StoreError> {
    let mut conn = store.connection().await?;
    lifecycle::record_jobs(&mut conn, &jobs).await
}
