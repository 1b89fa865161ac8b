//! Keeps every line an exec prints.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("log-svc", log_svc::config::DEFAULTS, log_svc::app::start)
}
