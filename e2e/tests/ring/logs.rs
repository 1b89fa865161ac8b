//! What a log keeps when programs write much and end at once.

use std::collections::BTreeMap;

use devstack::Service;
use e2e::client::{Client, Exec};
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

/// The fields of a job whose output is to be proved.
fn in_a_shell(script: &str) -> serde_json::Value {
    json!({ "entrypoint": ["sh", "-c"], "command": [script], "log_proof": true })
}

/// What its program printed.
async fn printed(client: &Client, exec: &Exec) -> Vec<String> {
    let text = client.download(exec).await.unwrap().text().await.unwrap();
    text.lines().map(str::to_owned).collect()
}

/// With whatever runtime the node has, the end of the output is proved or said not to be.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_proves_its_output() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let run = async |script: &str, letter: &str| {
        let job = client.create_job(script, in_a_shell(script)).await;
        let exec = client.trigger(job.unwrap()).await.unwrap();
        let ended = client.wait(&exec, letter, LIMIT).await.unwrap();
        let seal = client.sealed(&exec).await.unwrap();
        (ended, printed(&client, &exec).await, seal)
    };
    let script = format!("seq 1 {LINES}; printf end; (sleep 60; echo late) & exit 3");
    let (ended, log, seal) = run(&script, "F").await;
    assert_eq!(
        (&ended["reason"], &ended["exit_code"]),
        (&json!("exit_code"), &json!(3))
    );
    assert_eq!(log.len(), LINES + 1);
    assert_eq!(log.last().map(String::as_str), Some("end"));
    let expected = json!([true, true, true, []]);
    let told = ["complete", "proven", "ends_mid_line", "gaps"].map(|name| &seal[name]);
    assert_eq!(json!(told), expected);

    let (_, log, seal) = run("true", "S").await;
    assert_eq!((log, &seal["proven"]), (Vec::<String>::new(), &json!(true)));

    // All in the container are killed, also what would have proved it.
    let (ended, log, seal) = run("echo one; kill -9 $PPID; sleep 60", "F").await;
    assert_eq!(ended["exit_code"], 137);
    assert_eq!(log, ["one"]);
    assert_eq!(
        (&seal["complete"], &seal["proven"]),
        (&json!(false), &json!(false))
    );
    let cause = seal["gaps"][0]["cause"].as_str().unwrap();
    assert!(cause.contains("is not proved"), "{cause}");
}

/// As it does where nothing stands before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_proves_its_output_ends_as_it_would() {
    let volume = "ESCAPEMENT__POD__LOG_PROOF_VOLUME";
    let ring = ring::start_told(&[(Service::Executor, volume, "image")]).await;
    let client = ring.client().await;
    let proved = json!({ "entrypoint": ["no-such-program"], "log_proof": true });
    let plain = json!({ "entrypoint": ["no-such-program"] });
    for fields in [proved, plain] {
        let job = client.create_job("", fields).await.unwrap();
        let exec = client.trigger(job).await.unwrap();
        let ended = client.wait(&exec, "F", LIMIT).await.unwrap();
        assert_eq!(ended["reason"], "start_error", "{ended:#}");
        let message = ended["message"].as_str().unwrap();
        assert!(message.contains("no-such-program"), "{message}");
    }
    let script = "trap 'echo stopping; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    let job = client.create_job(script, in_a_shell(script)).await.unwrap();
    let exec = client.trigger(job).await.unwrap();
    ring::eventually("it prints", async || {
        client
            .log(&exec)
            .await
            .unwrap()
            .contains(&"ready".to_owned())
    })
    .await;
    let path = format!("/v1/jobs/{}/execs/{}/cancel", exec.job, exec.id);
    client.send("POST", &path, None, 202).await.unwrap();
    client.wait(&exec, "C", LIMIT).await.unwrap();
    assert_eq!(client.sealed(&exec).await.unwrap()["proven"], true);
    assert_eq!(printed(&client, &exec).await, ["ready", "stopping"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_while_its_program_runs() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let exec = client
        .run("sh -c 'for i in 1 2 3 4 5; do echo line $i; sleep 1; done'")
        .await
        .unwrap();
    let mut following = client.follow(&exec, None).await.unwrap();
    let mut seen = Vec::new();
    let last = loop {
        let event = following.next().await.unwrap().unwrap();
        if event.kind == "end" {
            break event;
        }
        let message = event.data["message"].as_str().unwrap().to_owned();
        if message == "line 1" {
            let detail = client.exec(&exec).await.unwrap();
            assert_ne!(detail["status"], "S", "it came while the program ran");
        }
        seen.push((event.id, message));
    };
    assert_eq!(
        (&last.data["status"], &last.data["exit_code"]),
        (&json!("S"), &json!(0))
    );
    assert_eq!(following.next().await.unwrap(), None);
    // What was sent line by line is the log; a line of the platform may have come late.
    let mut whole = client.log(&exec).await.unwrap();
    let programs = |line: &&String| line.starts_with("line ");
    let sent: Vec<_> = seen.iter().map(|(_, line)| line).filter(programs).collect();
    assert_eq!(sent, whole.iter().filter(programs).collect::<Vec<_>>());
    let mut sent: Vec<_> = seen.iter().map(|(_, line)| line.clone()).collect();
    sent.sort();
    whole.sort();
    assert_eq!(sent, whole);
    // Cut off after its second line, and back when all is over.
    let cut = seen.iter().find(|(_, line)| line == "line 2").unwrap();
    let mut again = client.follow(&exec, Some(&cut.0)).await.unwrap();
    // A line of the platform that came later than the second comes now.
    let next = loop {
        let event = again.next().await.unwrap().unwrap();
        if event.data["platform"] == false {
            break event;
        }
        let message = event.data["message"].as_str().unwrap();
        let late = seen.iter().skip_while(|(id, _)| *id != cut.0);
        assert!(late.skip(1).any(|(_, line)| line == message), "{message}");
    };
    assert_eq!(next.data["message"], "line 3");
}
