//! Who comes to a namespace and goes.

use super::*;

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
