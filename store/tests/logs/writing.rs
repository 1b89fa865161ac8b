//! Who may write, and what is there afterwards.

use sha2::{Digest as _, Sha256};
use store::logs::{self, Append, CHUNK_TARGET_BYTES, Gap, LogLine, Opened, Reload, Seal, Verdict};
use store::{AsyncConnection, StoreError};

use crate::ring::{POD, REGION, Ring, append, chunk_sizes, instant, line, open, written};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_printer_fills_one_chunk_before_the_next() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let mut writer = open(&mut conn, key).await;
    let mut expected = Vec::new();
    for n in 0..40 {
        let lines = [
            line(n, vec![b'x'; 3000]),
            line(n, b"nul \0 and \xff\xfe".to_vec()),
        ];
        writer = written(&mut conn, &writer, &lines).await;
        expected.extend(lines);
    }
    assert_eq!(ring.all(key).await, expected);
    let stream = logs::get(&mut conn, key).await.unwrap().unwrap();
    assert_eq!(stream.next_seq, 80);
    assert_eq!(stream.bytes, 40 * (3000 + 12));
    let sizes = chunk_sizes(&ring, key).await;
    assert_eq!(sizes.len(), 2, "{sizes:?}");
    let target = i32::try_from(CHUNK_TARGET_BYTES).unwrap();
    assert!((target * 9 / 10..=target).contains(&sizes[0]), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_printer_writes_no_chunk_twice() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let mut writer = open(&mut conn, key).await;
    let mut expected = Vec::new();
    for n in 0..6 {
        // As much as log-svc stores at once, and a few lines at the end.
        let count = if n < 5 { 400 } else { 3 };
        let lines: Vec<LogLine> = (0..count).map(|_| line(n, vec![b'x'; 100])).collect();
        writer = written(&mut conn, &writer, &lines).await;
        expected.extend(lines);
    }
    assert_eq!(ring.all(key).await, expected);
    let sizes = chunk_sizes(&ring, key).await;
    assert_eq!(sizes, [46_800, 46_800, 46_800, 46_800, 46_800 + 351]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_append_may_fill_many_chunks() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let lines: Vec<LogLine> = (0..500).map(|n| line(n, vec![b'y'; 1000])).collect();
    let writer = written(&mut conn, &writer, &lines).await;
    let more = [line(500, "last")];
    written(&mut conn, &writer, &more).await;
    assert_eq!(ring.all(key).await, [&lines[..], &more[..]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_the_last_to_open_writes() {
    let ring = Ring::new().await;
    let key = ring.exec().await;
    let (mut a, mut b) = (ring.conn().await, ring.conn().await);
    let first = open(&mut a, key).await;
    let first = written(&mut a, &first, &[line(0, "a0")]).await;
    let second = open(&mut b, key).await;
    assert_eq!((second.next_seq(), second.last_at()), (1, Some(instant(0))));
    assert!(matches!(
        append(&mut a, &first, &[line(1, "a1")]).await,
        Append::Fenced
    ));
    assert_eq!(
        logs::seal(&mut a, &first, &Verdict::Complete)
            .await
            .unwrap(),
        Seal::Fenced
    );
    assert!(matches!(
        logs::reload(&mut a, key, first.epoch()).await.unwrap(),
        Reload::Fenced
    ));
    let second = written(&mut b, &second, &[line(1, "b1")]).await;
    assert_eq!(
        logs::seal(&mut b, &second, &Verdict::Complete)
            .await
            .unwrap(),
        Seal::Sealed { complete: true }
    );
    assert_eq!(ring.all(key).await, [line(0, "a0"), line(1, "b1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_racing_for_one_place_store_it_once() {
    let ring = Ring::new().await;
    let key = ring.exec().await;
    let (mut a, mut b) = (ring.conn().await, ring.conn().await);
    let writer = open(&mut a, key).await;
    let twin = writer.clone();
    let (one, two) = ([line(0, "same")], [line(0, "same")]);
    let (left, right) = tokio::join!(append(&mut a, &writer, &one), append(&mut b, &twin, &two));
    let stored = [left, right]
        .iter()
        .filter(|done| matches!(done, Append::Written(_)))
        .count();
    assert_eq!(stored, 1);
    assert_eq!(ring.all(key).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_flushes_leaves_whole_lines_to_go_on_from() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let writer = written(&mut conn, &writer, &[line(0, "kept")]).await;
    // The transaction of the next flush does not reach its commit.
    let lost: Result<(), StoreError> = conn
        .transaction(async |conn| {
            logs::append(conn, &writer, &[line(1, "lost")]).await?;
            Err(StoreError::Query(
                diesel::result::Error::RollbackTransaction,
            ))
        })
        .await;
    assert!(lost.is_err());
    let Reload::Writer(again) = logs::reload(&mut conn, key, writer.epoch()).await.unwrap() else {
        panic!("still the writer");
    };
    assert_eq!(again.next_seq(), 1);
    written(&mut conn, &again, &[line(1, "again")]).await;
    // The other way round: committed, but the writer did not hear of it.
    assert!(matches!(
        append(&mut conn, &again, &[line(2, "x")]).await,
        Append::Fenced
    ));
    assert_eq!(ring.all(key).await, [line(0, "kept"), line(1, "again")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_is_for_good() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    assert_eq!(logs::unsealed(&mut conn, REGION).await.unwrap().len(), 1);
    let lost = Verdict::Incomplete("the pod is gone".to_owned());
    assert_eq!(
        logs::seal(&mut conn, &writer, &lost).await.unwrap(),
        Seal::Sealed { complete: false }
    );
    assert!(matches!(
        append(&mut conn, &writer, &[line(0, "late")]).await,
        Append::Fenced
    ));
    assert!(matches!(
        logs::open(&mut conn, key, REGION, POD).await.unwrap(),
        Opened::Sealed
    ));
    assert!(matches!(
        logs::reload(&mut conn, key, writer.epoch()).await.unwrap(),
        Reload::Sealed
    ));
    let streams = logs::list(&mut conn, key.exec).await.unwrap();
    assert_eq!(streams[0].complete, Some(false));
    assert_eq!(streams[0].message.as_deref(), Some("the pod is gone"));
    assert!(logs::unsealed(&mut conn, REGION).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_makes_the_stream_incomplete_even_after_a_restart() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let writer = open(&mut conn, key).await;
    let gap = LogLine {
        gap_before: true,
        ..line(0, "after the hole")
    };
    written(&mut conn, &writer, std::slice::from_ref(&gap)).await;
    let writer = open(&mut conn, key).await;
    assert_eq!(
        logs::seal(&mut conn, &writer, &Verdict::Complete)
            .await
            .unwrap(),
        Seal::Sealed { complete: false }
    );
    assert_eq!(ring.all(key).await, [gap]);
    let stream = logs::get(&mut conn, key).await.unwrap().unwrap();
    assert!(stream.message.unwrap().contains("discarded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_of_the_end_is_one_of_all_where_nothing_was_lost_before() {
    let ring = Ring::new().await;
    let mut conn = ring.conn().await;
    for (gap_before, ends_mid_line) in [(false, true), (false, false), (true, false)] {
        let key = ring.exec().await;
        let writer = open(&mut conn, key).await;
        let printed = LogLine {
            gap_before,
            ..line(0, "a")
        };
        let writer = written(&mut conn, &writer, &[printed]).await;
        let proven = Verdict::Proven { ends_mid_line };
        let sealed = logs::seal(&mut conn, &writer, &proven).await.unwrap();
        let complete = !gap_before;
        assert_eq!(sealed, Seal::Sealed { complete });
        let stream = logs::get(&mut conn, key).await.unwrap().unwrap();
        assert_eq!(
            (stream.proven, stream.ends_mid_line),
            (complete, ends_mid_line)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_has_the_digest_and_the_gaps_of_all_writers() {
    let ring = Ring::new().await;
    let mut conn = ring.conn().await;
    for older_version in [false, true] {
        let key = ring.exec().await;
        let writer = open(&mut conn, key).await;
        let gap = |second, text: &str| LogLine {
            gap_before: true,
            ..line(second, text)
        };
        written(&mut conn, &writer, &[gap(0, "a"), line(1, "b")]).await;
        let again = open(&mut conn, key).await;
        let part = LogLine {
            continued: true,
            ..line(3, "d")
        };
        let mut last = written(&mut conn, &again, &[gap(2, "c"), part]).await;
        if older_version {
            // It writes lines and knows nothing of digests.
            let exec = key.exec;
            let sql = format!("UPDATE log_streams SET next_seq = 5 WHERE exec_id = '{exec}'");
            ring.owner(&sql).await;
            last = open(&mut conn, key).await;
        }
        let last = written(&mut conn, &last, &[line(4, "e")]).await;
        let sealed = logs::seal(&mut conn, &last, &Verdict::Complete)
            .await
            .unwrap();
        assert_eq!(sealed, Seal::Sealed { complete: false });
        let stream = logs::get(&mut conn, key).await.unwrap().unwrap();
        let expected = Sha256::digest(b"a\nb\nc\nde\n").to_vec();
        assert_eq!(stream.sha256, (!older_version).then_some(expected));
        assert_eq!(stream.cut_off(), None);
        let gap = |before_seq, after, until| Gap {
            before_seq,
            after,
            until,
        };
        let expected = [
            gap(0, None, instant(0)),
            gap(2, Some(instant(1)), instant(2)),
        ];
        assert_eq!(stream.gaps.0, expected);
        let last = logs::last_at(&mut conn, key).await.unwrap().unwrap();
        assert_eq!(last.timestamp(), instant(4).timestamp());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_gaps_are_not_all_recorded() {
    let ring = Ring::new().await;
    let (key, mut conn) = (ring.exec().await, ring.conn().await);
    let mut writer = open(&mut conn, key).await;
    for second in 0..60 {
        let gap = LogLine {
            gap_before: true,
            ..line(second, "x")
        };
        writer = written(&mut conn, &writer, &[gap.clone(), gap]).await;
    }
    let stream = logs::get(&mut conn, key).await.unwrap().unwrap();
    assert_eq!((stream.next_seq, stream.gaps.0.len()), (120, 100));
}
