//! How long a request asks to wait for an exec, with `wait=`.

use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;

use super::route::route;
use crate::openapi::types;
use crate::read::fields::FieldError;
use crate::read::params::{Params, parameters};
use crate::read::query::Query;
use crate::read::rule::Rule;

/// The route of an exec, a GET of which may wait for its end.
const EXEC: &str = "/v1/jobs/{job}/execs/{exec}";
/// Seconds that a request may wait: longer than this, proxies cut it off.
const WAIT_MIN: u64 = 1;
const WAIT_MAX: u64 = 60;

/// How long a request asks to wait, with `wait=`.
pub fn wait_time(query: &Query) -> Result<Option<Duration>, Vec<FieldError>> {
    Params::read(query, read)
}

fn read(params: &mut Params<'_>) -> Option<Duration> {
    let description = "Answer when it has ended, or after so many seconds";
    let schema = || {
        let seconds = "^([1-9]|[1-5][0-9]|60)s?$";
        types::or_empty(types::pattern(seconds, 3, description, "30s"))
    };
    params.optional("wait", Rule::text(schema, seconds))
}

/// The parameters that [`wait_time`] reads.
#[derive(Debug)]
pub struct WaitQuery;

parameters!(WaitQuery, read);

/// Whole seconds, with or without their unit.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse();
    match seconds {
        Ok(seconds @ WAIT_MIN..=WAIT_MAX) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "must be {WAIT_MIN}s to {WAIT_MAX}s, in whole seconds"
        )),
    }
}

/// What a request that may wait for something gets for it, beyond the time of
/// every request.
pub(super) fn asked_wait(request: &ServiceRequest) -> Duration {
    let query = Query::of(request.query_string());
    let Ok(Some(time)) = wait_time(&query) else {
        return Duration::ZERO;
    };
    let may_wait = request.method() == Method::GET && route(request).as_deref() == Some(EXEC);
    if may_wait { time } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_1_to_60_whole_seconds() {
        for (text, seconds) in [("1", 1), ("1s", 1), ("30s", 30), ("60", 60)] {
            assert_eq!(super::seconds(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in ["0", "61", "s", "-1", "1.5", "30 s", "1m", "30ss", "\u{661}"] {
            assert!(super::seconds(bad).is_err(), "{bad}");
        }
    }
}
