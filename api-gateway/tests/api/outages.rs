//! A database that cannot: every write is answered with 503, nothing of it
//! stays, and the same request succeeds once the database can again.

use reqwest::Method;
use serde_json::{Value, json};
use store::testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use url::Url;
use uuid::Uuid;

use crate::app::{TestApp, User, read, spawn_app, spawn_app_on, spawn_app_with};

/// What has one row for each job.
const TABLES: [&str; 3] = ["jobs", "schedules", "audit_log WHERE action = 'job.create'"];

fn job() -> Value {
    json!({ "name": "n", "command": "c", "docker_image_repo": "r.io/a/b" })
}

/// With so many jobs before and after.
async fn assert_unavailable(user: &User<'_>, app: &TestApp, jobs: i64) {
    let response = user.send(Method::POST, "/v1/jobs", Some(&job())).await;
    let headers = response.headers().clone();
    let (status, problem) = read(response).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(problem["type"], "urn:escapement:problem:unavailable");
    for table in TABLES {
        assert_eq!(app.database.rows(table).await, jobs, "{table}");
    }
}

/// As a client does that was told to try again. Connections that were cut are
/// found out one by one.
async fn assert_succeeds_once(user: &User<'_>, app: &TestApp, jobs: i64) {
    let mut tries = 0;
    loop {
        let (status, answer) = user.post("/v1/jobs", Some(&job())).await;
        if status == 201 {
            break;
        }
        tries += 1;
        assert_eq!(status, 503, "{answer}");
        assert!(tries < 20, "{answer}");
    }
    for table in TABLES {
        assert_eq!(app.database.rows(table).await, jobs + 1, "{table}");
    }
}

/// Has the second statement of a write do something.
fn on_schedules(timing: &str, does: &str) -> String {
    format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN {does}; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON schedules
         {timing} FOR EACH ROW EXECUTE FUNCTION fail()"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_or_a_commit_that_the_server_cannot_do() {
    let full = r#"RAISE EXCEPTION 'could not extend file "base/1/2": No space left on device'
        USING ERRCODE = '53100', HINT = 'Check free disk space.'"#;
    let memory = "RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200'";
    let shutdown = "PERFORM pg_terminate_backend(pg_backend_pid())";
    let app = spawn_app().await;
    let user = app.user("me").await;
    let mut jobs = 0;
    for does in [full, memory, shutdown] {
        for timing in ["", "DEFERRABLE INITIALLY DEFERRED"] {
            app.database.execute(&on_schedules(timing, does)).await;
            assert_unavailable(&user, &app, jobs).await;
            app.database.execute("DROP FUNCTION fail CASCADE").await;
            assert_succeeds_once(&user, &app, jobs).await;
            jobs += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_wrong_is_no_outage() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let wrong = on_schedules("", "RAISE EXCEPTION 'wrong'");
    app.database.execute(&wrong).await;
    let (status, problem) = user.post("/v1/jobs", Some(&job())).await;
    assert_eq!(status, 500);
    assert!(!problem.to_string().contains("wrong"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_become_read_only() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let name = database_name(&app.database);
    let read_only = |value| {
        format!(
            "BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = {value}; COMMIT;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
    };
    assert_eq!(user.get("/v1/jobs").await.0, 200);
    app.database.execute(&read_only("on")).await;
    while user.get("/v1/jobs").await.0 != 200 {}
    assert_unavailable(&user, &app, 0).await;
    app.database.execute(&read_only("off")).await;
    assert_succeeds_once(&user, &app, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_connection_to_spare() {
    let database = TestDatabase::new().await;
    let login = format!("login_{}", Uuid::new_v4().simple());
    let create = format!(
        "CREATE ROLE {login} LOGIN PASSWORD 'x' CONNECTION LIMIT 0 IN ROLE escapement_gateway"
    );
    database.execute(&create).await;
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username(&login).unwrap();
    url.set_password(Some("x")).unwrap();
    let app = spawn_app_on(database, &[("ESCAPEMENT__DATABASE__URL", url.as_str())]);
    let user = app.user("me").await;
    assert_unavailable(&user, &app, 0).await;
    let more = format!("ALTER ROLE {login} CONNECTION LIMIT -1");
    app.database.execute(&more).await;
    assert_succeeds_once(&user, &app, 0).await;
}

fn database_name(database: &TestDatabase) -> String {
    let url = Url::parse(&database.url).unwrap();
    url.path().trim_start_matches('/').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_does_not_take_all_connections() {
    let app = spawn_app_with(&[
        ("ESCAPEMENT__DATABASE__POOL_SIZE", "2"),
        ("ESCAPEMENT__DATABASE__WAIT", "2s"),
        ("ESCAPEMENT__API__REQUESTS_PER_ACCOUNT", "1"),
    ])
    .await;
    let (me, other) = (app.user("me").await, app.user("other").await);
    let blocker = app.database.lock("jobs").await;
    let mine = futures::future::join_all((0..10).map(|_| me.get("/v1/jobs")));
    let others = async {
        for _ in 0..10 {
            assert_eq!(other.get("/v1/account").await.0, 200);
        }
        drop(blocker);
    };
    let (mine, ()) = futures::join!(mine, others);
    for (status, answer) in mine {
        assert_eq!(status, 200, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_its_answers_gets_no_more_of_them() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__REQUEST_TIMEOUT", "2s")]).await;
    let (me, other) = (app.user("me").await, app.user("other").await);
    let jobs = (0..12).map(|number| me.job(large_job(number)));
    futures::future::join_all(jobs).await;
    let mut unread = Vec::new();
    // 16 MiB may be unread, and one of these is 3 to 4 MiB.
    for _ in 0..8 {
        unread.push(ask_and_read_little(&app, &me.token).await);
    }
    assert_eq!(me.get("/v1/account").await.0, 503);
    assert_eq!(other.get("/v1/account").await.0, 200);
    drop(unread);
    assert_eq!(me.get("/v1/account").await.0, 200);
}

fn large_job(number: u32) -> Value {
    // Of each of these characters JSON makes six.
    let variables = json!({"V": "\u{1}".repeat(60_000)});
    json!({"name": format!("large-{number}"), "runtime_vars": variables})
}

/// Asks for a page of jobs, and waits for the beginning of the answer, if one comes.
async fn ask_and_read_little(app: &TestApp, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = app.base.strip_prefix("http://").unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let ask = format!("GET /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Token {token}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 12]).await.unwrap();
    stream
}
