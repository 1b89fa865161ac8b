//! Refused texts, each with where it is wrong and what must be said of it.

use recurrence::{Exclusions, Expression, GapRule, RepeatRule, Zone};

/// Text, place, a part of what is said.
#[rustfmt::skip]
const REFUSED: [(&str, usize, &str); 57] = [
    ("", 0, "R1/2015-12-31T16:00:23.446Z/PT1H"),
    ("hourly", 0, "0 2 * * MON-FRI"),
    ("r1/2020-01-01T00:00:00Z/PT1H", 0, "not a schedule"),
    ("R0/2020-01-01T00:00:00Z/PT1H", 1, "write R1 for one run"),
    ("R18446744073709551616/2020-01-01T00:00:00Z/PT1H", 1, "R18446744073709551615"),
    ("Rx/2020-01-01T00:00:00Z/PT1H", 1, "R1/ or R/"),
    ("R1/", 3, "leave it empty, R1//PT1H"),
    ("R1//", 4, "a period, e.g. PT1H or P1D"),
    ("R1/2020-01-01X/PT1H", 13, "'T' and a time of day"),
    ("R1/2020-01-01Z/PT1H", 13, "'T' and a time of day"),
    ("R1/2020-13-01T00:00:00Z/PT1H", 3, "no such date"),
    ("R1/2021-02-29T00:00:00Z/PT1H", 3, "no such date"),
    ("R1/0000-01-01T00:00:00Z/PT1H", 3, "0001 to 9999"),
    ("R1/2020-W01-1T00:00:00Z/PT1H", 8, "week dates are not read"),
    ("R1/2020-01-01T24:00:01Z/PT1H", 14, "24:00:00 is the end of the day"),
    ("R1/2020-01-01T25:00:00Z/PT1H", 14, "23:59:59"),
    ("R1/2020-01-01T23:59:60Z/PT1H", 14, "leap seconds"),
    ("R1/2020-01-01T00:00:00.Z/PT1H", 23, "digits after the decimal point"),
    ("R1/2020-01-01T00:00:00+24:00/PT1H", 22, "-23:59 to +23:59"),
    ("R1/2020-01-01T00:00:00X/PT1H", 22, "Z or +08:00"),
    ("R1/2020-01-01T00:00:00Z", 23, "'/' and the period"),
    ("R1/2020-01-01T00:00:00Z/1H", 24, "a year of four digits"),
    ("R1/2020-01-01T00:00:00Z/P", 25, "a number and a unit"),
    ("R1/2020-01-01T00:00:00Z/PT", 26, "H, M or S after T"),
    ("R1/2020-01-01T00:00:00Z/P1DT", 28, "H, M or S after T"),
    ("R1/2020-01-01T00:00:00Z/P1H", 26, "Y, M, W or D"),
    ("R1/2020-01-01T00:00:00Z/PT0S", 24, "PT0.000001S"),
    ("R1/2020-01-01T00:00:00Z/PT0.000000999S", 24, "PT0.000001S"),
    ("R1/2020-01-01T00:00:00Z/P10000Y", 24, "9999 years"),
    ("R1/2020-01-01T00:00:00Z/PT1M1H", 29, "in this order"),
    ("R1/2020-01-01T00:00:00Z/PT1S1S", 29, "in this order"),
    ("R1/2020-01-01T00:00:00Z/P0.5M", 25, "M has no fractions"),
    ("R1/2020-01-01T00:00:00Z/PT1.5H30M", 30, "only the last number"),
    ("R1/2020-01-01T00:00:00Z/PT1.0000000001S", 27, "nine digits"),
    ("R1/2020-01-01T00:00:00Z/PT18446744073709551616S", 26, "too large"),
    ("R1/2020-01-01T00:00:00Z/PT1H/x", 28, "nothing may follow"),
    ("R/PT1H/2020-01-01T00:00:00Z", 2, "R5/PT1H/"),
    ("R1/PT1H", 7, "a start before it"),
    ("* * * *", 0, "this has 4"),
    ("* * * * * * *", 0, "this has 7"),
    ("60 * * * *", 0, "a minute is 0 to 59"),
    ("0 24 * * *", 2, "a hour is 0 to 23"),
    ("0 0 32 * *", 4, "a day of month is 1 to 31"),
    ("0 0 0 * *", 4, "a day of month is 1 to 31"),
    ("0 0 * 13 *", 6, "a month is 1 to 12"),
    ("0 0 * FOO *", 6, "JAN to DEC"),
    ("0 0 * * 8", 8, "a day of week is 0 to 7"),
    ("0 0 * * L", 8, "FRIL"),
    ("0 0 * * FRI#6", 12, "1 to 5"),
    ("0 0 L-31 * *", 6, "1 to 30 days"),
    ("0 22-2 * * *", 2, "write 22-23,0-2"),
    ("0 */0 * * *", 4, "a step of at least 1"),
    ("0 1,, * * *", 4, "a hour (0 to 23)"),
    ("0 0 31 2 *", 0, "no instant at any time"),
    ("0 0 * * *; 0 0 30 FEB ?", 10, "no instant at any time"),
    ("@every 1h30m", 0, "R//PT1H30M"),
    ("TZ=Europe/Berlin 0 0 * * *", 0, "the schedule's zone"),
];

