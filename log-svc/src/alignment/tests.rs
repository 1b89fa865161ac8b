use proptest::prelude::*;

use super::*;

fn line(seconds: i64, text: &str) -> LogLine {
    LogLine {
        at: DateTime::from_timestamp(seconds, 5).unwrap(),
        continued: false,
        gap_before: false,
        bytes: text.into(),
    }
}

/// Lines from a word: `a1b2` is `a` at second 1, `b` at second 2.
fn lines(word: &str) -> Vec<LogLine> {
    let chars: Vec<char> = word.chars().collect();
    chars
        .chunks(2)
        .map(|pair| {
            line(
                i64::from(pair[1].to_digit(10).unwrap()),
                &pair[0].to_string(),
            )
        })
        .collect()
}

fn align(stored: &[LogLine], read: &[LogLine]) -> (Vec<LogLine>, bool, bool) {
    align_in(Alignment::default(), stored, read)
}

fn align_in(
    mut alignment: Alignment,
    stored: &[LogLine],
    read: &[LogLine],
) -> (Vec<LogLine>, bool, bool) {
    for line in stored {
        alignment.expect(line);
    }
    let (mut new, mut gap) = (Vec::new(), false);
    for line in read {
        match alignment.place(line) {
            Standing::Known => {}
            Standing::New => new.push(line.clone()),
            Standing::NewAfterGap => {
                assert!(new.is_empty());
                gap = true;
                new.push(line.clone());
            }
        }
    }
    (new, gap, alignment.is_passed())
}

#[test]
fn what_follows_the_stored_lines() {
    let cases = [
        // stored, read, new, gap, passed
        ("", "", "", false, true),
        ("", "a1", "a1", false, true),
        ("a1b2", "a1b2", "", false, true),
        ("a1b2", "a1b2c3", "c3", false, true),
        // The connection was cut before the stored lines were through.
        ("a1b2", "a1", "", false, false),
        ("a1b2", "", "", false, false),
        // Repeated lines, and repeated instants, are counted.
        ("a1a1", "a1a1a1", "a1", false, true),
        ("a1b1a1", "a1b1a1b1a1", "b1a1", false, true),
        ("a1a2", "a1a2a1", "a1", false, true),
        // Instants out of order.
        ("b2a1", "b2a1c1", "c1", false, true),
        // Rotated: the file begins later.
        ("a1b2c3", "b2c3d4", "d4", false, true),
        ("a1a1b1a1", "b1a1c1", "c1", false, true),
        ("a1b2c3", "c3", "", false, true),
        // Rotated beyond what is stored.
        ("a1b2", "d4e5", "d4e5", true, true),
        // Rotated while it was read.
        ("a1b2c3", "a1d4", "d4", true, true),
    ];
    for (stored, read, new, gap, passed) in cases {
        let found = align(&lines(stored), &lines(read));
        assert_eq!(found, (lines(new), gap, passed), "{stored} then {read}");
    }
}

#[test]
fn a_read_that_begins_before_what_is_known() {
    let cases = [
        // known, read, new, gap, passed
        ("c3d4", "a1b2c3d4", "", false, true),
        ("c3d4", "a1b2c3d4e5", "e5", false, true),
        ("c3d4", "a1b2", "", false, false),
        // The file begins later, among the known lines, or after all of them.
        ("c3d4e5", "d4e5f6", "f6", false, true),
        ("c3d4", "e5f6", "e5f6", true, true),
        ("c3d4", "a1e5f6", "e5f6", true, true),
        // Rotated while it was read.
        ("c3d4e5", "a1c3f6", "f6", true, true),
        // Repeated lines are found where they stand first.
        ("a1a1b2", "c1a1a1b2c3", "c3", false, true),
    ];
    for (known, read, new, gap, passed) in cases {
        let mut alignment = Alignment::default();
        alignment.begin_late();
        let found = align_in(alignment, &lines(known), &lines(read));
        assert_eq!(found, (lines(new), gap, passed), "{known} then {read}");
    }
}

