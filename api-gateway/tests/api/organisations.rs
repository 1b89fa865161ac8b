//! Organisations: who makes them, and how many.

use serde_json::json;

use crate::app::spawn_app;

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_a_namespace_of_its_founder() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let body = json!({ "name": "acme" });
    let (status, made) = me.post("/v1/organisations", Some(&body)).await;
    assert_eq!((status.as_u16(), &made["name"]), (201, &json!("acme")));
    let job = me.job(json!({ "namespace": "acme" })).await;
    assert_eq!(job["namespace"], "acme");
    for name in ["acme", "me"] {
        let (status, problem) = me
            .post("/v1/organisations", Some(&json!({ "name": name })))
            .await;
        assert_eq!(status, 409);
        assert_eq!(problem["type"], "urn:escapement:problem:name-taken");
    }
    let (status, _) = me
        .post("/v1/organisations", Some(&json!({ "name": "Acme" })))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_does_not_found_without_end() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    app.database
        .execute(
            "INSERT INTO accounts (name, kind)
                SELECT 'team-' || n, 'organisation' FROM generate_series(1, 98) n;
             INSERT INTO memberships (namespace, account_id, role)
                SELECT org.name, me.id, 'admin' FROM accounts org, accounts me
                WHERE org.kind = 'organisation' AND me.name = 'me'",
        )
        .await;
    let found = async |name: &str| {
        let body = json!({ "name": name });
        me.post("/v1/organisations", Some(&body)).await.0.as_u16()
    };
    let all = futures::future::join_all(["a", "b", "c"].map(found)).await;
    assert_eq!(
        all.iter().filter(|status| **status == 201).count(),
        1,
        "{all:?}"
    );
}
