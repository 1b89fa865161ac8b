//! A list gives each row once, whichever way it is walked.

use diesel_async::SimpleAsyncConnection;
use store::DatabaseRole;
use store::execs::{self, ExecFilter};
use store::jobs::{self, Job, JobFilter, JobPage};
use store::page::{BYTES_MAX, Direction, Page, Position};
use store::testing::TestDatabase;

use crate::{fill, new_job};

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
    let store = &database.store(DatabaseRole::Gateway);
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
    let store = &database.store(DatabaseRole::Gateway);
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

/// A hundred of them would be as many megabytes; Postgres writes each of these characters
/// as six.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_large_rows_ends_sooner() {
    let database = TestDatabase::new().await;
    let mut conn = database.owner().await;
    let mut large = new_job("large");
    let third = usize::try_from(BYTES_MAX / 3).unwrap();
    large.spec.vars = [("V".to_owned(), "\u{1}".repeat(third / 6))].into();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(jobs::insert(&mut conn, large.clone()).await.unwrap());
    }
    let filter = JobFilter::of("me");
    let first = Page::newest(100);
    let page = jobs::list(&mut conn, &filter, JobPage::ByCreation(first)).await;
    let page = page.unwrap();
    assert_eq!((page.rows.len(), page.goes_on), (2, true));
    let store = &database.store(DatabaseRole::Gateway);
    let load = async |page| {
        let mut conn = store.connection().await.unwrap();
        let page = JobPage::ByCreation(page);
        jobs::list(&mut conn, &filter, page).await.unwrap()
    };
    let found = walk!(Direction::Descending, 100, load, |job: &Job| job.id);
    assert!(found.iter().rev().eq(&ids));

    let job = &ids[0];
    let execs = fill(&mut conn, job, 5).await;
    let filter = ExecFilter::of(job.id);
    let load = async |page| {
        let mut conn = store.connection().await.unwrap();
        execs::list(&mut conn, &filter, page).await.unwrap()
    };
    let first = load(Page::newest(100)).await;
    assert_eq!((first.rows.len(), first.goes_on), (2, true));
    let key = |exec: &execs::Exec| (exec.created_at, exec.id);
    let found = walk!(Direction::Descending, 100, load, key);
    assert!(found.iter().rev().map(|exec| exec.id).eq(execs));
}