#[test]
fn refused() {
    for (text, offset, said) in REFUSED {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!(error.offset(), offset, "{text}: {error}");
        assert!(error.message().contains(said), "{text}: {error}");
        assert_eq!(
            error.to_string(),
            format!("at byte {offset}: {}", error.message())
        );
    }
    let many = ["0 0 * * *"; 9].join(";");
    let error = Expression::parse(&many).unwrap_err();
    assert!(error.message().contains("at most 8"), "{error}");
}

/// Item, a part of what is said.
const NO_EXCLUSIONS: [(&str, &str); 9] = [
    ("", "a date such as 2026-12-25"),
    ("christmas", "a date such as 2026-12-25"),
    ("2026-02-30", "no such date"),
    ("2026-12-25/2026-12-24", "the earlier date comes first"),
    ("2026-12-25/x", "a date such as"),
    ("2026-12-25,2026-12-26", "'/' and the last date"),
    ("--02-30", "no year has such a day"),
    ("* * FOO", "SUN to SAT"),
    ("* *", "3 fields"),
];

#[test]
fn no_exclusions() {
    for (item, said) in NO_EXCLUSIONS {
        let error = Exclusions::parse(&["2026-01-01", item]).unwrap_err();
        assert_eq!(error.index(), 1, "{item}");
        assert!(error.to_string().contains(said), "{item}: {error}");
    }
    assert!(Exclusions::parse(&vec!["2026-01-01"; 3001]).is_err());
    assert!(Exclusions::parse(&["--02-29", "--12-24/--01-02", "L * *"]).is_ok());
}

#[test]
fn zones_and_rules_have_names() {
    assert_eq!(Zone::named("utc").unwrap(), Zone::utc());
    assert_eq!(
        Zone::named("america/new_york").unwrap().name(),
        "America/New_York"
    );
    for (wrong, said) in [
        ("America/NewYork", "did you mean America/New_York"),
        ("Mars/Olympus_Mons_Base", "the IANA database"),
        ("", "the IANA database"),
        (&"x".repeat(1000), "the IANA database"),
    ] {
        let error = Zone::named(wrong).unwrap_err().to_string();
        assert!(error.contains(said) && error.len() < 300, "{error}");
    }
    assert!(Zone::names().len() > 400);
    for rule in [GapRule::Skip, GapRule::FirstValid] {
        assert_eq!(rule.as_str().parse(), Ok(rule));
    }
    for rule in [RepeatRule::First, RepeatRule::Second, RepeatRule::Both] {
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
    assert!(
        "never"
            .parse::<GapRule>()
            .unwrap_err()
            .to_string()
            .contains("skip, first_valid")
    );
}
