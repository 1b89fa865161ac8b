//! Instants that clients send.

use chrono::{DateTime, Datelike, Utc};

/// An instant as RFC 3339 writes it.
pub fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    // The plus of an offset becomes a space where a client forgot to encode it.
    DateTime::parse_from_rfc3339(&text.replace(' ', "+"))
        .map_err(|_| "must be an RFC 3339 time such as 2015-12-28T14:31:07Z".to_owned())
        .and_then(|instant| writable(instant.to_utc()))
}

/// Refuses an instant that RFC 3339 cannot write in UTC, in which answers are.
pub fn writable(instant: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    if (0..=9999).contains(&instant.year()) {
        Ok(instant)
    } else {
        Err("must be in the years 0 to 9999, in UTC".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_any_form_of_rfc_3339() {
        let expected = parse("2015-12-28T14:31:07Z").unwrap();
        for same in ["2015-12-28T15:31:07+01:00", "2015-12-28T15:31:07 01:00"] {
            assert_eq!(parse(same).unwrap(), expected);
        }
        for bad in ["2015-12-28", "1451350945", "2015-12-28T14:31:07", "now"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for beyond in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+00:01"] {
            assert!(parse(beyond).unwrap_err().contains("9999"), "{beyond}");
        }
    }
}
