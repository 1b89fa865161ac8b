//! The proof of an exec's output: the lines that `log-proof` writes last, which executor-svc
//! gives to it and log-svc takes out of the log.

use crate::id::ExecId;

/// The last line of the output and of the error output of an attempt, without newlines.
/// They begin with a character that no text has, and name the attempt, so that a program
/// which prints another one's log ends nothing.
#[must_use]
pub fn records(exec: ExecId, attempt: i32) -> [String; 2] {
    let name = exec.job_name(attempt);
    ["stdout", "stderr"].map(|output| format!("\u{1e}{name} ends its {output}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_never_change() {
        // A log-svc of another version looks for them.
        let exec: ExecId = "0191e1a0-0000-7000-8000-000000000001".parse().unwrap();
        let name = "\u{1e}x-0191e1a0000070008000000000000001-2";
        let [stdout, stderr] = records(exec, 2);
        assert_eq!(stdout, format!("{name} ends its stdout"));
        assert_eq!(stderr, format!("{name} ends its stderr"));
    }
}
