//! Hides the values of an exec's secret variables in what its program prints.
//!
//! A byte is hidden if it belongs to any form of any value, also where two of
//! them overlap; each stretch of such bytes becomes [`MARK`]. So whether a byte
//! is hidden depends on [`Masks::reach`] bytes before and after it and on
//! nothing else, and a line that is read twice is masked twice in the same way.

mod forms;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

/// What stands in a log for a value.
const MARK: &[u8] = b"***";

/// Forms are looked for by so many of their first bytes, so that the automaton
/// stays small however long they are, and compared where those are found.
const KEY_BYTES: usize = 16;

/// The values of one exec, in all their forms. `Debug` shows none.
#[derive(Default)]
pub struct Masks {
    automaton: Option<AhoCorasick>,
    /// For each key of the automaton the forms that begin with it, longest first.
    forms: Vec<Vec<Vec<u8>>>,
    reach: usize,
}

impl Masks {
    /// Of these values; those too short to be secret are not hidden.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, BuildError> {
        let mut by_key: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        let mut longest = 1;
        for form in forms::of_all(values) {
            longest = longest.max(form.len());
            let key = form[..form.len().min(KEY_BYTES)].to_vec();
            by_key.entry(key).or_default().push(form);
        }
        if by_key.is_empty() {
            return Ok(Self::default());
        }
        for forms in by_key.values_mut() {
            forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
        Ok(Self {
            automaton: Some(AhoCorasick::new(by_key.keys())?),
            forms: by_key.into_values().collect(),
            reach: longest - 1,
        })
    }

    /// How many bytes before and after one decide whether it is hidden.
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// The bytes of `text` in `shown`, without the values. What `text` has before
    /// and after `shown` is looked at only.
    pub fn apply(&self, text: &[u8], shown: Range<usize>) -> Vec<u8> {
        let mut masked = Vec::with_capacity(shown.len());
        let mut next = shown.start;
        for hidden in self.hidden(text) {
            let (start, end) = (hidden.start.max(next), hidden.end.min(shown.end));
            if start < end {
                metrics::counter!("escapement_log_masked_total").increment(1);
                masked.extend_from_slice(&text[next..start]);
                masked.extend_from_slice(MARK);
                next = end;
            }
        }
        masked.extend_from_slice(&text[next..shown.end]);
        masked
    }

    /// The stretches to hide, in order and apart from each other.
    fn hidden(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(automaton) = &self.automaton else {
            return Vec::new();
        };
        let mut hidden: Vec<Range<usize>> = Vec::new();
        for key in automaton.find_overlapping_iter(text) {
            let mut forms = self.forms[key.pattern().as_usize()].iter();
            let Some(form) = forms.find(|form| text[key.start()..].starts_with(form)) else {
                continue;
            };
            let mut found = key.start()..key.start() + form.len();
            // Keys come in the order of their ends, so one that begins earlier may follow.
            while let Some(last) = hidden.pop_if(|last| last.end >= found.start) {
                found = found.start.min(last.start)..found.end.max(last.end);
            }
            hidden.push(found);
        }
        hidden
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masks").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
