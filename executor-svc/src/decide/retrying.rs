//! Whether a failed attempt is followed by another, and after which pause.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use shared_types::{ExecEvent, ExecId, Guarantee, Reason, RetryOn};
use store::lifecycle::{Attempt, End, Retry};

use super::{Facts, Step, after};
use crate::config::Limits;

/// Ends the exec so, or gives the attempt up for another. `started` means that its
/// program may have run.
pub(super) fn retry_or_end(facts: &Facts<'_>, end: End, started: bool) -> Step {
    let Some(row) = facts.exec.current() else {
        return Step::End(Box::new(end));
    };
    // Who asked for the end gets it, also where the program failed by itself.
    let cancelled = facts.exec.cancel_requested_at.is_some();
    if cancelled || !is_worth_another(facts, row, &end, started) {
        return Step::End(Box::new(end));
    }
    let pause = pause(facts.limits, row, facts.exec.id);
    let line = format!(
        "Attempt {} ended: {}. The next one begins in {}.",
        end.attempt,
        end.message,
        format_duration(Duration::from_secs(pause.as_secs())),
    );
    Step::Retry(Box::new(Retry {
        at: facts.now,
        not_before: after(facts.now, pause),
        end: End { line, ..end },
    }))
}

fn is_worth_another(facts: &Facts<'_>, row: &Attempt, end: &End, started: bool) -> bool {
    let earlier = |counts: fn(Reason) -> bool| {
        let before = facts.exec.attempts.iter();
        let before = before.filter(|attempt| attempt.attempt < end.attempt);
        let reasons = before.filter_map(|attempt| attempt.reason);
        reasons.filter(|reason| counts(*reason)).count()
    };
    let rules = &row.rules;
    match (end.event, end.reason) {
        (ExecEvent::Failed, reason) if is_programs(reason) => {
            let retries = rules.retries.unwrap_or(0) as usize;
            rules.repeats(reason, end.exit_code) && earlier(is_programs) < retries
        }
        (ExecEvent::Failed | ExecEvent::Vanished, reason) if is_platforms(reason) => {
            let allowed = !started || rules.guarantee() == Guarantee::AtLeastOnce;
            allowed && earlier(is_platforms) + 1 < facts.limits.attempts
        }
        _ => false,
    }
}

/// Whether the program itself is to blame.
fn is_programs(reason: Reason) -> bool {
    RetryOn::REASONS.contains(&reason)
}

/// Whether it is the platform, and may be over: what is wrong with an image or a
/// configuration stays wrong.
pub fn is_platforms(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::PodRefused
            | Reason::RejectedByNode
            | Reason::Evicted
            | Reason::Disrupted
            | Reason::NodeLost
            | Reason::PodVanished
            | Reason::ExitUnknown
    )
}

/// Twice as long after each attempt, and up to a fifth longer, so that execs which
/// failed together do not all come back together.
fn pause(limits: &Limits, row: &Attempt, exec: ExecId) -> Duration {
    let first = row.rules.retry_backoff().unwrap_or(limits.retry_backoff);
    let doublings = u32::try_from(row.attempt - 1).unwrap_or(0).min(31);
    let pause = first.saturating_mul(1 << doublings);
    let pause = pause.min(limits.retry_backoff_cap.max(first));
    // The last bytes of an id are random.
    let spread = f64::from(exec.0.as_bytes()[15]) / 255.0;
    pause.mul_f64(1.0 + spread / 5.0)
}
