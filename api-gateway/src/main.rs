//! Escapement's REST API and the commands that care for it.

use std::process::ExitCode;

fn main() -> ExitCode {
    api_gateway::cli::run()
}
