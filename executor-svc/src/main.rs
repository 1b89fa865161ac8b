//! Runs execs as Kubernetes Jobs and records how they end.

use std::process::ExitCode;

use executor_svc::{app, config};

fn main() -> ExitCode {
    chassis::main("executor-svc", config::DEFAULTS, app::start)
}
