//! Pages, ranges and lists.

use chrono::TimeDelta;
use shared_types::ExecId;
use store::logs::{self, LogLine, Opened, PageLimits, Span, StreamKey};

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
    };
    let (mut seen, mut span) = (Vec::new(), Span::default());
    loop {
        let page = logs::read(&mut conn, key, span, limits).await.unwrap();
        assert!(page.lines.len() <= 100, "{}", page.lines.len());
        seen.extend(page.lines.into_iter().map(|line| line.line));
        span.from_seq = page.next_seq;
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, lines);
    let end = logs::read(&mut conn, key, span, limits).await.unwrap();
    assert_eq!((end.lines.len(), end.next_seq, end.more), (0, 1000, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_range_holds_its_start_and_not_its_end() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let lines: Vec<LogLine> = (0..400).map(|n| line(n, vec![b'z'; 900])).collect();
    written(&mut conn, &writer, &lines).await;
    let span = Span {
        from_seq: 0,
        since: Some(instant(190)),
        until: Some(instant(210)),
    };
    let page = logs::read(&mut conn, key, span, WHOLE).await.unwrap();
    assert!(page.lines.iter().map(|line| line.seq).eq(190..210));
    let mut visited = Vec::new();
    let since = instant(390) - TimeDelta::nanoseconds(123_456_789);
    logs::visit_since(&mut conn, key, since, |line| visited.push(line))
        .await
        .unwrap();
    assert_eq!(visited, lines[390..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_begin_where_so_many_are_left() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let nothing = logs::tail(&mut conn, key, Span::default(), 5).await;
    assert_eq!(nothing.unwrap(), (0, 0));
    let writer = open(&mut conn, key).await;
    let lines: Vec<LogLine> = (0..1000).map(|n| line(n, vec![b'z'; 700])).collect();
    written(&mut conn, &writer, &lines).await;
    let whole = Span::default();
    let window = Span {
        since: Some(instant(190)),
        until: Some(instant(810)),
        ..whole
    };
    for (span, count, expected) in [
        (whole, 1, (999, 1)),
        (whole, 999, (1, 999)),
        (whole, 1000, (0, 1000)),
        (whole, 1001, (0, 1000)),
        (window, 1, (809, 1)),
        (window, 600, (210, 600)),
        (window, 621, (0, 620)),
    ] {
        let found = logs::tail(&mut conn, key, span, count).await.unwrap();
        assert_eq!(found, expected, "{span:?} {count}");
        let span = Span {
            from_seq: found.0,
            ..span
        };
        let page = logs::read(&mut conn, key, span, WHOLE).await.unwrap();
        assert_eq!(page.lines.len(), found.1, "{span:?} {count}");
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
