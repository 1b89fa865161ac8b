//! Accounts, their tokens, members of namespaces, and the audit log, with the
//! gateway's rights.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

mod audit_log;
mod live_tokens;
mod members;

use chrono::{TimeDelta, Utc};
use futures::FutureExt;
use secrecy::ExposeSecret;
use store::access::{Access, MemberRole};
use store::accounts::{self, Account, AccountKind, NewAccount};
use store::audit::{self, Entry, Filter};
use store::memberships::{self, Change};
use store::page::{Count, Page, Position};
use store::testing::TestDatabase;
use store::tokens::{self, NewToken, Token};
use store::{DatabaseRole, PgConnection, PooledConnection, Store, StoreError, transaction};

async fn gateway() -> (Store, PooledConnection) {
    let store = TestDatabase::new().await.store(DatabaseRole::Gateway);
    let conn = store.connection().await.unwrap();
    (store, conn)
}

async fn user(conn: &mut PgConnection, name: &str) -> Account {
    let new = NewAccount::named(name, AccountKind::User);
    accounts::create(conn, &new, None).await.unwrap().unwrap()
}

fn new_token(account: &Account, byte: u8) -> NewToken {
    NewToken {
        account_id: account.id,
        name: format!("token {byte}"),
        scope: Access::Admin,
        expires_at: None,
        by_login: false,
        sha256: [byte; 32],
    }
}

async fn login(conn: &mut PgConnection, account: &Account, byte: u8) -> Token {
    let new = NewToken {
        by_login: true,
        ..new_token(account, byte)
    };
    tokens::insert(conn, &new).await.unwrap()
}

async fn speaks(conn: &mut PgConnection, byte: u8) -> bool {
    tokens::verify(conn, [byte; 32]).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_owns_the_namespace_of_its_name() {
    let (_, mut conn) = gateway().await;
    let owner = user(&mut conn, "me").await;
    let team = NewAccount::named("team", AccountKind::Organisation);
    let team = accounts::create(&mut conn, &team, Some(owner.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(team.kind, AccountKind::Organisation);
    for name in ["me", "team"] {
        let taken = NewAccount::named(name, AccountKind::User);
        assert_eq!(
            accounts::create(&mut conn, &taken, None).await.unwrap(),
            None
        );
    }
    let roles = memberships::of_account(&mut conn, owner.id).await.unwrap();
    let admin = |name: &str| (name.to_owned(), MemberRole::Admin);
    assert_eq!(roles.accepted, [admin("me"), admin("team")]);
    assert!(
        memberships::of_account(&mut conn, team.id)
            .await
            .unwrap()
            .accepted
            .is_empty()
    );
    let found = accounts::by_name(&mut conn, "team").await.unwrap();
    assert_eq!(found, Some(team));
    assert_eq!(accounts::by_name(&mut conn, "none").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_kept_as_it_was_set() {
    let (_, mut conn) = gateway().await;
    let new = NewAccount {
        real_name: Some("Me Myself".to_owned()),
        email: Some("me@example.com".to_owned()),
        password_hash: Some("first".into()),
        ..NewAccount::named("me", AccountKind::User)
    };
    let account = accounts::create(&mut conn, &new, None)
        .await
        .unwrap()
        .unwrap();
    assert!(!format!("{new:?}").contains("first"));
    accounts::set_password(&mut conn, account.id, &"second".into())
        .await
        .unwrap();
    let (found, hash) = accounts::credentials(&mut conn, "me")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.real_name.as_deref(), Some("Me Myself"));
    assert_eq!(found.email.as_deref(), Some("me@example.com"));
    assert_eq!(found, account);
    assert_eq!(hash.unwrap().expose_secret(), "second");
    let none = accounts::credentials(&mut conn, "none").await.unwrap();
    assert!(none.is_none());
}
