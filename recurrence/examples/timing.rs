//! Prints what the questions cost: `cargo run --release --example timing`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for a terminal"
)]

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::{Exclusions, Expression, Recurrence, Rules, Zone};

const ROUNDS: u32 = 200;

fn time<T>(what: &str, mut question: impl FnMut() -> T) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(question());
    }
    let each = start.elapsed() / ROUNDS;
    println!("{what:<64} {:>9.2} us", each.as_secs_f64() * 1e6);
}

fn main() {
    let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let years = |years: i32| now + TimeDelta::days(365) * years;
    let berlin = |text: &str, exclusions: &[&str]| {
        let rules = Rules {
            zone: Zone::named("Europe/Berlin").unwrap(),
            exclusions: Exclusions::parse(exclusions).unwrap(),
            ..Rules::default()
        };
        Recurrence::new(&Expression::parse(text).unwrap(), &rules).unwrap()
    };
    let weekends = ["* * SAT,SUN", "--12-24/--12-26"];
    for text in [
        "R/2020-01-01T00:00:00Z/PT1S",
        "* * * * * *",
        "30 2 * * *",
        "R/2020-01-31T09:00:00/P1M",
    ] {
        println!("{text}");
        time("  read and place in Berlin", || berlin(text, &[]));
        let schedule = berlin(text, &[]);
        time("  next instant", || schedule.first_after(now));
        time("  count of a year", || {
            schedule.count_between(now, years(1))
        });
        time("  count of fifty years", || {
            schedule.count_between(now, years(50))
        });
        time("  count of a thousand years", || {
            schedule.count_between(now, years(1000))
        });
        let excluded = berlin(text, &weekends);
        time("  count of fifty years without weekends", || {
            excluded.count_between(now, years(50))
        });
        time("  next instant that is to run", || {
            excluded.next_planned(now)
        });
    }
}
