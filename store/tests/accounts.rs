//! Accounts, their tokens, members of namespaces, and the audit log, with the
//! gateway's rights.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_speaks_for_its_account_and_all_its_namespaces() {
    let (_, mut conn) = gateway().await;
    let (me, other) = (user(&mut conn, "me").await, user(&mut conn, "other").await);
    let expires_at = Some(Utc::now() + TimeDelta::hours(1));
    let new = NewToken {
        scope: Access::Trigger,
        expires_at,
        ..new_token(&me, 7)
    };
    let token = tokens::insert(&mut conn, &new).await.unwrap();
    memberships::set(&mut conn, "other", me.id, MemberRole::Viewer)
        .await
        .unwrap();
    memberships::accept(&mut conn, "other", me.id)
        .await
        .unwrap();
    let bearer = tokens::verify(&mut conn, [7; 32]).await.unwrap().unwrap();
    assert_eq!((bearer.account_id, bearer.name.as_str()), (me.id, "me"));
    assert_eq!((bearer.token_id, bearer.scope), (token.id, Access::Trigger));
    assert_eq!(bearer.expires_at, token.expires_at);
    let roles = [("me", MemberRole::Admin), ("other", MemberRole::Viewer)];
    assert_eq!(
        bearer.memberships,
        roles.map(|(name, role)| (name.to_owned(), role))
    );
    assert_eq!(tokens::verify(&mut conn, [8; 32]).await.unwrap(), None);

    assert!(!tokens::revoke(&mut conn, other.id, token.id).await.unwrap());
    assert!(speaks(&mut conn, 7).await, "only its account revokes it");
    assert!(tokens::revoke(&mut conn, me.id, token.id).await.unwrap());
    assert!(!speaks(&mut conn, 7).await);
    assert!(!tokens::revoke(&mut conn, me.id, token.id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_live_tokens_count() {
    let (_, mut conn) = gateway().await;
    let me = user(&mut conn, "me").await;
    let expired = NewToken {
        expires_at: Some(Utc::now() - TimeDelta::seconds(1)),
        ..new_token(&me, 1)
    };
    let expired = tokens::insert(&mut conn, &expired).await.unwrap();
    assert!(!speaks(&mut conn, 1).await);
    assert!(!tokens::revoke(&mut conn, me.id, expired.id).await.unwrap());
    let kept = tokens::insert(&mut conn, &new_token(&me, 2)).await.unwrap();
    let ended = tokens::insert(&mut conn, &new_token(&me, 3)).await.unwrap();
    let by_login = login(&mut conn, &me, 4).await;
    assert!(tokens::revoke(&mut conn, me.id, ended.id).await.unwrap());
    let live = tokens::list(&mut conn, me.id).await.unwrap();
    assert_eq!(live, [by_login, kept.clone()]);
    assert_eq!(tokens::count(&mut conn, me.id).await.unwrap(), 1);

    let other = user(&mut conn, "other").await;
    tokens::insert(&mut conn, &new_token(&other, 5))
        .await
        .unwrap();
    tokens::revoke_all_but(&mut conn, me.id, Some(kept.id))
        .await
        .unwrap();
    assert_eq!(tokens::list(&mut conn, me.id).await.unwrap(), [kept]);
    assert!(speaks(&mut conn, 5).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_tokens_for_a_password_the_newest_stay() {
    let (_, mut conn) = gateway().await;
    let (me, other) = (user(&mut conn, "me").await, user(&mut conn, "other").await);
    tokens::insert(&mut conn, &new_token(&me, 1)).await.unwrap();
    login(&mut conn, &other, 2).await;
    for byte in 3..=6 {
        login(&mut conn, &me, byte).await;
        tokens::keep_newest_logins(&mut conn, me.id, 2)
            .await
            .unwrap();
    }
    for (byte, expected) in [
        (1, true),
        (2, true),
        (3, false),
        (4, false),
        (5, true),
        (6, true),
    ] {
        assert_eq!(speaks(&mut conn, byte).await, expected, "{byte}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_change_and_go() {
    let (_, mut conn) = gateway().await;
    let (me, you) = (user(&mut conn, "me").await, user(&mut conn, "you").await);
    let set = async |conn: &mut PgConnection, account: &Account, role| {
        memberships::set(conn, "me", account.id, role)
            .await
            .unwrap()
    };
    for role in MemberRole::ALL {
        assert_eq!(set(&mut conn, &you, role).await, Change::Done);
        let members = memberships::list(&mut conn, "me").await.unwrap();
        let roles = members
            .iter()
            .map(|member| (member.name.as_str(), member.role, member.is_accepted));
        assert_eq!(
            roles.collect::<Vec<_>>(),
            [("me", MemberRole::Admin, true), ("you", role, false)]
        );
    }
    assert_eq!(set(&mut conn, &me, MemberRole::Viewer).await, Change::Owner);
    assert_eq!(set(&mut conn, &me, MemberRole::Admin).await, Change::Done);
    let owner = memberships::remove(&mut conn, "me", me.id).await.unwrap();
    assert_eq!(owner, Change::Owner);
    for expected in [Change::Done, Change::NotFound] {
        let removed = memberships::remove(&mut conn, "me", you.id).await.unwrap();
        assert_eq!(removed, expected);
    }
    let nowhere = memberships::set(&mut conn, "none", me.id, MemberRole::Admin).await;
    assert_eq!(nowhere.unwrap(), Change::NotFound);
    let nowhere = memberships::remove(&mut conn, "none", me.id).await;
    assert_eq!(nowhere.unwrap(), Change::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_leave_at_once_one_stays() {
    let (store, mut conn) = gateway().await;
    let (me, you) = (user(&mut conn, "me").await, user(&mut conn, "you").await);
    for round in 0..10 {
        let name = format!("team-{round}");
        let team = NewAccount::named(&name, AccountKind::Organisation);
        accounts::create(&mut conn, &team, Some(me.id))
            .await
            .unwrap();
        memberships::set(&mut conn, &name, you.id, MemberRole::Admin)
            .await
            .unwrap();
        let alone = memberships::remove(&mut conn, &name, me.id).await.unwrap();
        assert_eq!(alone, Change::LastAdmin, "an invitation is no admin");
        memberships::accept(&mut conn, &name, you.id).await.unwrap();
        let leaves = [me.id, you.id].map(async |account| {
            let (mut conn, name) = (store.connection().await.unwrap(), name.clone());
            transaction::<_, StoreError, _>(&mut conn, move |conn| {
                async move { memberships::remove(conn, &name, account).await }.boxed()
            })
            .await
            .unwrap()
        });
        let mut changes = futures::future::join_all(leaves).await;
        changes.sort_by_key(|change| *change != Change::Done);
        assert_eq!(changes, [Change::Done, Change::LastAdmin]);
        let left = memberships::list(&mut conn, &name).await.unwrap();
        assert_eq!(left.len(), 1);
        let last = left[0].account_id;
        let demoted = memberships::set(&mut conn, &name, last, MemberRole::Developer).await;
        assert_eq!(demoted.unwrap(), Change::LastAdmin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_once_its_user_agrees_and_invitations_have_an_end() {
    let (_, mut conn) = gateway().await;
    let (me, you) = (user(&mut conn, "me").await, user(&mut conn, "you").await);
    tokens::insert(&mut conn, &new_token(&you, 1))
        .await
        .unwrap();
    let invited = memberships::set(&mut conn, "me", you.id, MemberRole::Viewer).await;
    assert_eq!(invited.unwrap(), Change::Done);
    let rights = async |conn: &mut PgConnection| {
        let bearer = tokens::verify(conn, [1; 32]).await.unwrap().unwrap();
        bearer.memberships.len()
    };
    assert_eq!(rights(&mut conn).await, 1, "its own namespace");
    let roles = memberships::of_account(&mut conn, you.id).await.unwrap();
    assert_eq!(roles.invited, [("me".to_owned(), MemberRole::Viewer)]);
    for _ in 0..2 {
        let accepted = memberships::accept(&mut conn, "me", you.id).await;
        assert_eq!(accepted.unwrap(), Change::Done);
    }
    assert_eq!(rights(&mut conn).await, 2);
    let not_invited = memberships::accept(&mut conn, "you", me.id).await;
    assert_eq!(not_invited.unwrap(), Change::NotFound);

    let last = memberships::INVITATIONS_MAX;
    for number in 0..=last {
        let name = format!("team-{number}");
        let team = NewAccount::named(&name, AccountKind::Organisation);
        accounts::create(&mut conn, &team, Some(me.id))
            .await
            .unwrap();
        let gift = memberships::set(&mut conn, &name, you.id, MemberRole::Admin).await;
        let expected = if number < last {
            Change::Done
        } else {
            Change::ManyInvitations
        };
        assert_eq!(gift.unwrap(), expected, "{name}");
    }
    // A namespace that the user is in already may still change the role.
    let changed = memberships::set(&mut conn, "me", you.id, MemberRole::Developer).await;
    assert_eq!(changed.unwrap(), Change::Done);
}

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
    audit::append(&mut conn, &[]).await.unwrap();
    let elsewhere = Entry {
        namespace: "other".to_owned(),
        ..entry("me", "job.create")
    };
    let entries = [
        entry("me", "job.create"),
        entry("you", "job.create"),
        entry("me", "job.delete"),
        elsewhere,
    ];
    audit::append(&mut conn, &entries).await.unwrap();
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
    let entries = [
        entry("me", "job.create"),
        entry("you", "job.create"),
        entry("me", "job.delete"),
    ];
    audit::append(&mut conn, &entries).await.unwrap();
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
