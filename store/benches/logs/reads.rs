//! Reading what was stored.

use regex::bytes::Regex;
use store::Store;
use store::logs::{self, Filter, PageLimits, StreamKey};
use tokio::time::Instant;

use crate::corpus::NEEDLE;
use crate::peers::Peers;

/// Reads of the last lines.
const TAILS: usize = 500;
const LAST: usize = 1_000;

/// As the gateway reads.
const STEP: PageLimits = PageLimits {
    lines: 2_000,
    bytes: 256 * 1024,
    scan: 1024 * 1024,
};

fn at(sorted: &[f64], part: usize) -> f64 {
    sorted[sorted.len() * part / 100]
}

pub(crate) async fn last_lines(store: &Store, keys: &[StreamKey]) {
    let mut conn = store.connection().await.unwrap();
    let every = Filter::default();
    let mut times = Vec::new();
    for key in keys.iter().cycle().take(TAILS) {
        let begun = Instant::now();
        let tail = logs::tail(&mut conn, *key, None, &every, LAST)
            .await
            .unwrap();
        let page = logs::read(&mut conn, *key, tail.from_seq, &every, STEP)
            .await
            .unwrap();
        assert_eq!(page.lines.len(), LAST);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "last {LAST} lines, {TAILS} times: p50 {:.2} ms, p99 {:.2} ms (goal: at most 5)",
        at(&times, 50),
        at(&times, 99)
    );
}

pub(crate) async fn needle(store: &Store, peers: &Peers, keys: &[StreamKey]) {
    let mut conn = store.connection().await.unwrap();
    let filter = Filter {
        patterns: vec![Regex::new(NEEDLE).unwrap()],
        ..Filter::default()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for key in keys.iter().cycle().take(4 * keys.len()) {
        let begun = Instant::now();
        let (mut from, mut found, mut more) = (0, 0, true);
        while more {
            let page = logs::read(&mut conn, *key, from, &filter, STEP)
                .await
                .unwrap();
            (from, more) = (page.next_seq, page.more);
            found += page.lines.len();
        }
        ours.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        assert_eq!((found, peers.needle(*key).await), (1, 1));
        theirs.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (own, other) = (at(&ours, 50), at(&theirs, 50));
    println!(
        "a needle in an exec, {} times in turn: p50 {own:.1} ms against {other:.1} ms by LIKE on \
         rows, ratio {:.2} (goal: at most 0.5)",
        ours.len(),
        own / other
    );
}
