//! Logs in chunks against logs in rows, on the same Postgres in the same run.
//!
//! The same lines are stored three times, in turn: by us, as log-svc does; a row a line
//! by COPY, in the same batches; and as chunks that were made beforehand. Each batch is a
//! transaction that is on disk when it is done. Then the end of a log is read, and a
//! rare line is looked for.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures, and a panic is its report"
)]

mod corpus;
mod peers;
mod reads;

use std::time::Duration;

use store::logs::{self, Append, BATCH_TARGET_BYTES, LogLine, Opened, StreamKey};
use store::testing::TestDatabase;
use store::{DatabaseRole, Store};
use tokio::time::Instant;

use corpus::Corpus;
use peers::Peers;

/// Lines of an exec: about 10 MB.
const LINES: usize = 100_000;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Logs);
    let peers = Peers::connect(&database).await;
    let corpus = Corpus::new(LINES);
    let megabytes = corpus.bytes() / 1e6;
    let (mut ours, mut rows, mut chunks, mut keys) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let key = peers.exec().await;
        ours.push(megabytes / store_log(&store, key, &corpus).await.as_secs_f64());
        rows.push(megabytes / peers.copy_rows(key, &corpus).await.as_secs_f64());
        chunks.push(megabytes / peers.insert_chunks(key, &corpus).await.as_secs_f64());
        keys.push(key);
    }
    println!("{LINES} lines of {megabytes:.1} MB, {ROUNDS} rounds in turn, MB a second:");
    let ours = shown("escapement", ours);
    let to_rows = ours / shown("a row a line, COPY", rows);
    let to_chunks = ours / shown("chunks made beforehand", chunks);
    println!(
        "  ratio to rows {to_rows:.2} (goal: at least 2), to chunks {to_chunks:.2} (at least 0.5)"
    );
    let (own, theirs) = peers.sizes().await;
    println!(
        "on disk: {own:.1} MB against {theirs:.1} MB of rows, ratio {:.3} (goal: at most 0.2)",
        own / theirs
    );
    reads::last_lines(&store, &keys).await;
    reads::needle(&store, &peers, &keys).await;
}

/// Median and spread.
fn shown(name: &str, mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    println!(
        "  {name}: {median:.1} ({:.1} to {:.1})",
        rates[0],
        rates[rates.len() - 1]
    );
    median
}

async fn store_log(store: &Store, key: StreamKey, corpus: &Corpus) -> Duration {
    let mut conn = store.connection().await.unwrap();
    let opened = logs::open(&mut conn, key, "bench", "uid").await.unwrap();
    let Opened::Writer(mut writer) = opened else {
        panic!("the stream cannot be opened");
    };
    let begun = Instant::now();
    for lines in corpus.batches() {
        let append = logs::append(&mut conn, &writer, lines).await;
        let Append::Written(next) = append.unwrap() else {
            panic!("fenced");
        };
        writer = next;
    }
    begun.elapsed()
}

/// Whether log-svc would store these lines now.
fn is_due(lines: &[LogLine]) -> bool {
    let size = lines.iter().map(LogLine::framed_bytes);
    size.sum::<usize>() >= BATCH_TARGET_BYTES
}
