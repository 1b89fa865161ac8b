//! What a token speaks for, and which ones live.

use super::*;

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
