//! The rules of a schedule's single fields, for requests and answers.

use recurrence::{Expression, GapRule, RepeatRule, Zone};

use crate::openapi::types;
use crate::read::rule::{Rule, boolean, number, one_of};

/// Bytes of a schedule's text at most.
const MODE_MAX: usize = 1024;

/// The text of a schedule, kept as it was given.
pub fn mode() -> Rule<'static, String> {
    let schema = || {
        let mut schema = types::format(
            "schedule",
            "ISO 8601 repeating interval (runs in all, none is for ever; start, without an offset by \
             the clock of `schedule_timezone`; period), or cron expressions joined by `;`",
            "R1/2015-12-31T16:00:23.446Z/PT1H",
        );
        schema.examples.push("30 2 * * MON-FRI".into());
        schema.max_length = Some(MODE_MAX);
        schema
    };
    Rule::text(schema, |text| {
        if text.len() > MODE_MAX {
            return Err(format!("is longer than {MODE_MAX} bytes"));
        }
        Expression::parse(text).map_err(|error| format!("is not a schedule: {error}"))?;
        Ok(text.to_owned())
    })
}

/// A name of the IANA database.
pub fn timezone() -> Rule<'static, String> {
    let description = "IANA zone whose wall clock the schedule speaks of; UTC if left out";
    let schema = move || types::format("timezone", description, "Europe/Berlin");
    Rule::text(schema, |text| {
        let zone = Zone::named(text).map_err(|error| error.to_string())?;
        Ok(zone.name().to_owned())
    })
}

/// What becomes of wall times that there are not.
pub fn gap() -> Rule<'static, GapRule> {
    let description = "What becomes of wall times that the clock jumps over; `null` is \
                       `first_valid`, but `skip` for a cron expression of every hour";
    one_of(&GapRule::ALL, GapRule::as_str, description)
}

/// What becomes of wall times that there are twice.
pub fn repeat() -> Rule<'static, RepeatRule> {
    let description = "Which one counts of wall times that come twice; `null` is `first`, but \
                       `both` for a cron expression of every hour";
    one_of(&RepeatRule::ALL, RepeatRule::as_str, description)
}

/// The word of an overlap policy.
pub fn overlap_policy() -> Rule<'static, &'static str> {
    const WORDS: [&str; 5] = ["skip", "queue_one", "queue_all", "cancel_running", "allow"];
    let description = "What is done with an instant while an earlier exec of the job has not ended";
    one_of(&WORDS, |word| word, description)
}

/// How many instants of `queue_all` may wait.
pub fn overlap_limit() -> Rule<'static, u32> {
    number(1..=1000, "Instants that may wait; only with `queue_all`")
}

/// Whether execs that a person triggered count as earlier ones.
pub fn overlap_counts_manual() -> Rule<'static, bool> {
    boolean("Whether execs that a person triggered count")
}

/// The word of a policy about missed instants.
pub fn catch_up() -> Rule<'static, &'static str> {
    let description = "What is done about instants that passed while no scheduler was there";
    one_of(&["none", "latest", "all"], |word| word, description)
}

/// How many instants are made up for.
pub fn catch_up_limit() -> Rule<'static, u32> {
    number(1..=1000, "How many at most; only with `all`")
}

/// Seconds up to a year.
pub fn catch_up_window() -> Rule<'static, u32> {
    number(1..=31_536_000, "How far back, in seconds; only with `all`")
}

/// Seconds up to a day.
pub fn jitter() -> Rule<'static, u32> {
    let description = "Execs start up to this many seconds late, by the same for ever";
    number(0..=86_400, description)
}

/// Seconds up to a week.
pub fn start_deadline() -> Rule<'static, u32> {
    let description = "Seconds after its instant from which an exec is not made";
    number(1..=604_800, description)
}
