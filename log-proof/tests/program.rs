//! The program as a container's runtime sees it: pipes, signals, an exit code.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const RECORDS: [&str; 2] = ["\x1eend of 1", "\x1eend of 2"];

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-proof"));
    command.arg("run").args(RECORDS).args(words);
    // What is said on the other is read by nobody but who asks for it.
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn run(words: &[&str]) -> Output {
    command(words).stderr(Stdio::piped()).output().unwrap()
}

fn sh(script: &str) -> Output {
    run(&["sh", "-c", script])
}

/// Both outputs, which end with their records, without these.
fn printed(output: &Output) -> [String; 2] {
    let outputs = [&output.stdout, &output.stderr].into_iter().zip(RECORDS);
    let printed = outputs.map(|(bytes, record)| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        text.strip_suffix(&format!("{record}\n"))
            .unwrap()
            .to_owned()
    });
    printed.collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn each_output_ends_with_its_record() {
    assert_eq!(
        printed(&sh("echo a; echo b >&2; printf c")),
        ["a\nc", "b\n"]
    );
    assert_eq!(printed(&run(&["true"])), ["", ""]);
}

#[test]
fn an_end_is_that_of_the_program() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -9 $$", 137),
    ] {
        assert_eq!(sh(script).status.code(), Some(code), "{script}");
    }
}

#[test]
fn what_cannot_be_started_is_explained() {
    for (program, code, why) in [
        ("no-such-program", 127, "No such file"),
        ("/", 126, "Permission denied"),
    ] {
        let output = run(&[program]);
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.starts_with(&format!("log-proof: {program}: {why}")),
            "{said}"
        );
        assert!(output.stdout.is_empty());
    }
    let without = Command::new(env!("CARGO_BIN_EXE_log-proof"))
        .output()
        .unwrap();
    assert_eq!(without.status.code(), Some(64));
}

#[test]
fn what_is_left_running_cannot_print_after_the_records() {
    let begun = Instant::now();
    let left = "(trap '' TERM HUP; while :; do echo late; done) & \
                setsid sh -c 'sleep 60; echo late' & echo now >&2";
    let [stdout, stderr] = printed(&sh(left));
    assert!(stdout.lines().all(|line| "late".starts_with(line)));
    assert_eq!(stderr, "now\n");
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn signals_reach_the_program() {
    for (name, signal) in [("TERM", Signal::SIGTERM), ("USR1", Signal::SIGUSR1)] {
        let trap = format!(
            "trap 'echo got {name}; exit 5' {name}; echo ready; \
                            while :; do sleep 0.01; done"
        );
        let mut child = command(&["sh", "-c", &trap]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        send(&child, signal);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("got {name}\n{}\n", RECORDS[0]));
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
    // One that handles none ends as it would without us.
    let mut child = command(&["sh", "-c", "echo; exec sleep 60"])
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    send(&child, Signal::SIGTERM);
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn it_ends_when_its_output_is_read() {
    let (mut child, mut stdout) = ended_unread();
    assert!(child.try_wait().unwrap().is_none());
    let mut all = Vec::new();
    stdout.read_to_end(&mut all).unwrap();
    assert!(all.ends_with(b"1000\n\x1eend of 1\n"));
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn it_ends_unread_when_it_is_asked_to() {
    let begun = Instant::now();
    let (mut child, _stdout) = ended_unread();
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn it_does_not_wait_for_ever() {
    let (mut child, _stdout) = ended_unread();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

/// One whose program has ended, and whose output waits to be read.
fn ended_unread() -> (Child, ChildStdout) {
    let mut child = command(&["sh", "-c", "seq 1 1000; exit 7"])
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let expected = (1..=1000)
        .map(|n: u32| n.to_string().len() + 1)
        .sum::<usize>();
    let expected = (expected + RECORDS[0].len() + 1) as u64;
    wait_until(|| rustix::io::ioctl_fionread(&stdout).unwrap() == expected);
    (child, stdout)
}

#[test]
fn it_copies_itself() {
    let copy = Scratch::new("copy");
    let install = |to: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-proof"));
        command.arg("install").arg(to).output().unwrap()
    };
    assert!(install(&copy.0).status.success());
    let mut command = Command::new(&copy.0);
    let output = command
        .args(["run", "a", "b", "echo", "c"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"c\na\n");
    let failed = install(&copy.0.join("no-folder"));
    assert_eq!(failed.status.code(), Some(73));
    assert!(failed.stderr.starts_with(b"log-proof: cannot be copied: "));
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < limit);
        thread::yield_now();
    }
}

/// A file that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("log-proof-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
