//! The stretch of time a client wants of a log, as it writes it.

use chrono::{DateTime, TimeDelta, Utc};
use utoipa::openapi::Object;

use crate::openapi::types;
use crate::read::params::Params;
use crate::read::rule::Rule;

/// Digits of whole seconds at most: enough for thirty thousand years.
const WHOLE_MAX: usize = 12;

/// The times a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Nothing before this instant.
    pub since: Option<DateTime<Utc>>,
    /// Nothing at or after this instant.
    pub until: Option<DateTime<Utc>>,
}

impl Window {
    /// Reads `start_time` and `end_time`.
    pub fn read(params: &mut Params<'_>) -> Self {
        let start = Rule::text(|| schema("No line before it"), Self::start);
        let end = Rule::text(|| schema("No line after it"), Self::end);
        Self {
            since: params.optional("start_time", start),
            until: params.optional("end_time", end),
        }
    }

    /// A start as Unix seconds, with or without a fraction.
    pub fn start(text: &str) -> Result<DateTime<Utc>, String> {
        seconds(text).map(|(at, _)| at)
    }

    /// The end of what an inclusive end means: a number stands for all instants
    /// that are written like it, so `945` includes 945.9 and `945.2` does not.
    pub fn end(text: &str) -> Result<DateTime<Utc>, String> {
        let (at, precision) = seconds(text)?;
        at.checked_add_signed(precision).ok_or_else(out_of_range)
    }
}

fn schema(description: &str) -> Object {
    let pattern = r"^[0-9]{1,12}(\.[0-9]{1,9})?$";
    let description = format!("{description}; Unix seconds");
    types::or_empty(types::pattern(pattern, 22, &description, "1451350945"))
}

fn out_of_range() -> String {
    "is out of range".to_owned()
}

/// The instant and how precisely it was written.
fn seconds(text: &str) -> Result<(DateTime<Utc>, TimeDelta), String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err("must be Unix seconds such as 1451350945".to_owned());
    }
    if whole.len() > WHOLE_MAX {
        return Err(out_of_range());
    }
    let whole = whole.parse().map_err(|_| out_of_range())?;
    let nanos = format!("{fraction:0<9}")
        .parse()
        .map_err(|_| out_of_range())?;
    let at = DateTime::from_timestamp(whole, nanos).ok_or_else(out_of_range)?;
    let precision = match text.split_once('.') {
        None => TimeDelta::seconds(1),
        Some((_, fraction)) => (0..fraction.len()).fold(TimeDelta::seconds(1), |unit, _| unit / 10),
    };
    Ok((at, precision))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn both_ends_are_inclusive_as_written() {
        let end = |text| Window::end(text).unwrap();
        assert_eq!(Window::start("945").unwrap(), at(945));
        assert_eq!(end("945"), at(946));
        assert_eq!(end("945.25") - at(945), TimeDelta::milliseconds(260));
        assert_eq!(end("945.000000001") - at(945), TimeDelta::nanoseconds(2));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let (huge, far) = ("99999999999999999999", "9999999999999999");
        for bad in ["", "x", "-1", "1.", ".5", "1e3", "1.0000000001", huge, far] {
            assert!(Window::start(bad).is_err(), "{bad}");
            assert!(Window::end(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_time_is_read_or_refused(text in "[0-9.+-]{0,30}") {
            if let (Ok(start), Ok(end)) = (Window::start(&text), Window::end(&text)) {
                prop_assert!(start < end);
            }
        }
    }
}
