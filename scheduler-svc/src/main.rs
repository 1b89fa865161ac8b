//! Fires each planned instant once, through the ledger.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main(
        "scheduler-svc",
        scheduler_svc::config::DEFAULTS,
        scheduler_svc::app::start,
    )
}
