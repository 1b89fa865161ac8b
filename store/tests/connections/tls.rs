use super::*;

const STRANGER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/connections/stranger.crt"
);

/// By the server's own word, so that no client can fool itself.
async fn is_encrypted(database: &TestDatabase, host: &str, parameters: &str) -> String {
    let mut url = Url::parse(&database.url).unwrap();
    url.set_host(Some(host)).unwrap();
    url.set_query(Some(parameters));
    let name = Uuid::new_v4();
    url.query_pairs_mut()
        .append_pair("application_name", &name.to_string());
    match connect(&config(&url)).await {
        Ok(_connection) => {
            let sessions = "pg_stat_ssl JOIN pg_stat_activity USING (pid)";
            let sql =
                format!("(SELECT ssl::text FROM {sessions} WHERE application_name = '{name}')");
            ask(&mut database.owner().await, &sql).await
        }
        Err(why) => why,
    }
}

/// The server's certificate is for 127.0.0.1 and for no name.
#[tokio::test(flavor = "multi_thread")]
async fn each_sslmode_is_as_sure_of_the_server_as_it_says() {
    let database = TestDatabase::new().await;
    let authority = std::env::var("TLS_AUTHORITY").expect("`make test` sets TLS_AUTHORITY");
    for (host, parameters, expected) in [
        ("127.0.0.1", "sslmode=disable", "false"),
        ("127.0.0.1", "", "true"),
        ("127.0.0.1", "sslmode=prefer", "true"),
        ("localhost", "sslmode=require", "true"),
        (
            "127.0.0.1",
            &format!("sslmode=require&sslrootcert={STRANGER}"),
            "UnknownIssuer",
        ),
        (
            "localhost",
            &format!("sslmode=verify-ca&sslrootcert={authority}"),
            "true",
        ),
        (
            "127.0.0.1",
            &format!("sslmode=verify-ca&sslrootcert={STRANGER}"),
            "UnknownIssuer",
        ),
        (
            "127.0.0.1",
            &format!("sslmode=verify-full&sslrootcert={authority}"),
            "true",
        ),
        (
            "localhost",
            &format!("sslmode=verify-full&sslrootcert={authority}"),
            "not valid for name",
        ),
        (
            "127.0.0.1",
            "sslmode=verify-full&sslrootcert=/dev/null",
            "holds no certificate",
        ),
    ] {
        let said = is_encrypted(&database, host, parameters).await;
        assert!(said.contains(expected), "{host} {parameters}: {said}");
    }
}
