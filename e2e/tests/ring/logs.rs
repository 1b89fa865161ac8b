//! What a log keeps when programs write much and end at once.

use std::collections::BTreeMap;

use e2e::client::Exec;
use serde_json::json;

use crate::ring::{self, LIMIT};

/// Lines that each program writes.
const LINES: usize = 30_000;

/// A program may end with its last 64 KiB still in the pipe. A runtime that gives up
/// on them too early drops them, and nothing outside the pod can see it afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn what_eight_programs_write_at_once_is_kept_to_the_last_line() {
    const ROUNDS: usize = 3;
    let ring = ring::start().await;
    let client = ring.client().await;
    let command = format!("sh -c 'seq 1 {LINES}'");
    let job = client.create_job(&command, json!({})).await.unwrap();
    let mut short = BTreeMap::new();
    for round in 1..=ROUNDS {
        let mut execs: Vec<Exec> = Vec::new();
        for _ in 0..8 {
            execs.push(client.trigger(job).await.unwrap());
        }
        for (number, exec) in execs.iter().enumerate() {
            client.wait(exec, "S", LIMIT).await.unwrap();
            let log = ring.sealed_log(&client, exec).await;
            let written = log.iter().filter_map(|line| line.parse::<usize>().ok());
            let kept = written.zip(1..).take_while(|(line, number)| line == number);
            let kept = kept.count();
            if kept != LINES {
                short.insert((round, number), kept);
            }
        }
    }
    assert!(short.is_empty(), "(round, exec) and its lines: {short:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_in_the_middle_of_a_line_says_so() {
    let ring = ring::start().await;
    let client = ring.client().await;
    for (command, ends_mid_line) in [
        (r"printf 'one\ntwo'", "true"),
        (r"printf 'one\ntwo\n'", "false"),
        ("true", "false"),
    ] {
        let exec = client.run(command).await.unwrap();
        client.wait(&exec, "S", LIMIT).await.unwrap();
        ring.sealed_log(&client, &exec).await;
        let headers = client.log_headers(&exec).await.unwrap();
        assert_eq!(headers["x-log-complete"], "true", "{command}");
        assert_eq!(headers["x-log-ends-mid-line"], ends_mid_line, "{command}");
    }
}
