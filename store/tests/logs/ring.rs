//! A database with running execs, and short words for what the tests do.

use chrono::{DateTime, Utc};
use diesel_async::SimpleAsyncConnection;
use shared_types::ExecId;
use store::logs::{self, Append, Filter, LogLine, Opened, PageLimits, StreamKey, Writer};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PgConnection, PooledConnection, Store};

pub(crate) const REGION: &str = "default";
pub(crate) const POD: &str = "pod-1";
pub(crate) const WHOLE: PageLimits = PageLimits {
    lines: usize::MAX,
    bytes: usize::MAX,
    scan: usize::MAX,
};

pub(crate) struct Ring {
    pub(crate) database: TestDatabase,
    pub(crate) store: Store,
}

impl Ring {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store(DatabaseRole::Logs);
        Self { database, store }
    }

    pub(crate) async fn conn(&self) -> PooledConnection {
        self.store.connection().await.unwrap()
    }

    /// A running exec with a claimed attempt.
    pub(crate) async fn exec(&self) -> StreamKey {
        let exec = ExecId::new();
        let sql = format!(
            "INSERT INTO jobs (namespace, name, created_by, region, spec)
                 VALUES ('demo', 'j', 'demo', '{REGION}', '{{}}');
             INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
                                spec, state, started_at, attempt)
                 SELECT '{exec}', max(id), 'demo', '{REGION}', 0, 'M', 'demo', '{{}}',
                        'running', now(), 1 FROM jobs;
             INSERT INTO exec_attempts (exec_id, attempt, pod_uid) VALUES ('{exec}', 1, '{POD}')"
        );
        let mut owner = self.database.owner().await;
        owner.batch_execute(&sql).await.unwrap();
        StreamKey { exec, attempt: 1 }
    }

    pub(crate) async fn owner(&self, sql: &str) {
        self.database
            .owner()
            .await
            .batch_execute(sql)
            .await
            .unwrap();
    }

    pub(crate) async fn all(&self, key: StreamKey) -> Vec<LogLine> {
        let mut conn = self.conn().await;
        let every = Filter::default();
        let page = logs::read(&mut conn, key, 0, &every, WHOLE).await;
        let lines = page.unwrap().lines;
        assert!(
            lines
                .iter()
                .map(|line| line.seq)
                .eq((0..).take(lines.len()))
        );
        lines.into_iter().map(|line| line.line).collect()
    }
}

pub(crate) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 123_456_789).unwrap()
}

pub(crate) fn line(seconds: i64, bytes: impl Into<Vec<u8>>) -> LogLine {
    LogLine {
        at: instant(seconds),
        continued: false,
        gap_before: false,
        bytes: bytes.into(),
    }
}

pub(crate) async fn open(conn: &mut PgConnection, key: StreamKey) -> Writer {
    match logs::open(conn, key, REGION, POD).await.unwrap() {
        Opened::Writer(writer) => writer,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn append(conn: &mut PgConnection, writer: &Writer, lines: &[LogLine]) -> Append {
    conn.transaction(async |conn| logs::append(conn, writer, lines).await)
        .await
        .unwrap()
}

pub(crate) async fn written(conn: &mut PgConnection, writer: &Writer, lines: &[LogLine]) -> Writer {
    match append(conn, writer, lines).await {
        Append::Written(writer) => writer,
        Append::Fenced => panic!("fenced"),
    }
}

pub(crate) async fn chunk_sizes(ring: &Ring, key: StreamKey) -> Vec<i32> {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;
    use store::schema::log_chunks;
    log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .order(log_chunks::first_seq)
        .select(log_chunks::raw_bytes)
        .load(&mut *ring.conn().await)
        .await
        .unwrap()
}
