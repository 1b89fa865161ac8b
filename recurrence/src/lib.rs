//! When a schedule is due: ISO 8601 repeating intervals and cron expressions, in
//! any time zone, as pure arithmetic.
//!
//! A schedule that was asleep for a year must find its place in one step, so
//! every question is answered by counting, never by walking from instant to
//! instant. The crate has no clock: the caller says what "now" is.
//!
//! ```
//! use recurrence::{Expression, Fate, Recurrence, Rules, Zone};
//!
//! // At half past two, Berlin time, on the day the clocks go forward.
//! let rules = Rules { zone: Zone::named("Europe/Berlin")?, ..Rules::default() };
//! let nightly = Recurrence::new(&Expression::parse("30 2 * * *")?, &rules)?;
//! let slot = nightly.first_at_or_after("2026-03-29T00:00:00Z".parse()?).unwrap();
//! assert_eq!(nightly.local(slot.at).to_rfc3339(), "2026-03-29T03:00:00+02:00");
//! assert_eq!(
//!     nightly.clock_change(slot.at).unwrap().to_string(),
//!     "02:30:00 does not exist on this day; the clock goes forward to 03:00:00"
//! );
//! assert_eq!(slot.fate, Fate::Planned);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Repeating intervals
//!
//! ISO 8601-1:2019, 5.6. `n` is the number of runs in all; without it they go on
//! for ever.
//!
//! | form | runs |
//! |---|---|
//! | `Rn/<start>/<period>` | start, start + period, … |
//! | `Rn//<period>` | the same from [`Rules::anchor`] |
//! | `Rn/<start>/<end>` | start, and again after the time from start to end |
//! | `Rn/<period>/<end>` | … end − 2 periods, end − period |
//!
//! A period of hours, minutes and seconds is elapsed time. One with years,
//! months, weeks or days is counted on the wall clock of the zone, from the start
//! (from the end, where that is given): `R/2026-01-31T09:00:00/P1M` runs on 28
//! February and on 31 March, always at nine. A start without an offset is wall
//! clock; in UTC any offset may be given, elsewhere it must be the zone's.
//!
//! # Cron
//!
//! `minute hour day-of-month month day-of-week`, with seconds in front if there
//! are six fields; several are joined by `;`. Names (`MON`, `JAN`), ranges, steps
//! and lists; `L`, `L-3`, `15W`, `LW` as days of the month; `FRIL` (last Friday)
//! and `FRI#2` (second Friday) as days of the week; `@daily` and the like. If
//! both kinds of days are restricted, either will do, as POSIX has it.
//!
//! # Clock changes
//!
//! [`GapRule`] and [`RepeatRule`] say what becomes of wall times that do not
//! exist or come twice. The defaults are the first instant after the gap, and
//! the first of two; a cron expression of every hour ticks on evenly instead.

mod calendar;
mod cron;
mod cursor;
mod error;
mod exclusions;
mod expression;
mod iso;
mod line;
mod progression;
mod recurrence;
mod rules;
mod slot;
mod zone;

pub use error::{ACCEPTED_FORMS, ExclusionError, ParseError, RecurrenceError, UnknownZone};
pub use exclusions::Exclusions;
pub use expression::Expression;
pub use recurrence::{ClockChange, Recurrence};
pub use rules::{GapRule, RepeatRule, Rules, UnknownRule};
pub use slot::{Counts, Fate, Slot};
pub use zone::Zone;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
