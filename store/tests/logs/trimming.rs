//! Logs that are larger than may be kept.

use chrono::SubsecRound;
use store::AsyncConnection;
use store::logs::{
    self, Append, Filter, Keep, LogLine, PageLimits, Seal, StreamKey, Verdict, Writer,
};
use store::{PgConnection, StoreError};

use crate::ring::{Ring, WHOLE, chunk_sizes, instant, line, open, written};

const MIB: i64 = 1 << 20;
const KEEP: Keep = Keep {
    first: MIB,
    last: MIB / 2,
};
const LINE: usize = 1000;

/// Lines `from..until`, a second apart.
fn lines(numbers: std::ops::Range<i64>) -> Vec<LogLine> {
    let text = |n: i64| format!("{n:0>LINE$}");
    numbers.map(|n| line(n, text(n))).collect()
}

async fn print(conn: &mut PgConnection, writer: Writer, numbers: std::ops::Range<i64>) -> Writer {
    let mut writer = writer;
    for batch in lines(numbers).chunks(60) {
        writer = written(conn, &writer, batch).await;
    }
    writer
}

async fn trim(conn: &mut PgConnection, writer: &Writer) -> Append {
    trim_to(conn, writer, KEEP).await
}

async fn trim_to(conn: &mut PgConnection, writer: &Writer, keep: Keep) -> Append {
    let trim =
        conn.transaction::<_, StoreError, _>(async |conn| logs::trim(conn, writer, keep).await);
    trim.await.unwrap()
}

async fn trimmed(conn: &mut PgConnection, writer: &Writer) -> Writer {
    match trim(conn, writer).await {
        Append::Written(writer) => writer,
        Append::Fenced => panic!("fenced"),
    }
}

