//! Programs that prove that their whole output was read.

use shared_types::log_proof;
use tokio::task::JoinSet;

use crate::container::{Fault, line};
use crate::fixture::{Fixture, soon};

/// What is stored of a log that the node keeps like this: its lines, whether it is complete,
/// proven, ends in the middle of a line, and why not.
async fn stored(
    printed: impl FnOnce([String; 2]) -> Vec<String>,
) -> (Vec<String>, [bool; 3], Option<String>) {
    let fixture = Fixture::new().await;
    let attempt = fixture.proving_attempt().await;
    // Each connection ends somewhere in it, so most lines are read again.
    let cuts = (20..400).step_by(37);
    let cuts = cuts.map(|after| Fault::Cut { after, clean: true });
    attempt.container.faults(cuts);
    attempt.container.keep_noticeable(3);
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    let mut printed = printed(log_proof::records(attempt.key.exec, 1));
    // As in the program's own words: a last line without a newline has a backslash.
    let unfinished = printed
        .last_mut()
        .is_some_and(|last| last.ends_with('\\') && last.pop().is_some());
    let lines = (0..).zip(printed).map(|(n, text)| line(n, text));
    attempt.container.print(lines);
    attempt
        .container
        .change(|file| file.unfinished = unfinished);
    fixture.end(&attempt);
    soon(tails.join_next()).await;
    let lines = fixture.stored(&attempt).await.into_iter();
    let text = |line: store::logs::LogLine| String::from_utf8(line.bytes).unwrap();
    let stream = fixture.stream(&attempt).await.unwrap();
    let complete = stream.complete.unwrap();
    let facts = [complete, stream.proven, stream.ends_mid_line];
    (lines.map(text).collect(), facts, stream.message)
}

fn words(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_proved_is_sealed_so() {
    let all = stored(|[out, err]| vec!["a".into(), "a".into(), out, "b".into(), err]).await;
    assert_eq!(all, (words(&["a", "a", "b"]), [true, true, false], None));
    let nothing = stored(|[out, err]| vec![err, out]).await;
    assert_eq!(nothing, (words(&[]), [true, true, false], None));
    let mid_line = stored(|[out, err]| vec!["a".into(), err, format!("b{out}")]).await;
    assert_eq!(mid_line, (words(&["a", "b"]), [true, true, true], None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_not_proved_says_so() {
    for (ends, expected) in [
        (0, words(&["a", "b"])),
        (1, words(&["a", "b"])),
        (2, words(&["a", "b"])),
        (3, words(&["a", "b", "c"])),
    ] {
        let (lines, facts, message) = stored(|[out, err]| {
            let mut printed = words(&["a", "b"]);
            match ends {
                // The node lost everything after these.
                0 => {}
                // The end of one output, or of both in part.
                1 => printed.push(out),
                2 => printed.extend([out, format!("{}\\", &err[..30])]),
                // Something printed after both: then they prove nothing.
                _ => printed.extend([out, err, "c".into()]),
            }
            printed
        })
        .await;
        assert_eq!((lines, facts), (expected, [false; 3]), "{ends}");
        assert!(message.unwrap().contains("is not proved"));
    }
}
