//! One pod's output, whatever happens to the connections that carry it.

use log_svc::tail::Step;
use serde_json::json;
use tokio::task::JoinSet;

use crate::container::{Fault, FileLine, line};
use crate::fixture::{Fixture, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_prints_and_ends() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let lines = [
        line(0, "one"),
        line(10, b"two \0 \xff".to_vec()),
        line(20, ""),
    ];
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    attempt.container.print(lines[..2].to_vec());
    attempt.container.print(lines[2..].to_vec());
    fixture.end(&attempt);
    soon(tails.join_next()).await;
    fixture.assert_complete(&attempt, &lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_stored_while_the_program_runs() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    for n in 0..5_u8 {
        attempt
            .container
            .print([line(i64::from(n), format!("line {n}"))]);
        soon(async {
            while fixture.stored(&attempt).await.len() != usize::from(n) + 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    fixture.end(&attempt);
    soon(tails.join_next()).await;
    assert_eq!(fixture.stored(&attempt).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_stored_also_where_nothing_can_be_followed() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    attempt.container.change(|file| file.unwatchable = true);
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    let lines: Vec<FileLine> = (0..4).map(|n| line(n, format!("line {n}"))).collect();
    for (before, line) in lines.iter().enumerate() {
        attempt.container.print([line.clone()]);
        soon(async {
            while fixture.stored(&attempt).await.len() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    fixture.end(&attempt);
    soon(tails.join_next()).await;
    fixture.assert_complete(&attempt, &lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ended_before_it_was_seen() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let lines: Vec<FileLine> = (0..5000).map(|n| line(n, format!("line {n}"))).collect();
    attempt.container.print(lines.clone());
    fixture.end(&attempt);
    soon(fixture.tail(&attempt).run()).await;
    fixture.assert_complete(&attempt, &lines).await;
    assert_eq!(attempt.container.follows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_a_last_line_without_newline() {
    let fixture = Fixture::new().await;
    let silent = fixture.attempt().await;
    fixture.end(&silent);
    soon(fixture.tail(&silent).run()).await;
    fixture.assert_complete(&silent, &[]).await;
    assert!(!fixture.stream(&silent).await.unwrap().ends_mid_line);

    let attempt = fixture.attempt().await;
    let lines = [line(0, "whole"), line(1, "no newline")];
    attempt.container.print(lines.clone());
    attempt.container.change(|file| file.unfinished = true);
    // The first read is cut inside the last line, as if all was well.
    attempt.container.faults([Fault::Cut {
        after: 45,
        clean: true,
    }]);
    fixture.end(&attempt);
    soon(fixture.tail(&attempt).run()).await;
    fixture.assert_complete(&attempt, &lines).await;
    assert!(fixture.stream(&attempt).await.unwrap().ends_mid_line);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_never_started_printed_nothing() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let waiting = json!({ "waiting": { "reason": "ImagePullBackOff" } });
    fixture.show(&attempt, &waiting, "Pending");
    let mut tail = fixture.tail(&attempt);
    assert_eq!(tail.step().await, Step::Idle);
    assert!(fixture.stream(&attempt).await.is_none());
    fixture.show(&attempt, &waiting, "Failed");
    soon(tail.run()).await;
    fixture.assert_complete(&attempt, &[]).await;
    assert!(attempt.container.requests.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_gone_leaves_an_incomplete_stream() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    attempt.container.print([line(0, "seen")]);
    soon(async {
        while fixture.stored(&attempt).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    attempt.show.send_replace(None);
    soon(tails.join_next()).await;
    let stream = fixture.stream(&attempt).await.unwrap();
    assert_eq!((stream.complete, stream.next_seq), (Some(false), 1));
    assert!(stream.message.unwrap().contains("gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn error_text_is_no_line_and_a_lost_log_is_told() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    attempt.container.print([line(0, "never read")]);
    let text = "unable to retrieve container logs for containerd://1";
    let lost = || [Fault::Text(text.to_owned()), Fault::Refuse(400)];
    attempt
        .container
        .faults(std::iter::repeat_with(lost).take(50).flatten());
    fixture.end(&attempt);
    soon(fixture.tail(&attempt).run()).await;
    assert!(fixture.stored(&attempt).await.is_empty());
    let stream = fixture.stream(&attempt).await.unwrap();
    assert_eq!(stream.complete, Some(false));
    assert!(stream.message.unwrap().contains("no longer has the log"));
    fixture.server.state.let_go(&attempt.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let lines = [line(0, "late but whole")];
    attempt.container.print(lines.clone());
    attempt.container.faults([502, 503, 500].map(Fault::Refuse));
    fixture.end(&attempt);
    soon(fixture.tail(&attempt).run()).await;
    fixture.assert_complete(&attempt, &lines).await;
}

/// A kubelet that follows one file goes on with the newest, whatever there was between.
#[tokio::test(flavor = "multi_thread")]
async fn lines_that_a_follow_passes_over_leave_a_marked_gap() {
    let fixture = Fixture::new().await;
    for (rotated, kept) in [(7, vec![0, 1, 2, 3, 7, 8, 9]), (0, (0..10).collect())] {
        let attempt = fixture.attempt().await;
        let pause = |n: i64| if n < 4 { 0 } else { 10_000 };
        let lines: Vec<FileLine> = (0..10)
            .map(|n| line(n + pause(n), format!("line {n}")))
            .collect();
        let mut tails = JoinSet::new();
        tails.spawn(fixture.tail(&attempt).run());
        attempt.container.print(lines[..4].to_vec());
        soon(async {
            while fixture.stored(&attempt).await.len() < 4 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        attempt.container.change(|file| {
            file.lines.extend_from_slice(&lines[4..]);
            file.rotated = rotated;
        });
        soon(async {
            while fixture.stored(&attempt).await.len() < kept.len() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        fixture.end(&attempt);
        soon(tails.join_next()).await;
        let stored = fixture.stored(&attempt).await;
        let expected: Vec<_> = kept.iter().map(|n| lines[*n].bytes.clone()).collect();
        let (gap, is_whole) = (stored[4].gap_before, rotated == 0);
        let bytes: Vec<_> = stored.into_iter().map(|line| line.bytes).collect();
        assert_eq!((bytes, gap), (expected, !is_whole));
        let stream = fixture.stream(&attempt).await.unwrap();
        assert_eq!(stream.complete, Some(is_whole));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_the_node_rotated_away_leave_a_marked_gap() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let lines: Vec<FileLine> = (0..10).map(|n| line(n, format!("line {n}"))).collect();
    attempt.container.print(lines[..4].to_vec());
    let mut tail = fixture.tail(&attempt);
    attempt.container.faults([Fault::Cut {
        after: 4 * 38,
        clean: true,
    }]);
    assert!(matches!(soon(tail.step()).await, Step::Retry(_)));
    assert_eq!(fixture.stored(&attempt).await.len(), 4);
    attempt.container.print(lines[4..].to_vec());
    attempt.container.change(|file| file.rotated = 7);
    fixture.end(&attempt);
    soon(tail.run()).await;
    let stored = fixture.stored(&attempt).await;
    assert_eq!(stored.len(), 7);
    assert!(stored[4].gap_before && stored[4].bytes == b"line 7");
    let stream = fixture.stream(&attempt).await.unwrap();
    assert_eq!(stream.complete, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_may_be_gone_before_the_first_read_are_told() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt().await;
    let lines = [line(0, "rotated away"), line(60_000, "left")];
    attempt.container.print(lines);
    attempt.container.change(|file| file.rotated = 1);
    fixture.end(&attempt);
    soon(fixture.tail(&attempt).run()).await;
    let stored = fixture.stored(&attempt).await;
    assert!(stored.len() == 1 && stored[0].gap_before);
    let stream = fixture.stream(&attempt).await.unwrap();
    assert_eq!(stream.complete, Some(false));
}
