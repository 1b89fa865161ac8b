//! Accepted texts and refused texts, each with what must be said of it.

use chrono::{DateTime, Utc};
use recurrence::{ParseErrorKind as Kind, Recurrence};

/// Text, runs in all, first instant, second instant of its endless twin.
#[rustfmt::skip]
const ACCEPTED: [(&str, Option<u64>, &str, &str); 11] = [
    ("R1/2015-12-31T16:00:23.446Z/PT1H", Some(1), "2015-12-31T16:00:23.446Z", "2015-12-31T17:00:23.446Z"),
    ("R/2020-01-01T00:00:00Z/PT1S", None, "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z"),
    ("R007/2020-01-01T00:00:00Z/PT1M", Some(7), "2020-01-01T00:00:00Z", "2020-01-01T00:01:00Z"),
    ("R2/2020-01-01T00:00:00/PT1H30M15S", Some(2), "2020-01-01T00:00:00Z", "2020-01-01T01:30:15Z"),
    ("R2/2020-01-01T08:00/PT90M", Some(2), "2020-01-01T08:00:00Z", "2020-01-01T09:30:00Z"),
    ("R2/2020-01-01T08:00:00+08:00/PT24H", Some(2), "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
    ("R2/2020-01-01T08:00:00-0130/PT0.5H", Some(2), "2020-01-01T09:30:00Z", "2020-01-01T10:00:00Z"),
    ("R2/2020-01-01t08:00:00+08/PT0,25S", Some(2), "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.25Z"),
    ("R2/0000-01-01T00:00:00+23:59/PT1H", Some(2), "-0001-12-31T00:01:00Z", "-0001-12-31T01:01:00Z"),
    ("R2/2020-01-01T00:00:00.123456789z/PT0.000001S", Some(2), "2020-01-01T00:00:00.123456789Z", "2020-01-01T00:00:00.123457789Z"),
    ("R18446744073709551615/2020-01-01T00:00:00Z/PT1H", Some(u64::MAX), "2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z"),
];

#[rustfmt::skip]
const REFUSED: [(&str, usize, Kind); 21] = [
    ("", 0, Kind::UnknownForm),
    ("0 2 * * *", 0, Kind::UnknownForm),
    ("r1/2020-01-01T00:00:00Z/PT1H", 0, Kind::UnknownForm),
    (" R1/2020-01-01T00:00:00Z/PT1H", 0, Kind::UnknownForm),
    ("R0/2020-01-01T00:00:00Z/PT1H", 1, Kind::NoRuns),
    ("R18446744073709551616/2020-01-01T00:00:00Z/PT1H", 1, Kind::TooManyRuns),
    ("R1//PT1H", 3, Kind::MissingStart),
    ("R1/PT1H/2020-01-01T00:00:00Z", 3, Kind::MissingStart),
    ("R1/", 3, Kind::MissingStart),
    ("R1/2020-01-01T00:00:00Z/P1D", 24, Kind::CalendarPeriod),
    ("R1/2020-01-01T00:00:00Z/P1Y2M", 24, Kind::CalendarPeriod),
    ("R1/2020-01-01T00:00:00Z/2021-01-01T00:00:00Z", 24, Kind::EndInsteadOfPeriod),
    ("R1/2020-01-01T00:00:00Z/PT0S", 24, Kind::PeriodTooShort),
    ("R1/2020-01-01T00:00:00Z/PT0.000000999S", 24, Kind::PeriodTooShort),
    ("R1/2020-01-01T00:00:00Z/PT1M1H", 29, Kind::UnitOrder),
    ("R1/2020-01-01T00:00:00Z/PT1S1S", 29, Kind::UnitOrder),
    ("R1/2020-01-01T00:00:00Z/PT1.5H30M", 26, Kind::FractionNotLast),
    ("R1/2020-01-01T00:00:00Z/PT1.0000000001S", 27, Kind::FractionTooLong),
    ("R1/2020-01-01T00:00:00Z/PT18446744073709551616S", 26, Kind::NumberTooLarge),
    ("R1/2020-01-01T00:00:00Z/PT1H/x", 28, Kind::TrailingText),
    ("R1/2020-01-01T00:00:00Z/PT1H ", 28, Kind::TrailingText),
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn accepted() {
    for (text, runs, first, second) in ACCEPTED {
        let read = Recurrence::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(read.runs(), runs, "{text}");
        assert_eq!(read.kth(0), Some(at(first)), "{text}");
        assert_eq!(read.endless().kth(1), Some(at(second)), "{text}");
    }
}

#[test]
fn refused_with_the_place_and_the_cause() {
    for (text, offset, kind) in &REFUSED {
        let error = Recurrence::parse(text).expect_err(text);
        assert_eq!(
            (error.offset(), error.kind()),
            (*offset, kind),
            "{text}: {error}"
        );
    }
}

#[test]
fn refused_for_what_stands_there() {
    let cases = [
        ("R", 1, "number of runs or '/'"),
        ("R-1/2020-01-01T00:00:00Z/PT1H", 1, "number of runs or '/'"),
        ("R1/20200101T000000Z/PT1H", 7, "'-' after the year"),
        ("R1/20-01-01", 3, "year of four digits"),
        ("R1/2020-1-01", 8, "month of two digits"),
        ("R1/2020-01-1T", 11, "day of two digits"),
        ("R1/2020-01-01/PT1H", 13, "time of day"),
        ("R1/2020-02-30T00:00:00Z/PT1H", 3, "no such date"),
        ("R1/2020-01-01T0:00:00Z/PT1H", 14, "hour of two digits"),
        ("R1/2020-01-01T00Z/PT1H", 16, "':' after the hour"),
        ("R1/2020-01-01T23:59:60Z/PT1H", 14, "leap seconds"),
        ("R1/2020-01-01T24:00:00Z/PT1H", 14, "no such time of day"),
        (
            "R1/2020-01-01T00:00:00.Z/PT1H",
            23,
            "digits after the decimal point",
        ),
        (
            "R1/2020-01-01T00:00:00[Asia/Shanghai]/PT1H",
            22,
            "an offset",
        ),
        ("R1/2020-01-01T00:00:00+8:00/PT1H", 23, "+08:00"),
        ("R1/2020-01-01T00:00:00+24:00/PT1H", 22, "-23:59 to +23:59"),
        ("R1/2020-01-01T00:00:00Z", 23, "the period after the start"),
        ("R1/2020-01-01T00:00:00Z/", 24, "a period"),
        ("R1/2020-01-01T00:00:00Z/P", 25, "'T' after P"),
        ("R1/2020-01-01T00:00:00Z/PT", 26, "a number and H, M or S"),
        (
            "R1/2020-01-01T00:00:00Z/PT1",
            27,
            "H, M or S after the number",
        ),
        (
            "R1/2020-01-01T00:00:00Z/PT-1H",
            26,
            "a number and H, M or S",
        ),
        ("R1/2020-01-01T00:00:00Z/PT1Hé", 28, "nothing may follow"),
    ];
    for (text, offset, words) in cases {
        let error = Recurrence::parse(text).expect_err(text);
        assert_eq!(error.offset(), offset, "{text}: {error}");
        let said = error.to_string();
        assert!(said.contains(words), "{text}: {said}");
        assert!(said.starts_with(&format!("at byte {offset}: ")), "{said}");
    }
}

#[test]
fn what_is_not_read_yet_says_what_is() {
    for text in ["*/5 * * * *", "@daily", "R/2020-01-31T00:00:00Z/P1M"] {
        let said = Recurrence::parse(text).unwrap_err().to_string();
        assert!(said.contains("Rn/<start>/PT"), "{said}");
        assert!(said.contains("R1/2015-12-31T16:00:23.446Z/PT1H"), "{said}");
    }
}
