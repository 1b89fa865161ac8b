//! Counts that stay right whatever is written.

use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use shared_types::{ExecId, ExecState, JobId};
use store::execs::{self, ExecFilter};
use store::jobs;
use store::page::{COUNTED, Count, Page};
use store::testing::TestDatabase;
use store::{PgConnection, schema};

use crate::{fill, new_job};

async fn hide(conn: &mut PgConnection, ids: &[ExecId]) {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    diesel::update(schema::execs::table)
        .filter(schema::execs::id.eq_any(ids))
        .set(schema::execs::deleted_at.eq(diesel::dsl::now))
        .execute(conn)
        .await
        .unwrap();
}

async fn counted(conn: &mut PgConnection, job: JobId) -> i64 {
    let count = execs::count(conn, &ExecFilter::of(job)).await.unwrap();
    assert!(count.is_exact);
    count.rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_exec_is_neither_listed_nor_counted() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let job = jobs::insert(&mut conn, new_job("n")).await.unwrap();
    let ids = fill(&mut conn, &job, 3).await;
    hide(&mut conn, &ids[..1]).await;
    hide(&mut conn, &ids[..1]).await;
    assert_eq!(counted(&mut conn, job.id).await, 2);
    let found = execs::list(&mut conn, &ExecFilter::of(job.id), Page::newest(10)).await;
    let found: Vec<_> = found.unwrap().rows.iter().map(|exec| exec.id).collect();
    assert_eq!(found, [ids[2], ids[1]]);
    // Purged: the hidden one was given up already.
    conn.batch_execute("DELETE FROM execs WHERE deleted_at IS NOT NULL")
        .await
        .unwrap();
    assert_eq!(counted(&mut conn, job.id).await, 2);
    conn.batch_execute("DELETE FROM execs").await.unwrap();
    assert_eq!(counted(&mut conn, job.id).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_count_is_right_whoever_writes_at_the_same_time() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let job = jobs::insert(&mut conn, new_job("n")).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (database, job) = (database.clone(), job.clone());
        writers.spawn(async move {
            let mut conn = database.owner().await;
            for round in 0..10 {
                let ids = fill(&mut conn, &job, 1 + (writer + round) % 3).await;
                hide(&mut conn, &ids[..1]).await;
            }
        });
    }
    writers.join_all().await;
    let rows = schema::execs::table
        .filter(schema::execs::deleted_at.is_null())
        .count()
        .get_result::<i64>(&mut conn)
        .await
        .unwrap();
    assert!(rows > 0);
    assert_eq!(counted(&mut conn, job.id).await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_with_a_filter_stops_and_says_so() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let job = jobs::insert(&mut conn, new_job("n")).await.unwrap();
    let fill = |rows: i64| {
        format!(
            "INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by, spec)
             SELECT gen_random_uuid(), id, 'me', 'north', 0, 'M', 'me', spec
             FROM jobs, generate_series(1, {rows})"
        )
    };
    let waiting = ExecFilter {
        states: vec![ExecState::Waiting],
        ..ExecFilter::of(job.id)
    };
    conn.batch_execute(&fill(COUNTED)).await.unwrap();
    let count = execs::count(&mut conn, &waiting).await.unwrap();
    assert_eq!(count, Count::exact(COUNTED));
    conn.batch_execute(&fill(1)).await.unwrap();
    let count = execs::count(&mut conn, &waiting).await.unwrap();
    assert_eq!(
        count,
        Count {
            rows: COUNTED,
            is_exact: false
        }
    );
    assert_eq!(counted(&mut conn, job.id).await, COUNTED + 1);
}
