//! Answers for a program in another language: each line of the input is a zone, an
//! instant, a number and a schedule, tab-separated; each line of the output the epoch
//! seconds of so many planned instants from there on, or `!` and what is wrong.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufWriter, Write};

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::{Expression, Recurrence, Rules, Zone};

fn main() -> io::Result<()> {
    let mut output = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        match answer(&line?) {
            Ok(instants) => writeln!(output, "{instants}")?,
            Err(error) => writeln!(output, "! {error}")?,
        }
    }
    output.flush()
}

fn answer(line: &str) -> Result<String, Box<dyn Error>> {
    let mut parts = line.splitn(4, '\t');
    let mut part = || {
        parts
            .next()
            .ok_or("a line is: zone, instant, number, schedule")
    };
    let (zone, from, count, text) = (part()?, part()?, part()?, part()?);
    let rules = Rules {
        zone: Zone::named(zone)?,
        ..Rules::default()
    };
    let schedule = Recurrence::new(&Expression::parse(text)?, &rules)?;
    let mut from: DateTime<Utc> = from.parse()?;
    let mut instants = String::new();
    for _ in 0..count.parse::<usize>()? {
        let Some(at) = schedule.next_planned(from) else {
            break;
        };
        write!(instants, "{} ", at.timestamp())?;
        from = at + TimeDelta::microseconds(1);
    }
    Ok(instants)
}
