//! A place in a text that is being read.

use crate::error::ParseError;

/// Bytes with a position; everything that is read is ASCII.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
        }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(crate) fn is_digit(&self) -> bool {
        self.peek().is_some_and(|byte| byte.is_ascii_digit())
    }

    pub(crate) fn accept(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, wanted: u8, what: &str) -> Result<(), ParseError> {
        if self.accept(wanted) {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// Reads on while bytes are of a kind.
    pub(crate) fn take_while(&mut self, is_wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|byte| is_wanted(**byte)).count();
        self.at += length;
        &rest[..length]
    }

    /// A number; `None` if no digit is here. The error is about one that is too
    /// large to count with.
    pub(crate) fn number(&mut self) -> Result<Option<u64>, ParseError> {
        let at = self.at;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        let too_large = || ParseError::new(at, "the number is too large");
        number.map(Some).ok_or_else(too_large)
    }

    /// A number of exactly `width` digits, at most four.
    pub(crate) fn fixed(&mut self, width: usize, what: &str) -> Result<u32, ParseError> {
        let digits = self.text[self.at..].get(..width).unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.expected(what));
        }
        self.at += width;
        Ok(digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// A decimal point or comma and digits, in billionths.
    pub(crate) fn fraction(&mut self) -> Result<Option<u32>, ParseError> {
        let at = self.at;
        if !self.accept(b'.') && !self.accept(b',') {
            return Ok(None);
        }
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.expected("digits after the decimal point"));
        }
        if digits.len() > 9 {
            let message = "a fraction has at most nine digits (nanoseconds)";
            return Err(ParseError::new(at, message));
        }
        let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
        Ok(Some(padded.fold(0, |number, digit| {
            number * 10 + u32::from(digit - b'0')
        })))
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::new(self.at, message)
    }

    pub(crate) fn expected(&self, what: &str) -> ParseError {
        self.error(format!("expected {what}"))
    }
}
