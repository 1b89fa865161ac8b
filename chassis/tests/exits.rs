//! How a whole process ends: its exit code and its last words. Without a test
//! harness, because it starts itself as the service under test.

#![expect(clippy::unwrap_used, reason = "a test's set-up may fail loudly")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};

use chassis::{HealthConfig, LogConfig, Process, ShutdownConfig, TracesConfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

const DEFAULTS: &str = "
    mode = 'run'
    [log]
    [health]
    listen = '127.0.0.1:0'
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    mode: String,
    log: LogConfig,
    health: HealthConfig,
    #[serde(default)]
    shutdown: ShutdownConfig,
    #[serde(default)]
    traces: TracesConfig,
}

chassis::service_config!(Config);

async fn start(config: Config, process: Process) -> anyhow::Result<()> {
    match config.mode.as_str() {
        "fail" => anyhow::bail!("no database"),
        "refuse" => return Err(chassis::ConfigError::invalid("mode", "refused").into()),
        "end" => process.tasks.spawn("sweep", async {}),
        "stuck" => process.tasks.spawn("stuck", std::future::pending::<()>()),
        _ => {
            let stopping = process.tasks.stopping();
            process
                .tasks
                .spawn("loop", async move { stopping.cancelled().await });
        }
    }
    Ok(())
}

fn service(variables: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env("CHASSIS_TEST_CHILD", "1")
        .envs(variables.iter().copied())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sends each signal once the service has said the line before it.
fn end(mut child: Child, steps: &[(&str, Signal)]) -> (i32, String) {
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    for (line, signal) in steps {
        while !said.lines().last().unwrap_or_default().contains(line) {
            assert_ne!(
                log.read_line(&mut said).unwrap(),
                0,
                "never said {line}: {said}"
            );
        }
        kill(Pid::from_raw(child.id().try_into().unwrap()), *signal).unwrap();
    }
    log.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code().unwrap_or(-1), said)
}

fn main() -> ExitCode {
    if std::env::var_os("CHASSIS_TEST_CHILD").is_some() {
        return chassis::main("probe", DEFAULTS, start);
    }
    let mode = |mode| service(&[("ESCAPEMENT__MODE", mode)]);

    let (code, said) = end(service(&[("ESCAPEMENT__MODDE", "x")]), &[]);
    assert_eq!((code, said.lines().count()), (64, 1), "{said}");
    assert!(said.contains("modde"), "{said}");
    let (code, said) = end(service(&[("ESCAPEMENT__LOG__FILTER", "a=b=c")]), &[]);
    assert_eq!((code, said.lines().count()), (64, 1), "{said}");
    assert!(said.contains("log.filter"), "{said}");
    let (code, said) = end(mode("refuse"), &[]);
    assert_eq!(code, 64, "{said}");

    let (code, said) = end(mode("fail"), &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no database"), "{said}");
    let (code, said) = end(mode("end"), &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("task sweep ended unasked"), "{said}");

    let (code, said) = end(mode("run"), &[("\"started\"", Signal::SIGTERM)]);
    assert_eq!(code, 0, "{said}");
    let twice = [
        ("\"started\"", Signal::SIGINT),
        ("stopping: intake closed", Signal::SIGTERM),
    ];
    let (code, said) = end(mode("stuck"), &twice);
    assert_eq!(code, 130, "{said}");
    let hurried = [
        ("ESCAPEMENT__MODE", "stuck"),
        ("ESCAPEMENT__SHUTDOWN__GRACE", "100ms"),
    ];
    let (code, said) = end(service(&hurried), &[("\"started\"", Signal::SIGTERM)]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("task abandoned at the grace limit"), "{said}");
    ExitCode::SUCCESS
}
