//! A request's query as names and values. `name=` is the same as leaving the
//! name out, as 2015 clients send it; the last of two equal names counts.

use std::collections::HashMap;

use url::form_urlencoded;

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub struct Query(HashMap<String, String>);

impl Query {
    /// Reads it; what is not valid encoding becomes text as far as it can.
    pub fn of(text: &str) -> Self {
        form_urlencoded::parse(text.as_bytes()).collect()
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Query {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }
}
