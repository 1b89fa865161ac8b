//! Pages, ranges and lists.

use chrono::TimeDelta;
use regex::bytes::Regex;
use shared_types::ExecId;
use store::logs::{self, Filter, LogLine, Opened, PageLimits, StreamKey, Tail};

use crate::ring::{POD, REGION, Ring, WHOLE, instant, line, open, written};

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_bounded_and_join_without_a_seam() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let lines: Vec<LogLine> = (0..1000).map(|n| line(n, vec![b'z'; 700])).collect();
    written(&mut conn, &writer, &lines).await;
    let limits = PageLimits {
        lines: 150,
        bytes: 70_000,
        scan: usize::MAX,
    };
    let (mut seen, mut from, every) = (Vec::new(), 0, Filter::default());
    loop {
        let page = logs::read(&mut conn, key, from, &every, limits);
        let page = page.await.unwrap();
        assert!(page.lines.len() <= 100, "{}", page.lines.len());
        seen.extend(page.lines.into_iter().map(|line| line.line));
        from = page.next_seq;
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, lines);
    let end = logs::read(&mut conn, key, from, &every, limits);
    let end = end.await.unwrap();
    assert_eq!((end.lines.len(), end.next_seq, end.more), (0, 1000, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_range_holds_its_start_and_not_its_end() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let lines: Vec<LogLine> = (0..400).map(|n| line(n, vec![b'z'; 900])).collect();
    written(&mut conn, &writer, &lines).await;
    let window = between(190, 210);
    let page = logs::read(&mut conn, key, 0, &window, WHOLE);
    let page = page.await.unwrap();
    assert!(page.lines.iter().map(|line| line.seq).eq(190..210));
    let mut visited = Vec::new();
    let since = instant(390) - TimeDelta::nanoseconds(123_456_789);
    logs::visit_since(&mut conn, key, since, |_, line| visited.push(line))
        .await
        .unwrap();
    assert_eq!(visited, lines[390..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rare_line_is_found_page_by_page() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let mut lines: Vec<LogLine> = (0..2000).map(|n| line(n, vec![b'z'; 700])).collect();
    lines[1700].bytes = b"a needle \xff here".to_vec();
    written(&mut conn, &writer, &lines).await;
    let limits = PageLimits {
        scan: 300_000,
        ..WHOLE
    };
    let patterns = |of: [&str; 2]| of.map(|pattern| Regex::new(pattern).unwrap()).to_vec();
    for (sought, expected) in [(["needle", "e.*d"], Some(1700)), (["needle", "d$"], None)] {
        let filter = Filter {
            patterns: patterns(sought),
            ..Filter::default()
        };
        let (mut found, mut from, mut pages) = (Vec::new(), 0, 0);
        loop {
            let page = logs::read(&mut conn, key, from, &filter, limits);
            let page = page.await.unwrap();
            assert!(page.scanned < 400_000, "{}", page.scanned);
            pages += 1;
            assert!(page.next_seq > from || !page.more);
            from = page.next_seq;
            found.extend(page.lines.iter().map(|line| line.seq));
            if !page.more {
                break;
            }
        }
        assert_eq!(found, Vec::from_iter(expected));
        assert!(pages >= 4, "{pages}");
    }
}

/// The tail as its caller finds it, call by call.
async fn last(ring: &Ring, key: StreamKey, filter: &Filter, count: usize) -> (i64, usize) {
    let (mut before, mut found) = (None, 0);
    loop {
        let mut conn = ring.conn().await;
        let tail = logs::tail(&mut conn, key, before, filter, count - found);
        let tail: Tail = tail.await.unwrap();
        found += tail.found;
        if !tail.more || found == count {
            return (tail.from_seq, found);
        }
        before = Some(tail.from_seq);
    }
}

fn between(first: i64, end: i64) -> Filter {
    Filter {
        since: Some(instant(first)),
        until: Some(instant(end)),
        ..Filter::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_begin_where_so_many_are_left() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let whole = Filter::default();
    assert_eq!(last(&ring, key, &whole, 5).await, (0, 0));
    let writer = open(&mut conn, key).await;
    let mut lines: Vec<LogLine> = (0..1000).map(|n| line(n, vec![b'z'; 700])).collect();
    lines[3].bytes = b"needle".to_vec();
    written(&mut conn, &writer, &lines).await;
    let window = between(190, 810);
    let needle = Filter {
        patterns: vec![Regex::new("needle").unwrap()],
        ..Filter::default()
    };
    for (filter, count, first, found) in [
        (&whole, 1, 999, 1),
        (&whole, 999, 1, 999),
        (&whole, 1000, 0, 1000),
        (&whole, 1001, 0, 1000),
        (&window, 1, 809, 1),
        (&window, 600, 210, 600),
        (&window, 621, 190, 620),
        (&needle, 1, 3, 1),
        (&needle, 2, 3, 1),
    ] {
        let (from, counted) = last(&ring, key, filter, count).await;
        assert_eq!(counted, found, "{filter:?} {count}");
        let page = logs::read(&mut conn, key, from, filter, WHOLE);
        let page = page.await.unwrap();
        assert_eq!(page.lines.len(), found, "{filter:?} {count}");
        assert_eq!(page.lines[0].seq, first, "{filter:?} {count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_executor_gave_up_is_found() {
    let ring = Ring::new().await;
    let (opened, unseen, kept) = (ring.exec().await, ring.exec().await, ring.exec().await);
    let running = ring.exec().await;
    let mut conn = ring.conn().await;
    open(&mut conn, opened).await;
    open(&mut conn, kept).await;
    assert!(logs::abandoned(&mut conn, REGION).await.unwrap().is_empty());
    let (a, b, c) = (opened.exec, unseen.exec, running.exec);
    ring.owner(&format!(
        "UPDATE execs SET logs_abandoned_at = now() WHERE id IN ('{a}', '{b}', '{c}');
         UPDATE exec_attempts SET logs_abandoned_at = now() WHERE exec_id = '{a}';
         UPDATE execs SET state = 'failed', reason = 'oom', ended_at = now() WHERE id <> '{c}'"
    ))
    .await;
    let mut found = logs::abandoned(&mut conn, REGION).await.unwrap();
    found.sort_by_key(|stream| stream.key.exec);
    assert!(found.iter().map(|stream| stream.key).eq([opened, unseen]));
    for (key, given_up) in [(opened, true), (kept, false)] {
        let at = logs::abandoned_at(&mut conn, key).await.unwrap();
        assert_eq!(at.is_some(), given_up, "{key:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_that_nobody_knows_has_no_stream() {
    let ring = Ring::new().await;
    let key = StreamKey {
        exec: ExecId::new(),
        attempt: 1,
    };
    let opened = logs::open(&mut *ring.conn().await, key, REGION, POD)
        .await
        .unwrap();
    assert!(matches!(opened, Opened::UnknownExec));
}
