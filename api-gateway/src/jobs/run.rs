//! How long a run may take and what follows when it fails, as clients say it.

use serde::Serialize;
use shared_types::RunRules;
use utoipa::ToSchema;

use crate::openapi::types::{or_null, schemas};
use crate::read::fields::Fields;
use crate::read::rule::{Rule, number};

/// Reads the fields of a run's rules.
pub fn read(fields: &mut Fields<'_>) -> Option<RunRules> {
    let timeout = fields.optional("timeout", timeout());
    let grace_period = fields.optional("grace_period", grace_period());
    let retries = fields.optional("retries", retries());
    Some(RunRules {
        timeout: timeout?,
        grace_period: grace_period?,
        retries: retries?,
    })
}

/// The same, as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunRulesView {
    #[schema(required, schema_with = timeout_schema)]
    timeout: Option<u32>,
    #[schema(required, schema_with = grace_period_schema)]
    grace_period: Option<u32>,
    #[schema(required, schema_with = retries_schema)]
    retries: Option<u32>,
}

schemas! {
    timeout_schema = or_null(timeout().schema());
    grace_period_schema = or_null(grace_period().schema());
    retries_schema = or_null(retries().schema());
}

impl From<&RunRules> for RunRulesView {
    fn from(rules: &RunRules) -> Self {
        Self {
            timeout: rules.timeout,
            grace_period: rules.grace_period,
            retries: rules.retries,
        }
    }
}

/// Seconds that a program may run, up to a week.
fn timeout() -> Rule<'static, u32> {
    let description = "Seconds that a program may run before it is stopped; `null` is the \
                       deployment's limit";
    number(1..=604_800, description)
}

/// Seconds from SIGTERM to SIGKILL.
fn grace_period() -> Rule<'static, u32> {
    let description = "Seconds that a program which is stopped has from SIGTERM to SIGKILL; \
                       `null` is the deployment's";
    number(1..=600, description)
}

/// How often a run that failed is repeated.
fn retries() -> Rule<'static, u32> {
    let description = "How often a failed run is repeated; `null` is never. Kept and handed on; has no effect yet";
    number(0..=10, description)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_whole_and_bounded() {
        for good in [1, 604_800] {
            assert_eq!(timeout().read(&json!(good)).unwrap(), good);
        }
        assert_eq!(timeout().read(&json!(5.0)).unwrap(), 5);
        for bad in [
            json!(0),
            json!(604_801),
            json!(-1),
            json!(1.5),
            json!("1"),
            json!(u64::MAX),
        ] {
            let error = timeout().read(&bad).unwrap_err();
            assert_eq!(error, "must be a whole number from 1 to 604800", "{bad}");
        }
        assert!(grace_period().read(&json!(0)).is_err());
        assert!(grace_period().read(&json!(601)).is_err());
        assert_eq!(retries().read(&json!(0)).unwrap(), 0);
        assert!(retries().read(&json!(11)).is_err());
    }
}
