//! Reads the fields of a cron expression.

use super::day::DayFields;
use crate::cursor::Cursor;
use crate::error::ParseError;

/// The sets that an expression is the product of.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: DayFields,
}

/// What the short forms stand for.
const SHORT_FORMS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A kind of field.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) first: u32,
    pub(super) last: u32,
    /// Words for numbers from `first` on.
    pub(super) words: &'static [&'static str],
}

impl Kind {
    /// Days of the week are 0 to 7, and both ends are Sunday.
    fn has_two_sundays(&self) -> bool {
        self.last == 7
    }
}

const fn numbers(name: &'static str, last: u32) -> Kind {
    Kind {
        name,
        first: 0,
        last,
        words: &[],
    }
}

const SECOND: Kind = numbers("second", 59);
const MINUTE: Kind = numbers("minute", 59);
const HOUR: Kind = numbers("hour", 23);

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let start = text.len() - text.trim_start().len();
        let trimmed = text.trim();
        if trimmed.starts_with('@') {
            return Self::short_form(trimmed).map_err(|error| error.within(start));
        }
        let fields = split(text);
        if let Some((at, first)) = fields.first()
            && (first.contains("TZ="))
        {
            let message = "a zone is not part of the expression; give it as the schedule's zone";
            return Err(ParseError::new(*at, message));
        }
        let (second, fields) = match fields.len() {
            5 => (None, &fields[..]),
            6 => (Some(fields[0]), &fields[1..]),
            count => {
                let message = format!(
                    "a cron expression has 5 fields (minute, hour, day of month, month, day of \
                     week), or 6 with seconds first; this has {count}"
                );
                return Err(ParseError::new(start, message));
            }
        };
        Ok(Self {
            seconds: second.map_or(Ok(1), |field| set(field, &SECOND))?,
            minutes: set(fields[0], &MINUTE)?,
            hours: set(fields[1], &HOUR)?,
            days: DayFields::parse([fields[2], fields[3], fields[4]])?,
        })
    }

    fn short_form(text: &str) -> Result<Self, ParseError> {
        let meant = SHORT_FORMS
            .iter()
            .find(|(short, _)| text.eq_ignore_ascii_case(short));
        if let Some((_, long)) = meant {
            return Self::parse(long);
        }
        let known: Vec<&str> = SHORT_FORMS.iter().map(|(short, _)| *short).collect();
        let every = if text.starts_with("@every") {
            "; every so often is R//PT1H30M"
        } else {
            ""
        };
        let message = format!("is not a short form; known are {}{every}", known.join(", "));
        Err(ParseError::new(0, message))
    }
}

/// A field's text and where it begins.
pub(super) type Field<'a> = (usize, &'a str);

/// The words of a text, each with its place.
pub(super) fn split(text: &str) -> Vec<Field<'_>> {
    let place = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_ascii_whitespace()
        .map(|word| (place(word), word))
        .collect()
}

/// The numbers of a field without special forms, as bits.
fn set((at, text): Field<'_>, kind: &Kind) -> Result<u64, ParseError> {
    let mut cursor = Cursor::new(text);
    let mut set = 0;
    loop {
        set |= range(&mut cursor, kind).map_err(|error| error.within(at))?;
        if !cursor.accept(b',') {
            break;
        }
    }
    end(&cursor, kind).map_err(|error| error.within(at))?;
    Ok(set)
}

/// Fails unless the field is over.
pub(super) fn end(cursor: &Cursor<'_>, kind: &Kind) -> Result<(), ParseError> {
    match cursor.peek() {
        None => Ok(()),
        Some(_) => Err(cursor.error(format!("expected {}", form(kind)))),
    }
}

/// `*`, `?`, a number or a range, each with or without a step.
pub(super) fn range(cursor: &mut Cursor<'_>, kind: &Kind) -> Result<u64, ParseError> {
    let at = cursor.at;
    let (first, mut last, is_one) = if cursor.accept(b'*') || cursor.accept(b'?') {
        (kind.first, kind.last, false)
    } else {
        let first = number(cursor, kind)?;
        if cursor.accept(b'-') {
            let last = number(cursor, kind)?;
            // Sunday ends a week as well as it begins one.
            let is_end = kind.has_two_sundays() && last == 0 && first > 0;
            (first, if is_end { 7 } else { last }, false)
        } else {
            (first, first, true)
        }
    };
    if first > last {
        let (min, max) = (kind.first, kind.last);
        let message = format!("this range runs backwards; write {first}-{max},{min}-{last}");
        return Err(ParseError::new(at, message));
    }
    let mut step = 1;
    if cursor.accept(b'/') {
        let at = cursor.at;
        step = cursor
            .number()?
            .and_then(|step| usize::try_from(step).ok())
            .unwrap_or(0);
        if step == 0 {
            let message = "expected a step of at least 1, e.g. */15";
            return Err(ParseError::new(at, message));
        }
        if is_one {
            // A week's steps end with it: its second Sunday is the next week's.
            last = kind.last - u32::from(kind.has_two_sundays());
        }
    }
    Ok((first..=last)
        .step_by(step)
        .fold(0, |set, number| set | 1 << number))
}

/// A number of the field, or its word.
pub(super) fn number(cursor: &mut Cursor<'_>, kind: &Kind) -> Result<u32, ParseError> {
    let at = cursor.at;
    if let Some(number) = cursor.number()? {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        return if (kind.first..=kind.last).contains(&number) {
            Ok(number)
        } else {
            let (name, first, last) = (kind.name, kind.first, kind.last);
            let message = format!("a {name} is {first} to {last}");
            Err(ParseError::new(at, message))
        };
    }
    let mut ahead = cursor.clone();
    let word = ahead.take_while(|byte| byte.is_ascii_alphabetic());
    let word = word.get(..3).unwrap_or(word);
    let meant = kind
        .words
        .iter()
        .position(|known| known.as_bytes().eq_ignore_ascii_case(word));
    let Some(place) = meant else {
        return Err(cursor.error(format!("expected {}", form(kind))));
    };
    cursor.at += 3;
    Ok(kind.first + u32::try_from(place).unwrap_or_default())
}

fn form(kind: &Kind) -> String {
    let Kind {
        name, first, last, ..
    } = kind;
    let words = match kind.words {
        [one, .., other] => format!(", {one} to {other}"),
        _ => String::new(),
    };
    format!(
        "a {name} ({first} to {last}{words}), a range such as {first}-{}, *, or a list of these \
         with ',', each with '/' and a step if need be",
        first + 4
    )
}
