//! The ledger against arithmetic: random schedules over random downtimes, every
//! instant of which is accounted for once.
#![expect(clippy::print_stdout, reason = "the figures are of interest")]

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use recurrence::{GapRule, Recurrence};
use shared_types::{CatchUp, JobId, Overlap, ScheduleRules, schedule};

use crate::fixture::{Fixture, settle};

const SCHEDULES: u64 = 200;
const STEPS: u64 = 12;

/// Numbers that are random enough and the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        let side = self.roll(among.len() as u64);
        among[usize::try_from(side).unwrap_or_default()].clone()
    }

    fn text(&mut self, base: DateTime<Utc>) -> String {
        let start = base + TimeDelta::minutes(i64::try_from(self.roll(600)).unwrap_or_default());
        let start = start.format("%FT%T");
        let (n, m) = (self.roll(50) + 1, self.roll(59) + 1);
        match self.roll(8) {
            0 => format!("R/{start}Z/PT{n}S"),
            1 => format!("R{}/{start}Z/PT{n}H", n * 40),
            2 => format!("R/{start}/P{n}D"),
            3 => format!("R{n}/{start}/P1M"),
            4 => format!("{m} */{} * * *", n % 12 + 1),
            5 => "* * * * * *".to_owned(),
            6 => format!("30 2 * * *; {m} 9 L * *; 0 12 * * FRI#{}", n % 5 + 1),
            _ => format!("R//PT{n}M"),
        }
    }

    fn rules(&mut self) -> ScheduleRules {
        let limit = 3;
        let none: &[&str] = &[];
        let exclusions = self.pick(&[
            none,
            none,
            &["* * SAT,SUN"],
            &["--12-25", "2027-01-01/2027-03-31"],
        ]);
        ScheduleRules {
            timezone: self
                .pick(&[
                    "UTC",
                    "Europe/Berlin",
                    "America/New_York",
                    "Australia/Lord_Howe",
                ])
                .to_owned(),
            exclusions: exclusions.iter().map(|item| (*item).to_owned()).collect(),
            gap: self.pick(&[None, Some(GapRule::Skip)]),
            overlap: self.pick(&[
                Overlap::Skip,
                Overlap::QueueOne,
                Overlap::QueueAll { limit },
                Overlap::Allow,
                Overlap::CancelRunning,
            ]),
            catch_up: self.pick(&[
                CatchUp::None,
                CatchUp::Latest,
                CatchUp::All {
                    limit,
                    window: 86_400,
                },
            ]),
            jitter: self.pick(&[0, 0, 300]),
            start_deadline: self.pick(&[None, Some(3600)]),
            ..ScheduleRules::default()
        }
    }

    /// From a moment to more than a year.
    fn downtime(&mut self) -> TimeDelta {
        let seconds = self.pick(&[5_u64, 600, 86_400, 86_400 * 30, 86_400 * 400]);
        TimeDelta::milliseconds(i64::try_from(self.roll(seconds * 1000)).unwrap_or_default())
    }
}

/// Fails unless the entries of a job are as many instants as its schedule has
/// up to where it stands, and so by fate; says how many instants and entries.
async fn audit(fixture: &Fixture, job: JobId, now: DateTime<Utc>) -> Result<(u64, usize)> {
    let schedule = fixture.schedule(job).await?;
    let revision = &schedule.revision;
    let mode = revision.mode.as_deref().context("a text")?;
    let recurrence: Recurrence = schedule::recurrence(mode, &revision.rules, revision.anchor)?;
    let until = schedule.next_at.unwrap_or(now + TimeDelta::days(1));
    let expected = recurrence.count_between(revision.effective_from, until);
    let due = now - revision.rules.delay(job) + TimeDelta::microseconds(1);
    let left = recurrence.count_between(until.min(due), due).planned;
    ensure!(
        left == 0,
        "{mode}: {left} planned instants are not accounted for"
    );
    let ledger = fixture.ledger(job).await?;
    let count = |reason: Option<&str>| -> u64 {
        let of = ledger.iter().filter(|slot| match reason {
            Some(reason) => slot.outcome.reason() == Some(reason),
            None => !matches!(slot.outcome.reason(), Some("excluded" | "dst_gap")),
        });
        of.map(|slot| slot.count.unsigned_abs()).sum()
    };
    let found = (count(None), count(Some("excluded")), count(Some("dst_gap")));
    ensure!(
        found == (expected.planned, expected.excluded, expected.dst_gap),
        "{mode} {revision:?}: {found:?} in the ledger, {expected:?} by arithmetic"
    );
    Ok((expected.total(), ledger.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_ledger_is_what_arithmetic_says() -> Result<()> {
    let fixture = Fixture::new().await;
    let mut dice = Dice(2026);
    let mut jobs = Vec::new();
    while jobs.len() as u64 != SCHEDULES {
        let (text, rules) = (dice.text(fixture.base), dice.rules());
        if schedule::recurrence(&text, &rules, fixture.base).is_ok() {
            jobs.push(fixture.job_with(&text, rules).await?);
        }
    }
    let mut replica = fixture.replica();
    let (mut now, mut away) = (fixture.base, TimeDelta::zero());
    settle(&mut replica, now).await?;
    for _ in 0..STEPS {
        let downtime = dice.downtime();
        (now, away) = (now + downtime, away.max(downtime));
        // Whatever it knew is gone.
        replica = fixture.replica();
        settle(&mut replica, now).await?;
    }
    let (mut instants, mut entries) = (0, 0);
    for job in jobs {
        let (of_job, rows) = audit(&fixture, job, now).await?;
        (instants, entries) = (instants + of_job, entries + rows);
    }
    ensure!(instants > 10_000_000, "{instants} instants");
    println!(
        "{SCHEDULES} schedules, {STEPS} downtimes of up to {} days: {instants} instants in the \
         ledger = by arithmetic, in {entries} entries",
        away.num_days()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_every_second_is_one_cheap_step() -> Result<()> {
    let fixture = Fixture::new().await;
    let rules = ScheduleRules {
        timezone: "Europe/Berlin".to_owned(),
        ..ScheduleRules::default()
    };
    let job = fixture.job_with("* * * * * *", rules).await?;
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.base).await?;
    let now = fixture.base + TimeDelta::days(365);
    let start = Instant::now();
    replica.step(now).await?;
    let elapsed = start.elapsed();
    let (instants, entries) = audit(&fixture, job, now).await?;
    ensure!(instants > 365 * 86_400);
    println!("{instants} instants of a year away: {elapsed:?}, {entries} entries");
    Ok(())
}
