//! What we compare with, and a look at the disk.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use shared_types::ExecId;
use store::logs::{CHUNK_TARGET_BYTES, StreamKey};
use store::testing::TestDatabase;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls};

use crate::corpus::{Corpus, NEEDLE};

const TABLES: &str = "
    CREATE TABLE log_rows (
        exec_id uuid NOT NULL, attempt integer NOT NULL, seq bigint NOT NULL,
        at timestamptz NOT NULL, line text NOT NULL,
        PRIMARY KEY (exec_id, attempt, seq)
    );
    CREATE TABLE ready_chunks (
        exec_id uuid NOT NULL, attempt integer NOT NULL, first_seq bigint NOT NULL,
        lines integer NOT NULL, first_at timestamptz NOT NULL, last_at timestamptz NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (exec_id, attempt, first_seq)
    );
    ALTER TABLE ready_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
    INSERT INTO jobs (namespace, name, created_by, region, spec)
        VALUES ('bench', 'j', 'bench', 'bench', '{}')";

/// A feature of the driver would be one of the services, too.
#[derive(Debug)]
struct Id(ExecId);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }

    to_sql_checked!();
}

pub(crate) struct Peers {
    client: Client,
    _connection: JoinSet<Result<(), tokio_postgres::Error>>,
}

impl Peers {
    pub(crate) async fn connect(database: &TestDatabase) -> Self {
        let (client, connection) = tokio_postgres::connect(&database.url, NoTls).await.unwrap();
        let mut owner = JoinSet::new();
        owner.spawn(connection);
        client.batch_execute(TABLES).await.unwrap();
        Self {
            client,
            _connection: owner,
        }
    }

    /// A running exec.
    pub(crate) async fn exec(&self) -> StreamKey {
        let exec = ExecId::new();
        let sql = format!(
            "INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
                                spec, state, started_at, attempt)
             SELECT '{exec}', id, 'bench', 'bench', 0, 'M', 'bench', '{{}}', 'running', now(), 1
             FROM jobs"
        );
        self.client.batch_execute(&sql).await.unwrap();
        StreamKey { exec, attempt: 1 }
    }

    pub(crate) async fn copy_rows(&self, key: StreamKey, corpus: &Corpus) -> Duration {
        let types = [
            Type::UUID,
            Type::INT4,
            Type::INT8,
            Type::TIMESTAMPTZ,
            Type::TEXT,
        ];
        let copy = self
            .client
            .prepare("COPY log_rows FROM STDIN BINARY")
            .await
            .unwrap();
        let (exec, begun) = (Id(key.exec), Instant::now());
        let mut seq = 0_i64;
        for lines in corpus.batches() {
            let sink = self.client.copy_in(&copy).await.unwrap();
            let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
            for line in lines {
                let text = str::from_utf8(&line.bytes).unwrap();
                let at = std::time::SystemTime::from(line.at);
                let row: [&(dyn ToSql + Sync); 5] = [&exec, &key.attempt, &seq, &at, &text];
                writer.as_mut().write(&row).await.unwrap();
                seq += 1;
            }
            writer.finish().await.unwrap();
        }
        begun.elapsed()
    }

    pub(crate) async fn insert_chunks(&self, key: StreamKey, corpus: &Corpus) -> Duration {
        let mut chunks = Vec::new();
        let mut raw = Vec::new();
        for (seq, line) in corpus.lines().iter().enumerate() {
            raw.extend_from_slice(&line.bytes);
            // As much as our frames have beside a line's bytes.
            raw.extend_from_slice(&[0; 17]);
            if raw.len() >= CHUNK_TARGET_BYTES {
                chunks.push((
                    i64::try_from(seq).unwrap(),
                    zstd::bulk::compress(&raw, 1).unwrap(),
                ));
                raw.clear();
            }
        }
        let insert = "INSERT INTO ready_chunks VALUES ($1, $2, $3, 1, now(), now(), $4)";
        let insert = self.client.prepare(insert).await.unwrap();
        let (exec, begun) = (Id(key.exec), Instant::now());
        for (seq, data) in &chunks {
            let row: [&(dyn ToSql + Sync); 4] = [&exec, &key.attempt, seq, data];
            self.client.execute(&insert, &row).await.unwrap();
        }
        begun.elapsed()
    }

    /// Megabytes of our tables and of the rows, with their indexes.
    pub(crate) async fn sizes(&self) -> (f64, f64) {
        self.client.batch_execute("VACUUM ANALYZE").await.unwrap();
        let ours = "pg_total_relation_size('log_chunks') + pg_total_relation_size('log_streams')";
        let sql = format!(
            "SELECT ({ours})::float8 / 1e6, pg_total_relation_size('log_rows')::float8 / 1e6"
        );
        let row = self.client.query_one(&sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }

    /// Looks for the needle in rows.
    pub(crate) async fn needle(&self, key: StreamKey) -> usize {
        let sql = "SELECT seq, at, line FROM log_rows
                   WHERE exec_id = $1 AND attempt = $2 AND line LIKE $3 ORDER BY seq";
        let pattern = format!("%{NEEDLE}%");
        let row: [&(dyn ToSql + Sync); 3] = [&Id(key.exec), &key.attempt, &pattern];
        self.client.query(sql, &row).await.unwrap().len()
    }
}
