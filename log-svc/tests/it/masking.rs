//! The values of secret variables on their way into the database: they do not get there.

use log_svc::tail::Step;
use store::logs::{self, LogLine};
use tokio::task::JoinSet;

use crate::container::{Fault, line};
use crate::fixture::{Fixture, soon, tail_in};

const VALUES: [&str; 2] = ["hunter22", "correct horse\n"];

fn texts(lines: Vec<LogLine>) -> Vec<String> {
    let text = |line: LogLine| String::from_utf8(line.bytes).unwrap();
    lines.into_iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_printed_is_not_stored() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt_with(&VALUES).await;
    let printed = [
        "the key is hunter22",
        "aHVudGVyMjI=",
        "q=correct%20horse&x",
        "",
        "hunter22",
        "hunter22",
        "no newline after hunter22",
    ];
    // Each connection ends somewhere in it, so most lines are read again.
    let cuts = (20..260).step_by(9);
    let cuts = cuts.map(|after| Fault::Cut { after, clean: true });
    attempt.container.faults(cuts);
    attempt.container.keep_noticeable(3);
    let mut tails = JoinSet::new();
    tails.spawn(fixture.tail(&attempt).run());
    attempt
        .container
        .print((0..).zip(printed).map(|(n, text)| line(n, text)));
    attempt.container.change(|file| file.unfinished = true);
    fixture.end(&attempt);
    soon(tails.join_next()).await;
    let masked = [
        "the key is ***",
        "***",
        "q=***&x",
        "",
        "***",
        "***",
        "no newline after ***",
    ];
    assert_eq!(texts(fixture.stored(&attempt).await), masked);
    let stream = fixture.stream(&attempt).await.unwrap();
    assert_eq!((stream.complete, stream.message), (Some(true), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_nothing_is_stored_and_the_pod_waits() {
    let fixture = Fixture::new().await;
    let attempt = fixture.attempt_with(&VALUES).await;
    attempt.container.print([line(0, "hunter22")]);
    let other = fixture.context_with("other:b3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Rob3Q=");
    let mut tail = tail_in(&other, &attempt);
    for _ in 0..3 {
        assert!(matches!(soon(tail.step()).await, Step::Retry(_)));
    }
    assert!(fixture.stored(&attempt).await.is_empty());
    assert!(attempt.container.requests.lock().unwrap().is_empty());
    drop(tail);
    // A process that has it goes on where this one stands.
    fixture.end(&attempt);
    let mut conn = fixture.store.connection().await.unwrap();
    logs::get(&mut conn, attempt.key).await.unwrap().unwrap();
    drop(conn);
    soon(fixture.tail(&attempt).run()).await;
    assert_eq!(texts(fixture.stored(&attempt).await), ["***"]);
    fixture.server.state.let_go(&attempt.name).await;
}
