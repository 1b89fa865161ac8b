//! Does a page of a very long list cost the same far down as at its beginning?
//!
//! One job with a million execs behind a gateway of its own. Pages are asked for
//! over HTTP, the kinds interleaved, and each answer's count is checked; the
//! peer is the same page by OFFSET, as Postgres itself times it.

mod list;

use anyhow::{Result, ensure};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use e2e::{Client, Times};

use list::{Expected, LongList};

/// What a filtered count stops at.
const COUNTED: i64 = 10_000;
/// Rounds of the peer, which takes much longer than the others.
const PEER_ROUNDS: usize = 10;

/// Runs on the infrastructure that `make bench-lists` sets up.
#[derive(Parser)]
struct Options {
    /// Execs of the job.
    #[arg(long, default_value_t = 1_000_000)]
    execs: i64,
    /// Requests of each kind.
    #[arg(long, default_value_t = 1000)]
    rounds: usize,
}

/// A kind of page and what it took.
struct Kind {
    name: String,
    query: String,
    expected: Expected,
    times: Times,
}

impl Kind {
    fn new(name: &str, query: String, expected: Expected) -> Self {
        Self {
            name: name.to_owned(),
            query,
            expected,
            times: Times::default(),
        }
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let ring = Ring::builder(&Infra::from_env()?, "bench-lists")
        .only(&[Service::Gateway])
        .env(Service::Gateway, "ESCAPEMENT__LIMITS__TOKEN__BURST", "0")
        .env(Service::Gateway, "ESCAPEMENT__LIMITS__ADDRESS__BURST", "0")
        .start()
        .await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("bench").await?);
    let list = LongList::fill(&ring, &client, options.execs).await?;
    let depth = options.execs / 2;

    let mut kinds = kinds(options.execs, &list.cursor_at(depth).await?);
    for _ in 0..options.rounds {
        for kind in &mut kinds {
            let time = list.page(&kind.query, kind.expected).await?;
            kind.times.push(time);
        }
    }
    let mut peer = Times::default();
    for _ in 0..PEER_ROUNDS {
        peer.push(list.by_offset(depth).await?);
    }
    let deleted = list.delete_some().await?;
    ensure!(deleted > 0, "some execs are deleted");
    let expected = Expected::exactly(options.execs - deleted);
    list.page("", expected).await?;
    ring.down().await?;

    println!(
        "{} execs of one job, {} requests of each kind, {depth} rows down; \
         count right in every answer, also after {deleted} deletes",
        options.execs, options.rounds
    );
    report(&kinds);
    println!(
        "{:<24} p50 {:>7.2} ms (in SQL, without HTTP)",
        "peer: far down by OFFSET",
        peer.at(0.5)
    );
    Ok(())
}

/// Pairs: at the beginning and far down.
fn kinds(execs: i64, cursor: &str) -> [Kind; 4] {
    let (all, failed) = (Expected::exactly(execs), Expected::at_least(COUNTED));
    [
        Kind::new("first page", String::new(), all),
        Kind::new("far down", format!("cursor={cursor}"), all),
        Kind::new("failed, first page", "status=F".to_owned(), failed),
        Kind::new(
            "failed, far down",
            format!("status=F&cursor={cursor}"),
            failed,
        ),
    ]
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn report(kinds: &[Kind]) {
    for pair in kinds.chunks(2) {
        let mut first = None;
        for Kind { name, times, .. } in pair {
            let (p50, p99) = (times.at(0.5), times.at(0.99));
            let first = *first.get_or_insert(p99);
            println!(
                "{name:<24} p50 {p50:>7.2} ms  p99 {p99:>7.2} ms  \
                 p99 against the first page's {:.2} (goal: at most 1.5)",
                p99 / first
            );
        }
    }
}
