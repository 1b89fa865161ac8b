//! When a schedule is due: repeating intervals as pure arithmetic.
//!
//! A schedule that was asleep for a year must find its place in one step, so
//! every question is answered in closed form, never by walking from instant to
//! instant. The crate has no clock: the caller says what "now" is.
//!
//! Accepted are ISO 8601 repeating intervals with a start and an exact period,
//! `Rn/<start>/PT…` (n runs in all) and `R/<start>/PT…` (for ever):
//!
//! ```
//! use recurrence::Recurrence;
//!
//! let hourly = Recurrence::parse("R3/2015-12-31T16:00:23.446Z/PT1H")?;
//! let runs: Vec<String> = (0..4)
//!     .filter_map(|k| hourly.kth(k))
//!     .map(|at| at.to_rfc3339())
//!     .collect();
//! assert_eq!(runs, [
//!     "2015-12-31T16:00:23.446+00:00",
//!     "2015-12-31T17:00:23.446+00:00",
//!     "2015-12-31T18:00:23.446+00:00",
//! ]);
//!
//! let error = Recurrence::parse("R3/2015-12-31T16:00:23Z/P1D").unwrap_err();
//! assert_eq!(error.offset(), 24);
//! # Ok::<(), recurrence::ParseError>(())
//! ```

mod error;
mod interval;
mod parse;

pub use error::{ACCEPTED_FORMS, ParseError, ParseErrorKind};
pub use interval::Recurrence;
