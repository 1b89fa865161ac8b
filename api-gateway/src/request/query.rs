//! A request's query as names and values. `name=` is the same as leaving the
//! name out, as 2015 clients send it; the last of two equal names counts.

use std::collections::HashMap;

use actix_web::HttpRequest;
use url::form_urlencoded;

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub struct Query(HashMap<String, String>);

impl Query {
    /// Reads it; what is not valid encoding becomes text as far as it can.
    pub fn of(request: &HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        Self(
            pairs
                .into_owned()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
