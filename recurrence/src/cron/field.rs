//! Reads one field of a cron expression.

use crate::cursor::Cursor;
use crate::error::ParseError;

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

pub(super) const fn numbers(name: &'static str, last: u32) -> Kind {
    Kind {
        name,
        first: 0,
        last,
        words: &[],
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
pub(super) fn set((at, text): Field<'_>, kind: &Kind) -> Result<u64, ParseError> {
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
