//! Connections, processes and replicas that break at random places: what is
//! stored is what was printed.

use std::time::Duration;

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::container::{Fault, FileLine, line};
use crate::fixture::{Attempt, Fixture, soon, tail_in};

/// A program that prints `lines` in bursts, and connections that break.
async fn print_and_cut(fixture: &Fixture, attempt: &Attempt, rng: &mut StdRng, lines: &[FileLine]) {
    let mut rest = lines;
    while !rest.is_empty() {
        let (burst, after) = rest.split_at(rng.random_range(1..=rest.len().min(40)));
        if rng.random_bool(0.7) {
            let (after, clean) = (rng.random_range(0..4000), rng.random_bool(0.5));
            attempt.container.faults([Fault::Cut { after, clean }]);
        }
        attempt.container.print(burst.to_vec());
        // Long enough for some of it to be read, as a look at the rows is.
        assert!(fixture.stored(attempt).await.len() <= lines.len());
        rest = after;
    }
    // Many broken reads in a row would be taken for a lost log, and one that
    // is cut unnoticed exactly where the stored lines end for the whole.
    attempt.container.keep_noticeable(3);
    fixture.end(attempt);
}

/// Repeated lines, instants slightly out of order, some long.
fn output(rng: &mut StdRng) -> Vec<FileLine> {
    let mut clock = 0;
    (0..rng.random_range(0..400))
        .map(|_| {
            clock += rng.random_range(0..3) * rng.random_range(0..200);
            let length = if rng.random_bool(0.02) {
                20_000
            } else {
                rng.random_range(0..4)
            };
            let byte = b"ab\0\xff"[rng.random_range(0..4)];
            line(clock - rng.random_range(0..30), vec![byte; length])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_anywhere_and_resumed_each_line_is_stored_once() {
    let fixture = Fixture::new().await;
    let context = fixture.context();
    join_all((0..12).map(async |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let lines = output(&mut rng);
        let attempt = fixture.attempt().await;
        let mut tails = JoinSet::new();
        tails.spawn(tail_in(&context, &attempt).run());
        print_and_cut(&fixture, &attempt, &mut rng, &lines).await;
        soon(tails.join_next()).await;
        fixture.assert_complete(&attempt, &lines).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_and_restarted_each_line_is_stored_once() {
    let fixture = Fixture::new().await;
    join_all((100..108).map(async |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let lines = output(&mut rng);
        let attempt = fixture.attempt().await;
        let mut rest = &lines[..];
        while !rest.is_empty() {
            let (burst, after) = rest.split_at(rng.random_range(1..=rest.len()));
            attempt.container.print(burst.to_vec());
            let life = Duration::from_micros(rng.random_range(500..40_000));
            // What a SIGKILL leaves: a task that stops between two awaits.
            let _ = tokio::time::timeout(life, fixture.tail(&attempt).run()).await;
            rest = after;
        }
        fixture.end(&attempt);
        let life = Duration::from_micros(rng.random_range(500..40_000));
        let _ = tokio::time::timeout(life, fixture.tail(&attempt).run()).await;
        soon(fixture.tail(&attempt).run()).await;
        fixture.assert_complete(&attempt, &lines).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_store_each_line_once() {
    let fixture = Fixture::new().await;
    let contexts = [fixture.context(), fixture.context()];
    join_all((200..206).map(async |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let lines = output(&mut rng);
        let attempt = fixture.attempt().await;
        let mut tails = JoinSet::new();
        for context in &contexts {
            tails.spawn(tail_in(context, &attempt).run());
        }
        print_and_cut(&fixture, &attempt, &mut rng, &lines).await;
        soon(tails.join_next()).await;
        soon(tails.join_next()).await;
        fixture.assert_complete(&attempt, &lines).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_replicas_stream_is_taken_over() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let lines: Vec<FileLine> = (0..6).map(|n| line(n, format!("line {n}"))).collect();
    attempt.container.print(lines[..3].to_vec());
    let mut standing_by = JoinSet::new();
    standing_by.spawn(fixture.tail(&attempt).run());
    soon(async {
        while fixture.stored(&attempt).await.len() != 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Another replica opens the stream and dies without a word.
    let mut conn = fixture.store.connection().await.unwrap();
    let region = crate::fixture::REGION;
    store::logs::open(&mut conn, attempt.key, region, &attempt.uid)
        .await
        .unwrap();
    drop(conn);
    attempt.container.print(lines[3..].to_vec());
    fixture.end(&attempt);
    soon(standing_by.join_next()).await;
    fixture.assert_complete(&attempt, &lines).await;
}

/// More than is kept, in less time than is read again after a cut: what is read again
/// begins with lines that were left out.
#[tokio::test(flavor = "multi_thread")]
async fn cut_while_it_prints_without_end_each_line_is_accounted_for() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let text = |n: i64| format!("{n:0>500}");
    let lines: Vec<FileLine> = (0..20_000).map(|n| line(n / 10, text(n))).collect();
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    for part in lines.chunks(1_000) {
        let (after, clean) = (300_000, false);
        attempt.container.faults([Fault::Cut { after, clean }]);
        attempt.container.print(part.to_vec());
        assert!(fixture.stored(&attempt).await.len() <= lines.len());
    }
    fixture.end(&attempt);
    soon(tails.join_next()).await;
    let stream = fixture.stream(&attempt).await.unwrap();
    let left_out = stream.left_out.unwrap();
    assert_eq!(usize::try_from(stream.next_seq).unwrap(), lines.len());
    assert!(left_out.lines() > 10_000, "{left_out:?}");
    let kept = (0..left_out.from_seq).chain(left_out.until_seq..stream.next_seq);
    let stored = fixture.stored(&attempt).await;
    let stored: Vec<_> = stored.into_iter().map(|line| line.bytes).collect();
    let expected: Vec<_> = kept.map(|n| text(n).into_bytes()).collect();
    assert!(stored == expected, "the kept lines are those printed");
    assert!(stream.gaps.0.is_empty(), "{:?}", stream.gaps);
}