#[test]
fn no_more_stored_lines_are_held_than_fit() {
    let count = i64::try_from(STORED_MAX).unwrap() + 50;
    let file: Vec<_> = (0..count + 10).map(|n| line(n, "x")).collect();
    let stored = &file[..file.len() - 10];
    let mut alignment = Alignment::default();
    for line in stored {
        alignment.expect(line);
    }
    assert_eq!(alignment.stored.len(), STORED_MAX);
    let (new, gap, passed) = align_in(alignment, &[], &file);
    assert_eq!(
        (new, gap, passed),
        (file[stored.len()..].to_vec(), false, true)
    );
}

#[test]
fn what_was_rotated_away_before_the_first_read_is_a_gap() {
    // Silent until second 100: read at, first line at, gap.
    for (now, first, gap) in [
        // Followed from the start, however late it prints.
        (101, 101, false),
        (110, 500, false),
        // Read late; the file begins where the program may have begun.
        (500, 100, false),
        (500, 109, false),
        (500, 111, true),
        (500, 499, true),
    ] {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut alignment = Alignment::of_first_read(at(100), at(now));
        let expected = if gap {
            Standing::NewAfterGap
        } else {
            Standing::New
        };
        assert_eq!(
            alignment.place(&line(first, "a")),
            expected,
            "{now} {first}"
        );
        assert_eq!(alignment.place(&line(first, "b")), Standing::New);
        assert!(alignment.is_passed());
    }
}

#[test]
fn a_part_is_not_the_whole() {
    let part = LogLine {
        continued: true,
        ..line(1, "x")
    };
    assert_ne!(Print::of(&part), Print::of(&line(1, "x")));
}

#[test]
fn the_resume_point_is_a_whole_second_and_never_later() {
    let last = DateTime::from_timestamp(100, 999_999_999).unwrap();
    assert_eq!(resume_point(last), DateTime::from_timestamp(90, 0).unwrap());
    let exact = DateTime::from_timestamp(100, 0).unwrap();
    assert_eq!(
        resume_point(exact),
        DateTime::from_timestamp(90, 0).unwrap()
    );
}

prop_compose! {
    /// A file: coarse clocks and few words, so that lines repeat; instants
    /// a little out of order, as two outputs are.
    fn file()(lines in prop::collection::vec((0_i64..3, -4_i64..1, 0_u8..3), 0..60)) -> Vec<LogLine> {
        let mut clock = 1_000;
        lines.into_iter().map(|(step, back, word)| {
            clock += step;
            line(clock + back, &word.to_string())
        }).collect()
    }
}

fn since(lines: &[LogLine], since: DateTime<Utc>) -> Vec<LogLine> {
    lines
        .iter()
        .filter(|line| line.at >= since)
        .cloned()
        .collect()
}

proptest! {
    #[test]
    fn resumed_anywhere_and_often_each_line_is_stored_once(
        file in file(),
        cuts in prop::collection::vec(0_usize..60, 0..12),
    ) {
        let mut stored: Vec<LogLine> = Vec::new();
        let ends = cuts.into_iter().map(|cut| cut.min(file.len())).chain([file.len()]);
        for end in ends {
            // The file never shrinks, so a read sees at least what is stored;
            // a cut one may see less, which must change nothing.
            let from = stored.last().map(|line| resume_point(line.at));
            let visible = from.map_or(file[..end].to_vec(), |from| since(&file[..end], from));
            let expected = from.map_or(Vec::new(), |from| since(&stored, from));
            let (new, gap, _) = align(&expected, &visible);
            prop_assert!(!gap);
            stored.extend(new);
        }
        prop_assert_eq!(stored, file);
    }

    #[test]
    fn after_a_rotation_nothing_is_stored_twice_and_the_hole_is_marked(
        count in 1_usize..60, stored in 0_usize..60, begin in 0_usize..60,
    ) {
        // Distinct lines: instants are to the nanosecond on a real node.
        let file: Vec<LogLine> =
            (0_u8..).take(count).map(|n| line(1_000 + i64::from(n) / 7, &n.to_string())).collect();
        let (stored, begin) = (stored.min(count), begin.min(count));
        let (new, gap, _) = align(&file[..stored], &file[begin..]);
        prop_assert_eq!(new, &file[begin.max(stored)..]);
        // Without an overlap nobody can tell how much was between.
        prop_assert_eq!(gap, begin >= stored && begin < count && stored > 0);
    }
}
