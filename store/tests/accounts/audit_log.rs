//! What was done, as it is kept and listed.

use super::*;

fn entry(actor: &str, action: &str) -> Entry {
    Entry {
        namespace: "me".to_owned(),
        actor: actor.to_owned(),
        token_id: Some(3),
        action: action.to_owned(),
        resource: "jobs/1".to_owned(),
        address: Some("10.0.0.1".to_owned()),
        request_id: Some("r-1".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_told_newest_first() {
    let (_, mut conn) = gateway().await;
    audit::append(&mut conn, Vec::new()).await.unwrap();
    let elsewhere = Entry {
        namespace: "other".to_owned(),
        ..entry("me", "job.create")
    };
    let entries = vec![
        entry("me", "job.create"),
        entry("you", "job.create"),
        entry("me", "job.delete"),
        elsewhere,
    ];
    audit::append(&mut conn, entries).await.unwrap();
    let page = |position| Page {
        position,
        ..Page::newest(2)
    };
    let all = Filter::default();
    let newest = audit::list(&mut conn, "me", &all, page(Position::Skip(0)))
        .await
        .unwrap();
    assert!(newest.goes_on);
    let newest = newest.rows;
    let told: Vec<_> = newest
        .iter()
        .map(|r| (r.actor.as_str(), r.action.as_str()))
        .collect();
    assert_eq!(told, [("me", "job.delete"), ("you", "job.create")]);
    assert_eq!(newest[0].resource, "jobs/1");
    assert_eq!(newest[0].token_id, Some(3));
    assert_eq!(newest[0].address.as_deref(), Some("10.0.0.1"));
    assert_eq!(newest[0].request_id.as_deref(), Some("r-1"));
    let older = audit::list(&mut conn, "me", &all, page(Position::After(newest[1].id)))
        .await
        .unwrap();
    assert_eq!((older.rows.len(), older.goes_on), (1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_done_the_asked_is_counted() {
    let (_, mut conn) = gateway().await;
    let before = Utc::now() - TimeDelta::minutes(1);
    let entries = vec![
        entry("me", "job.create"),
        entry("you", "job.create"),
        entry("me", "job.delete"),
    ];
    audit::append(&mut conn, entries).await.unwrap();
    let filter = |actor: Option<&str>, action: Option<&str>| Filter {
        actor: actor.map(str::to_owned),
        action: action.map(str::to_owned),
        ..Filter::default()
    };
    let between = |created_after, created_before| Filter {
        created_after,
        created_before,
        ..Filter::default()
    };
    for (filter, expected) in [
        (filter(None, None), 3),
        (filter(Some("me"), None), 2),
        (filter(None, Some("job.create")), 2),
        (filter(Some("me"), Some("job.create")), 1),
        (between(Some(before), None), 3),
        (between(None, Some(before)), 0),
    ] {
        let count = audit::count(&mut conn, "me", &filter).await.unwrap();
        assert_eq!(count, Count::exact(expected), "{filter:?}");
    }
}
