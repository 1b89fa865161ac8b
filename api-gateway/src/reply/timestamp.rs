//! Instants in answers.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::openapi::types;

/// An instant as `2015-12-28T14:31:07.639255+00:00`, always with six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        types::timestamp("An instant, always with six digits").into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_have_six_digits_and_an_offset() {
        for (given, shown) in [
            ("2015-12-28T14:51:53.1Z", "2015-12-28T14:51:53.100000+00:00"),
            ("2015-12-28T14:51:53Z", "2015-12-28T14:51:53.000000+00:00"),
            (
                "2015-12-28T14:51:53.6392559Z",
                "2015-12-28T14:51:53.639255+00:00",
            ),
        ] {
            assert_eq!(json!(Timestamp(given.parse().unwrap())), shown);
        }
    }
}
