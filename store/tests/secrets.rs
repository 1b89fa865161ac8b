//! Sealed values in the database, and the change of the key that seals them.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use secrecy::{ExposeSecret, SecretString};
use shared_types::SecretId;
use store::registries::{self, Credential, MAX};
use store::schema::secrets as rows;
use store::secrets::{self, Keyring, SecretError, SecretsConfig};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PgConnection, Store, StoreError};

const OLD: &str = "old:b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2w=";
const OTHER: &str = "other:b3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Q=";
const NEW: &str = "new:bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU=";

fn ring(keys: &str) -> Keyring {
    Keyring::new(&SecretsConfig { keys: keys.into() }).unwrap()
}

async fn store_each(conn: &mut PgConnection, ring: &Keyring, values: &[&str]) -> Vec<SecretId> {
    let values: Vec<SecretString> = values.iter().map(|value| (*value).into()).collect();
    secrets::insert(conn, ring, "demo", &values).await.unwrap()
}

async fn read(conn: &mut PgConnection, ring: &Keyring, ids: &[SecretId]) -> Vec<String> {
    let values = secrets::load(conn, ring, "demo", ids).await.unwrap();
    let text = |id| values[id].expose_secret().to_owned();
    ids.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_stored_sealed_and_read_by_the_executor() {
    let database = TestDatabase::new().await;
    let ring = ring(OLD);
    let gateway = &mut database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let texts: Vec<String> = (0..100).map(|n| format!("wert-ü-{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let ids = store_each(gateway, &ring, &texts).await;
    let executor = &mut database
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    assert_eq!(read(executor, &ring, &ids).await, texts);
    let sealed: Vec<Vec<u8>> = rows::table
        .select(rows::sealed)
        .load(&mut database.owner().await)
        .await
        .unwrap();
    for bytes in sealed {
        assert!(!bytes.windows(4).any(|window| window == b"wert"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_another_namespace_is_missing_and_does_not_open() {
    let database = TestDatabase::new().await;
    let ring = ring(OLD);
    let conn = &mut database.owner().await;
    let ids = store_each(conn, &ring, &["x"]).await;
    let refused = secrets::load(conn, &ring, "other", &ids).await.unwrap_err();
    let StoreError::Secret(error) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error, SecretError::Missing(ids[0]));
    // Not even by who can write rows.
    diesel::update(rows::table)
        .set(rows::namespace.eq("other"))
        .execute(conn)
        .await
        .unwrap();
    let refused = secrets::load(conn, &ring, "other", &ids).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Secret(SecretError::Closed { id, .. }) if id == ids[0]),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resealing_leaves_nothing_to_the_old_key() {
    let database = TestDatabase::new().await;
    let (old, both, new) = (ring(OLD), ring(&format!("{NEW},{OLD}")), ring(NEW));
    let conn = &mut database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let texts = ["a", "b", "c", "d", "e"];
    let mut ids = store_each(conn, &old, &texts[..4]).await;
    ids.extend(store_each(conn, &both, &texts[4..]).await);
    let mut batches = Vec::new();
    loop {
        let resealed = conn
            .transaction(async |conn| secrets::reseal(conn, &both, 3).await)
            .await
            .unwrap();
        batches.push(resealed);
        if resealed == 0 {
            break;
        }
    }
    assert_eq!(batches, [3, 1, 0]);
    assert_eq!(read(conn, &new, &ids).await, texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_reseals_is_skipped() {
    let database = TestDatabase::new().await;
    let (old, both) = (ring(OLD), ring(&format!("{NEW},{OLD}")));
    let store = database.store(DatabaseRole::Gateway);
    let (one, other) = (
        &mut store.connection().await.unwrap(),
        &mut store.connection().await.unwrap(),
    );
    store_each(one, &old, &["a", "b", "c"]).await;
    one.transaction::<_, StoreError, _>(async |one| {
        assert_eq!(secrets::reseal(one, &both, 2).await?, 2);
        let rest = other
            .transaction(async |other| secrets::reseal(other, &both, 9).await)
            .await?;
        assert_eq!(rest, 1, "not blocked by those that are locked");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_is_named() {
    let database = TestDatabase::new().await;
    let conn = &mut database.owner().await;
    let ids = store_each(conn, &ring(OLD), &["a"]).await;
    let load = secrets::load(conn, &ring(NEW), "demo", &ids).await;
    let StoreError::Secret(error) = load.unwrap_err() else {
        panic!("not of the secret");
    };
    assert!(error.to_string().contains("key old"), "{error}");
    // What cannot be opened keeps nobody from resealing the rest.
    store_each(conn, &ring(OTHER), &["b"]).await;
    let both = ring(&format!("{NEW},{OTHER}"));
    assert_eq!(secrets::reseal(conn, &both, 9).await.unwrap(), 1);
    assert_eq!(secrets::missing_keys(conn, &both).await.unwrap(), ["old"]);
}

async fn put(store: &Store, ring: &Keyring, registry: String) -> bool {
    let new = Credential {
        registry,
        username: "u".to_owned(),
        password: "p".into(),
    };
    let conn = &mut store.connection().await.unwrap();
    conn.transaction(async |conn| registries::put(conn, ring, "demo", &new).await)
        .await
        .unwrap()
        .is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_not_both_get_the_last_place() {
    let database = TestDatabase::new().await;
    TestDatabase::execute(&database, "INSERT INTO accounts (name) VALUES ('demo')").await;
    let (store, ring) = (database.store(DatabaseRole::Gateway), ring(OLD));
    for number in 1..MAX {
        assert!(put(&store, &ring, format!("r{number}.io")).await);
    }
    let rivals = (0..4).map(|number| put(&store, &ring, format!("rival{number}.io")));
    let kept = futures::future::join_all(rivals).await;
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1);
    let conn = &mut store.connection().await.unwrap();
    let all = registries::list(conn, "demo").await.unwrap();
    assert_eq!(i64::try_from(all.len()).unwrap(), MAX);
}
