//! Reads the parameters of a query and keeps every complaint, so that a client
//! learns all that is wrong at once. Parameters nobody asks for are ignored:
//! 2015 clients send some.

use crate::read::fields::FieldError;

/// Finds a parameter by its name.
type Lookup<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// A query being read.
pub struct Params<'a> {
    get: Box<Lookup<'a>>,
    errors: Vec<FieldError>,
}

impl<'a> Params<'a> {
    /// Starts reading.
    pub fn of(get: impl Fn(&str) -> Option<&'a str> + 'a) -> Self {
        Self {
            get: Box::new(get),
            errors: Vec::new(),
        }
    }

    /// A parameter, if it is there and `parse` takes it.
    pub fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let result = (self.get)(name).map(parse)?;
        result
            .map_err(|message| self.errors.push(FieldError::new(name, message)))
            .ok()
    }

    /// What was read, if all of it could be.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(self.errors)
        }
    }
}

/// A text to compare with.
pub fn text(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("must not contain the character U+0000".to_owned());
    }
    Ok(text.to_owned())
}

/// `true` or `false`, also as Python writes them.
pub fn boolean(text: &str) -> Result<bool, String> {
    text.to_ascii_lowercase()
        .parse()
        .map_err(|_| "must be true or false".to_owned())
}

/// Some of the known letters, separated by commas. All of them are none: a
/// filter that everything passes.
pub fn letters<T: Copy + PartialEq>(
    text: &str,
    known: &[T],
    letter: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let find = |word: &str| known.iter().find(|one| letter(**one) == word.trim());
    let mut found = Vec::new();
    for word in text.split(',') {
        let Some(one) = find(word) else {
            let known: Vec<_> = known.iter().map(|one| letter(*one)).collect();
            let known = known.join(", ");
            return Err(format!("must be one of {known}, or several with commas"));
        };
        if !found.contains(one) {
            found.push(*one);
        }
    }
    if found.len() == known.len() {
        found.clear();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared_types::ExecState;

    use super::*;

    fn states(text: &str) -> Result<Vec<ExecState>, String> {
        letters(text, &ExecState::ALL, ExecState::letter)
    }

    #[test]
    fn letters_are_a_set() {
        use ExecState::{Failed, Lost};
        assert_eq!(states("F").unwrap(), [Failed]);
        assert_eq!(states("F, L,F").unwrap(), [Failed, Lost]);
        assert_eq!(states("L,C,F,S,R,W").unwrap(), []);
        for bad in ["X", "f", "F,", ",", "FL", "F;L"] {
            let error = states(bad).unwrap_err();
            assert!(error.contains("W, R, S, F, C, L"), "{bad}: {error}");
        }
    }

    #[test]
    fn flags_and_texts() {
        assert_eq!(boolean("True"), Ok(true));
        assert_eq!(boolean("false"), Ok(false));
        assert!(boolean("1").is_err());
        assert!(text("a\0").is_err());
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(value in ".{0,40}") {
            let _ = (boolean(&value), text(&value), states(&value));
        }
    }
}
