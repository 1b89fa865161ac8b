//! API tokens: 160 random bits, shown once as 40 hex digits, kept as a hash.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

const BYTES: usize = 20;

/// A token in the clear. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; BYTES]);

impl Token {
    /// A new one.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Reads 40 hex digits of either case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * BYTES {
            return None;
        }
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = 16 * hex(pair[0])? + hex(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// 40 hex digits.
    pub fn reveal(&self) -> String {
        self.0
            .iter()
            .fold(String::with_capacity(2 * BYTES), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// What is kept of it.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_forty_hex_digits_is_no_token() {
        let good = "0123456789abcdef0123456789ABCDEF01234567";
        assert!(Token::parse(good).is_some());
        for bad in [
            "",
            &good[1..],
            "0123456789abcdef0123456789abcdef0123456g",
            "ü",
        ] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
        assert_eq!(Token::parse(&"é".repeat(20)), None);
    }

    #[test]
    fn it_is_not_shown_by_accident() {
        let token = Token::random();
        assert!(!format!("{token:?}").contains(&token.reveal()));
        assert_ne!(token, Token::random());
    }

    proptest! {
        #[test]
        fn reads_back_in_either_case(bytes: [u8; BYTES]) {
            let token = Token(bytes);
            let text = token.reveal();
            prop_assert_eq!(Token::parse(&text.to_uppercase()), Some(token.clone()));
            prop_assert_eq!(Token::parse(&text), Some(token));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = Token::parse(&text);
        }
    }
}
