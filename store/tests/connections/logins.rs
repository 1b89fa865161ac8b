use super::*;

/// A login that is a member of a service's role and nothing else, as an operator makes
/// it; returns its URL.
async fn login(database: &TestDatabase) -> Url {
    let name = format!("login_{}", Uuid::new_v4().simple());
    let role = DatabaseRole::Gateway;
    database
        .execute(&format!(
            "CREATE ROLE {name} LOGIN NOINHERIT PASSWORD 'x' IN ROLE {role}"
        ))
        .await;
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username(&name).unwrap();
    url.set_password(Some("x")).unwrap();
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_its_own_leaves_a_service_nothing_to_take_back() {
    let database = TestDatabase::new().await;
    let own = DatabaseConfig {
        allow_superuser: false,
        ..config(&login(&database).await)
    };
    let mut connection = connect(&own).await.unwrap();
    let user = ask(&mut connection, "current_user::text").await;
    assert_eq!(user, "escapement_gateway");
    for forbidden in [
        "RESET ROLE; SELECT count(*) FROM jobs",
        "RESET ROLE; SELECT pg_read_file('/etc/hostname')",
        "SET ROLE escapement_executor",
        "DROP TABLE jobs",
    ] {
        let done = diesel_async::SimpleAsyncConnection::batch_execute(&mut *connection, forbidden);
        let error = done.await.unwrap_err().to_string();
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{forbidden}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_is_refused_if_the_operator_says_so() {
    let database = TestDatabase::new().await;
    let url = Url::parse(&database.url).unwrap();
    let allowed = config(&url);
    assert!(connect(&allowed).await.is_ok());
    let forbidden = DatabaseConfig {
        allow_superuser: false,
        ..allowed
    };
    let why = connect(&forbidden).await.err().unwrap();
    assert!(why.contains("allow_superuser"), "{why}");
}
