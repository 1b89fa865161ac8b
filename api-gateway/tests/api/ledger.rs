//! The ledger and backfills over the API.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared_types::{ExecId, JobId, Lane};
use store::DatabaseRole;
use store::slots::{self, MissReason, SkipReason, Slot, SlotOutcome};

use crate::app::{TestApp, User, spawn_app};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn range(job: &Value, (first, last): (&str, &str), count: i64, outcome: SlotOutcome) -> Slot {
    Slot {
        job_id: JobId(job["id"].as_i64().unwrap()),
        generation: 1,
        backfill_id: None,
        first_at: at(first),
        last_at: at(last),
        count,
        outcome,
    }
}

async fn write(app: &TestApp, entries: &[Slot]) {
    let store = app.database.store(DatabaseRole::Scheduler);
    let mut conn = store.connection().await.unwrap();
    slots::insert(&mut conn, entries).await.unwrap();
}

/// A schedule of every second without weekends, and a year in two rows.
async fn year_of_seconds(app: &TestApp, user: &User<'_>) -> Value {
    let job = user
        .job(json!({
            "schedule_mode": "* * * * * *", "schedule_exclusions": ["* * SAT,SUN"],
        }))
        .await;
    // 2024-01-01 is a Monday, 2024-12-31 a Tuesday.
    let (first, last) = ("2024-01-01T00:00:00Z", "2024-12-31T23:59:59Z");
    let weekend = ("2024-01-06T00:00:00Z", "2024-12-29T23:59:59Z");
    let missed = SlotOutcome::Missed(MissReason::SchedulerAway);
    let excluded = SlotOutcome::Skipped(SkipReason::Excluded);
    write(
        app,
        &[
            range(&job, (first, last), 262 * 86_400, missed),
            range(&job, weekend, 104 * 86_400, excluded),
        ],
    )
    .await;
    job
}

async fn list(user: &User<'_>, job: &Value, query: &str) -> Value {
    let path = format!("/v1/jobs/{}/slots?{query}", job["id"]);
    let (status, list) = user.get(&path).await;
    assert_eq!(status, 200, "{query}: {list}");
    list
}

fn told(list: &Value) -> Vec<String> {
    let entry = |slot: &Value| {
        let at = slot["slot_at"].as_str().unwrap();
        let reason = slot["reason"].as_str().unwrap_or_default();
        format!(
            "{} {} {reason}",
            &at[..19],
            slot["outcome"].as_str().unwrap()
        )
    };
    list["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(entry)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_shown_instant_by_instant_at_any_depth() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let job = year_of_seconds(&app, &user).await;
    let newest = list(&user, &job, "page_size=2").await;
    assert_eq!(newest["count"], 366 * 86_400);
    assert_eq!(newest["count_is_exact"], true);
    assert_eq!(
        told(&newest),
        [
            "2024-12-31T23:59:59 missed scheduler_away",
            "2024-12-31T23:59:58 missed scheduler_away"
        ]
    );
    // The answer to "why did it not run at 02:00?"
    let night = "from=2024-06-08T02:00:00Z&to=2024-06-08T02:00:01Z";
    let night = list(&user, &job, night).await;
    assert_eq!(
        (told(&night), &night["count"]),
        (
            vec!["2024-06-08T02:00:00 skipped excluded".to_owned()],
            &json!(1)
        )
    );
    // Where a weekend begins, in both directions and by the links.
    let border = "from=2024-06-07T23:59:58Z&to=2024-06-08T00:00:03Z&page_size=3";
    let first = list(&user, &job, &format!("{border}&sort=slot_at")).await;
    assert_eq!(
        told(&first),
        [
            "2024-06-07T23:59:58 missed scheduler_away",
            "2024-06-07T23:59:59 missed scheduler_away",
            "2024-06-08T00:00:00 skipped excluded"
        ]
    );
    let (_, second) = user.get(first["next"].as_str().unwrap()).await;
    assert_eq!(
        told(&second),
        [
            "2024-06-08T00:00:01 skipped excluded",
            "2024-06-08T00:00:02 skipped excluded"
        ]
    );
    let (_, back) = user.get(second["previous"].as_str().unwrap()).await;
    assert_eq!(told(&back), told(&first));
    let missed = list(&user, &job, &format!("{border}&outcome=missed")).await;
    assert_eq!((&missed["count"], told(&missed).len()), (&json!(2), 2));
}

/// Every page by the links, there and back.
async fn walk_both_ways(user: &User<'_>, job: &Value, sort: &str) {
    let whole = list(user, job, &format!("sort={sort}")).await;
    assert_eq!((told(&whole).len(), &whole["count"]), (10, &json!(10)));
    let mut page = list(user, job, &format!("sort={sort}&page_size=3")).await;
    let mut seen = told(&page);
    while !page["next"].is_null() {
        page = user.get(page["next"].as_str().unwrap()).await.1;
        seen.extend(told(&page));
    }
    assert_eq!(seen, told(&whole), "{sort}");
    while !page["previous"].is_null() {
        page = user.get(page["previous"].as_str().unwrap()).await.1;
    }
    assert_eq!(told(&page), told(&whole)[..3], "{sort}");
    let second = list(user, job, &format!("sort={sort}&page_size=3&page=2")).await;
    assert_eq!(told(&second), told(&whole)[3..6], "{sort}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_lie_between_ranges_and_pages_lose_none() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let job = user.job(json!({ "schedule_mode": "* * * * *" })).await;
    let exec = user.exec(&job).await;
    let exec = ExecId(exec["id"].as_str().unwrap().parse().unwrap());
    let missed = SlotOutcome::Missed(MissReason::SchedulerAway);
    let one = |minute: &str, outcome| {
        let at = format!("2024-01-01T00:{minute}:00Z");
        range(&job, (&at, &at), 1, outcome)
    };
    let backfilled = Slot {
        backfill_id: Some(7),
        ..one("03", SlotOutcome::Fired(exec))
    };
    write(
        &app,
        &[
            range(
                &job,
                ("2024-01-01T00:00:00Z", "2024-01-01T00:04:00Z"),
                5,
                missed,
            ),
            backfilled,
            one("05", SlotOutcome::Skipped(SkipReason::Overlap)),
            one("06", SlotOutcome::Queued(Lane::Normal)),
            range(
                &job,
                ("2024-01-01T00:07:00Z", "2024-01-01T00:08:00Z"),
                2,
                missed,
            ),
        ],
    )
    .await;
    for sort in ["slot_at", "-slot_at"] {
        walk_both_ways(&user, &job, sort).await;
    }
    let fired = list(&user, &job, "outcome=fired,queued").await;
    assert_eq!(fired["count"], 2);
    assert_eq!(fired["results"][1]["backfill"], 7);
    assert_eq!(fired["results"][1]["exec"], exec.to_string());
    let (status, _) = user
        .get(&format!("/v1/jobs/{}/slots?outcome=late", job["id"]))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_shown_while_it_lasts() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let job = user.job(json!({ "schedule_mode": "@hourly" })).await;
    let two_hours_ago = Utc::now() - TimeDelta::hours(2);
    app.database
        .execute(&format!(
            "UPDATE schedules SET observed_generation = 1, next_at = '{}'",
            two_hours_ago.to_rfc3339()
        ))
        .await;
    let paused = list(&user, &job, "outcome=skipped").await;
    assert_eq!(paused["count"], 2);
    assert!(
        told(&paused)
            .iter()
            .all(|slot| slot.ends_with("skipped paused"))
    );
    assert_eq!(list(&user, &job, "outcome=missed").await["count"], 0);
}