/// Numbers of the lines that are left, and of the first after what was left out; read in
/// pages of so many lines.
async fn left(conn: &mut PgConnection, key: StreamKey, lines: usize) -> (Vec<i64>, Vec<i64>) {
    let (mut seqs, mut marks, mut from_seq) = (Vec::new(), Vec::new(), 0);
    loop {
        let limits = PageLimits { lines, ..WHOLE };
        let page = logs::read(conn, key, from_seq, &Filter::default(), limits).await;
        let page = page.unwrap();
        marks.extend(page.left_out.map(|left_out| left_out.until_seq));
        for numbered in page.lines {
            let text = String::from_utf8(numbered.line.bytes).unwrap();
            assert_eq!(text.parse::<i64>().unwrap(), numbered.seq);
            seqs.push(numbered.seq);
        }
        from_seq = page.next_seq;
        if !page.more {
            return (seqs, marks);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_and_the_end_stay_and_what_was_between_is_told() {
    let ring = Ring::new().await;
    let key = ring.exec().await;
    let conn = &mut *ring.conn().await;
    let mut writer = open(conn, key).await;
    let (mut printed, mut ends) = (0, Vec::new());
    for _ in 0..3 {
        while !writer.exceeds(KEEP) {
            writer = print(conn, writer, printed..printed + 300).await;
            printed += 300;
        }
        writer = trimmed(conn, &writer).await;
        assert!(!writer.exceeds(KEEP));
        let sizes: i64 = chunk_sizes(&ring, key)
            .await
            .into_iter()
            .map(i64::from)
            .sum();
        // To whole chunks of 64 KiB.
        assert!(
            (KEEP.first + KEEP.last..KEEP.first + KEEP.last + 3 * 65_536).contains(&sizes),
            "{sizes}"
        );
        let left_out = writer.left_out().unwrap().clone();
        assert_eq!(
            left_out.bytes,
            left_out.lines() * i64::try_from(LINE).unwrap()
        );
        assert!(left_out.from_seq * 1017 >= KEEP.first);
        assert!((printed - left_out.until_seq) * 1017 >= KEEP.last);
        // Postgres keeps microseconds.
        let before = instant(left_out.from_seq - 1).trunc_subsecs(6);
        assert_eq!(left_out.after, Some(before));
        ends.push(left_out);
        for lines in [usize::MAX, 100, 1] {
            let expected: Vec<i64> = (0..ends[0].from_seq)
                .chain(ends.last().unwrap().until_seq..printed)
                .collect();
            let (seqs, marks) = left(conn, key, lines).await;
            assert_eq!(seqs, expected, "pages of {lines}");
            assert_eq!(marks, [ends.last().unwrap().until_seq], "pages of {lines}");
        }
    }
    assert!(ends.iter().all(|end| end.from_seq == ends[0].from_seq));
    assert!(ends.is_sorted_by_key(|end| end.until_seq));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_writer_goes_on_with_what_is_left() {
    let ring = Ring::new().await;
    let key = ring.exec().await;
    let conn = &mut *ring.conn().await;
    let (writer, mut printed) = (open(conn, key).await, 3000);
    let writer = print(conn, writer, 0..printed).await;
    let writer = trimmed(conn, &writer).await;
    let mut other = open(conn, key).await;
    assert_eq!(other.left_out(), writer.left_out());
    assert!(matches!(trim(conn, &writer).await, Append::Fenced));
    for _ in 0..400 {
        other = print(conn, other, printed..printed + 1).await;
        printed += 1;
        let reopened = open(conn, key).await;
        // It counts what is there as its predecessor did.
        assert_eq!(reopened.exceeds(KEEP), other.exceeds(KEEP));
        other = reopened;
    }
    assert!(other.exceeds(KEEP));
    let sealed = logs::seal(conn, &other, &Verdict::Complete).await.unwrap();
    assert_eq!(sealed, Seal::Sealed { complete: false });
    let stream = logs::get(conn, key).await.unwrap().unwrap();
    assert_eq!(
        (stream.next_seq, stream.sha256.as_deref(), stream.cut_off()),
        (printed, None, None)
    );
    assert!(stream.message.unwrap().contains("larger than may be kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sought_by_time_tells_what_was_left_out_there() {
    let ring = Ring::new().await;
    let key = ring.exec().await;
    let conn = &mut *ring.conn().await;
    let writer = open(conn, key).await;
    let writer = print(conn, writer, 0..3000).await;
    let writer = trimmed(conn, &writer).await;
    let left_out = writer.left_out().unwrap();
    let (before, after) = (left_out.from_seq - 5, left_out.until_seq + 5);
    for (since, until, told) in [
        (before, after, true),
        (0, 3000, true),
        (0, before, false),
        (after, 3000, false),
    ] {
        let filter = Filter {
            since: Some(instant(since)),
            until: Some(instant(until)),
            ..Filter::default()
        };
        let page = logs::read(conn, key, 0, &filter, WHOLE).await.unwrap();
        let is_told = page.left_out.is_some_and(|it| filter.passes(it.until, b""));
        assert_eq!(is_told, told, "{since} to {until}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_changes_leaves_one_place() {
    let ring = Ring::new().await;
    let conn = &mut *ring.conn().await;
    for (first, last) in [
        (MIB / 4, MIB / 2),
        (3 * MIB, MIB / 2),
        (MIB / 4, MIB),
        (3 * MIB, MIB),
    ] {
        let key = ring.exec().await;
        let writer = open(conn, key).await;
        let writer = print(conn, writer, 0..3000).await;
        let writer = trimmed(conn, &writer).await;
        let before = writer.left_out().unwrap().clone();
        let writer = print(conn, writer, 3000..3500).await;
        let Append::Written(writer) = trim_to(conn, &writer, Keep { first, last }).await else {
            panic!("fenced");
        };
        let left_out = writer.left_out().unwrap();
        assert_eq!(left_out.from_seq < before.from_seq, first < KEEP.first);
        assert!(left_out.until_seq >= before.until_seq);
        assert_eq!(
            left_out.bytes,
            left_out.lines() * i64::try_from(LINE).unwrap()
        );
        let expected: Vec<i64> = (0..left_out.from_seq)
            .chain(left_out.until_seq..3500)
            .collect();
        let (seqs, marks) = left(conn, key, 100).await;
        assert_eq!((seqs, marks), (expected, vec![left_out.until_seq]));
    }
}
