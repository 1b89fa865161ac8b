//! Lists: filters, orders, and counts that stay right.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use shared_types::{Command, ExecId, ExecSpec, ExecState, JobId, TriggerMode};
use store::execs::{self, ExecFilter, NewExec};
use store::jobs::{self, Job, JobFilter, JobPage, NewJob};
use store::page::{COUNTED, Count, Direction, Page, Position};
use store::testing::TestDatabase;
use store::{PgConnection, Role, schema};

fn new_job(name: &str) -> NewJob {
    NewJob {
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
            secret_vars: [].into(),
            timeout: None,
            retries: None,
        },
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

/// Follows a list of `K` to its end and back, `$limit` rows at a time.
macro_rules! walk {
    ($direction:expr, $limit:expr, $load:expr, $key:expr) => {{
        let mut there = Vec::new();
        let mut position = Position::Skip(0);
        loop {
            let page = $load(Page {
                position,
                direction: $direction,
                limit: $limit,
            })
            .await;
            there.extend(page.rows);
            if !page.goes_on {
                break;
            }
            position = Position::After($key(&there[there.len() - 1]));
        }
        let mut back = there.last().cloned().into_iter().collect::<Vec<_>>();
        let mut goes_on = true;
        while goes_on {
            let position = Position::Before($key(&back[0]));
            let page = $load(Page {
                position,
                direction: $direction,
                limit: $limit,
            })
            .await;
            goes_on = page.goes_on;
            back.splice(0..0, page.rows);
        }
        assert_eq!(there, back);
        there
    }};
}

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn is_ordered<K: PartialOrd>(direction: Direction, keys: impl Iterator<Item = K>) -> bool {
    let mut keys: Vec<_> = keys.collect();
    if direction == Direction::Descending {
        keys.reverse();
    }
    keys.is_sorted()
}

/// Rows are in pairs and triples equal in all but their id, so that only both
/// columns of the key tell them apart.
#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_jobs_gives_each_job_once_there_and_back() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let mut ids = Vec::new();
    for name in ["b", "a", "b", "ö", "a", "b", "'\"", "c c"] {
        ids.push(jobs::insert(&mut conn, new_job(name)).await.unwrap().id);
    }
    conn.batch_execute("UPDATE jobs SET updated_at = to_timestamp(id / 3)")
        .await
        .unwrap();
    let filter = &JobFilter::of("me");
    let store = &database.store(Role::Gateway);
    let load = async |page| {
        let mut conn = store.connection().await.unwrap();
        jobs::list(&mut conn, filter, page).await.unwrap()
    };
    for (direction, limit) in DIRECTIONS
        .into_iter()
        .flat_map(|d| [(d, 1), (d, 3), (d, 50)])
    {
        let by_id = walk!(
            direction,
            limit,
            |page| load(JobPage::ByCreation(page)),
            |job: &Job| job.id
        );
        let by_name = walk!(
            direction,
            limit,
            |page| load(JobPage::ByName(page)),
            |job: &Job| { (job.definition.name.clone(), job.id) }
        );
        let by_update = walk!(
            direction,
            limit,
            |page| load(JobPage::ByUpdate(page)),
            |job: &Job| { (job.updated_at, job.id) }
        );
        assert!(is_ordered(direction, by_id.iter().map(|job| job.id)));
        let updated = by_update.iter().map(|job| (job.updated_at, job.id));
        assert!(is_ordered(direction, updated));
        for list in [by_id, by_name, by_update] {
            let mut found: Vec<_> = list.iter().map(|job| job.id).collect();
            found.sort_unstable();
            assert_eq!(found, ids);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn execs_of_one_instant_are_each_met_once() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let job = jobs::insert(&mut conn, new_job("n")).await.unwrap();
    let mut ids = fill(&mut conn, &job, 7).await;
    ids.extend(fill(&mut conn, &job, 6).await);
    ids.sort_unstable();
    let filter = &ExecFilter::of(job.id);
    let store = &database.store(Role::Gateway);
    let load = async |page| {
        let mut conn = store.connection().await.unwrap();
        execs::list(&mut conn, filter, page).await.unwrap()
    };
    for (direction, limit) in DIRECTIONS
        .into_iter()
        .flat_map(|d| [(d, 1), (d, 4), (d, 50)])
    {
        let list = walk!(direction, limit, load, |exec: &execs::Exec| (
            exec.created_at,
            exec.id
        ));
        let mut found: Vec<_> = list.iter().map(|exec| exec.id).collect();
        if direction == Direction::Descending {
            found.reverse();
        }
        assert_eq!(found, ids, "created_at and id agree here");
    }
}

const FAILED_AN_HOUR_AGO: &str = "UPDATE execs SET state = 'failed', reason = 'oom',
    ended_at = now(), created_at = now() - interval '1 h'";

fn jobs_that(change: impl FnOnce(&mut JobFilter)) -> JobFilter {
    let mut filter = JobFilter::of("me");
    change(&mut filter);
    filter
}

fn execs_that(job: &Job, change: impl FnOnce(&mut ExecFilter)) -> ExecFilter {
    let mut filter = ExecFilter::of(job.id);
    change(&mut filter);
    filter
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_of_jobs() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let mut other = new_job("other");
    other.region = "south".to_owned();
    other.schedule_mode = Some("R/2030-01-01T00:00:00Z/PT1H".to_owned());
    other.schedule_active = true;
    let mut foreign = new_job("n");
    foreign.namespace = "them".to_owned();
    jobs::insert(&mut conn, foreign).await.unwrap();
    let plain = jobs::insert(&mut conn, new_job("n")).await.unwrap();
    let other = jobs::insert(&mut conn, other).await.unwrap();
    let at = Some(other.created_at);
    let cases = [
        (jobs_that(|_| ()), vec![other.id, plain.id]),
        (
            jobs_that(|of| of.name = Some("n".to_owned())),
            vec![plain.id],
        ),
        (
            jobs_that(|of| of.region = Some("south".to_owned())),
            vec![other.id],
        ),
        (
            jobs_that(|of| of.schedule_active = Some(true)),
            vec![other.id],
        ),
        (
            jobs_that(|of| of.schedule_active = Some(false)),
            vec![plain.id],
        ),
        (jobs_that(|of| of.created_after = at), vec![other.id]),
        (jobs_that(|of| of.created_before = at), vec![plain.id]),
    ];
    for (filter, expected) in cases {
        let page = JobPage::ByCreation(Page::newest(10));
        let found = jobs::list(&mut conn, &filter, page).await.unwrap();
        let found: Vec<_> = found.rows.iter().map(|job| job.id).collect();
        assert_eq!(found, expected, "{filter:?}");
        let count = jobs::count(&mut conn, &filter).await.unwrap();
        assert_eq!(usize::try_from(count), Ok(expected.len()), "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_of_execs() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let job = jobs::insert(&mut conn, new_job("n")).await.unwrap();
    let at = Utc::now();
    let mut other = exec(&job);
    other.region = "south".to_owned();
    other.trigger_mode = TriggerMode::Scheduled;
    other.slot_at = Some(at);
    let failed = fill(&mut conn, &job, 1).await[0];
    conn.batch_execute(FAILED_AN_HOUR_AGO).await.unwrap();
    execs::insert(&mut conn, &[other.clone()]).await.unwrap();
    let between = Some(at - TimeDelta::minutes(30));
    let states = |states: &[ExecState]| execs_that(&job, |of| of.states = states.to_vec());
    let mode = |mode| execs_that(&job, |of| of.trigger_mode = Some(mode));
    let cases = [
        (execs_that(&job, |_| ()), vec![other.id, failed]),
        (states(&[ExecState::Failed]), vec![failed]),
        (
            states(&[ExecState::Failed, ExecState::Waiting]),
            vec![other.id, failed],
        ),
        (states(&[ExecState::Lost, ExecState::Running]), vec![]),
        (mode(TriggerMode::Manual), vec![failed]),
        (mode(TriggerMode::Scheduled), vec![other.id]),
        (
            execs_that(&job, |of| of.region = Some("south".to_owned())),
            vec![other.id],
        ),
        (
            execs_that(&job, |of| of.created_after = between),
            vec![other.id],
        ),
        (
            execs_that(&job, |of| of.created_before = between),
            vec![failed],
        ),
    ];
    for (filter, expected) in cases {
        let found = execs::list(&mut conn, &filter, Page::newest(10))
            .await
            .unwrap();
        let found: Vec<_> = found.rows.iter().map(|exec| exec.id).collect();
        assert_eq!(found, expected, "{filter:?}");
        let count = execs::count(&mut conn, &filter).await.unwrap();
        let rows = i64::try_from(expected.len()).unwrap();
        assert_eq!(count, Count::exact(rows), "{filter:?}");
    }
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
