//! Each filter of a list leaves what it says, in the list and in its count.

use chrono::{TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use shared_types::{ExecState, TriggerMode};
use store::execs::{self, ExecFilter};
use store::jobs::{self, Job, JobFilter, JobPage};
use store::page::{Count, Page};
use store::testing::TestDatabase;

use crate::{exec, fill, new_job};

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
