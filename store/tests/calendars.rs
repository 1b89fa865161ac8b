//! Calendars, with the rights of the gateway: who may change what while schedules name
//! them.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use futures::future::join_all;
use shared_types::{Command, ExecSpec, JobId, ScheduleRules};
use store::calendars::{self, Deleted, Put};
use store::jobs::{self, JobDefinition};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PgConnection, StoreError, schedules};

const NAME: &str = "holidays";

fn dates(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// Those whose namespaces these are.
async fn accounts(database: &TestDatabase) {
    let insert = "INSERT INTO accounts (name, kind) VALUES ('me', 'user'), ('you', 'user')";
    database.execute(insert).await;
}

/// A job of a namespace whose schedule names calendars.
async fn job(conn: &mut PgConnection, namespace: &str, calendars: &[&str]) -> JobId {
    let calendars = calendars
        .iter()
        .map(|name| ((*name).to_owned(), dates(&["2027-01-01"])));
    let new = JobDefinition {
        namespace: namespace.to_owned(),
        name: "n".to_owned(),
        created_by: namespace.to_owned(),
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
        schedule_mode: Some("@daily".to_owned()),
        schedule_rules: ScheduleRules {
            calendars: calendars.collect(),
            ..ScheduleRules::default()
        },
        schedule_active: true,
    };
    jobs::insert(conn, new).await.unwrap().id
}

async fn put(conn: &mut PgConnection, namespace: &str, items: &[&str]) -> Put {
    let items = dates(items);
    conn.transaction::<_, StoreError, _>(async |conn| {
        calendars::put(conn, namespace, NAME, &items).await
    })
    .await
    .unwrap()
}

fn changed(put: Put) -> Vec<JobId> {
    match put {
        Put::Kept(_, changed) => changed,
        Put::Full => panic!("full"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_begins_a_new_generation_of_whom_it_concerns() {
    let database = TestDatabase::new().await;
    let mut conn = database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    accounts(&database).await;
    let mine = job(&mut conn, "me", &[NAME, "other"]).await;
    let without = job(&mut conn, "me", &["other"]).await;
    let gone = job(&mut conn, "me", &[NAME]).await;
    jobs::delete(&mut conn, gone, "me").await.unwrap();
    let of_another = job(&mut conn, "you", &[NAME]).await;
    let stood = schedules::get(&mut conn, without).await.unwrap();
    assert_eq!(changed(put(&mut conn, "me", &["--12-25"]).await), [mine]);
    assert_eq!(changed(put(&mut conn, "me", &["--12-25"]).await), []);
    let schedule = schedules::get(&mut conn, mine).await.unwrap().unwrap();
    let revision = schedule.revision;
    assert_eq!(revision.generation, 2);
    assert_eq!(revision.rules.calendars[NAME], ["--12-25"]);
    assert_eq!(revision.rules.calendars["other"], ["2027-01-01"]);
    let earlier = schedules::superseded(&mut conn, &[mine]).await.unwrap();
    assert_eq!(earlier[0].1.rules.calendars[NAME], ["2027-01-01"]);
    assert!(earlier[0].1.effective_from < revision.effective_from);
    assert_eq!(schedules::get(&mut conn, without).await.unwrap(), stood);
    let other = schedules::get(&mut conn, of_another).await.unwrap();
    assert_eq!(other.unwrap().revision.generation, 1);

    let deleted = conn
        .transaction::<_, StoreError, _>(async |conn| calendars::delete(conn, "me", NAME).await)
        .await;
    assert_eq!(deleted.unwrap(), Deleted::InUse(vec![mine]));
}

/// A schedule copies the dates while they are being replaced: whichever comes first, it
/// has the new ones in the end.
#[tokio::test(flavor = "multi_thread")]
async fn no_schedule_keeps_dates_that_were_replaced_meanwhile() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Gateway);
    accounts(&database).await;
    put(
        &mut store.connection().await.unwrap(),
        "me",
        &["2027-01-01"],
    )
    .await;
    let made = join_all((0..8).map(|number| {
        let store = store.clone();
        async move {
            let mut conn = store.connection().await.unwrap();
            if number % 4 == 3 {
                let day = format!("2027-02-{number:02}");
                put(&mut conn, "me", &[&day]).await;
                return None;
            }
            let made = conn.transaction::<_, StoreError, _>(async |conn| {
                calendars::hold(conn, "me").await?;
                let found = calendars::dates(conn, "me", &[NAME]).await?;
                let id = job(conn, "me", &[]).await;
                let mut new = jobs::get(conn, id).await?.unwrap().definition;
                new.schedule_rules.calendars = found;
                jobs::update(conn, id, new).await
            });
            Some(made.await.unwrap().id)
        }
    }))
    .await;
    let mut conn = store.connection().await.unwrap();
    let kept = calendars::list(&mut conn, "me").await.unwrap();
    for id in made.into_iter().flatten() {
        let schedule = schedules::get(&mut conn, id).await.unwrap().unwrap();
        assert_eq!(schedule.revision.rules.calendars[NAME], kept[0].dates);
    }
}
