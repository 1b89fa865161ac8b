//! How long a run may take and what follows when it fails, as clients say it.

use serde::Serialize;
use serde_json::{Value, json};
use shared_types::{Guarantee, Reason, RetryOn, RunRules};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, OneOfBuilder};

use crate::openapi::types::{self, or_null, schemas};
use crate::read::fields::Fields;
use crate::read::rule::{Rule, number, one_of};

/// Items of `retry_on` at most.
const RETRY_ON_MAX: usize = 32;

/// Reads the fields of a run's rules.
pub fn read(fields: &mut Fields<'_>) -> Option<RunRules> {
    let timeout = fields.optional("timeout", timeout());
    let grace_period = fields.optional("grace_period", grace_period());
    let retries = fields.optional("retries", retries());
    let retry_on = fields.optional("retry_on", retry_on());
    let retry_backoff = fields.optional("retry_backoff", retry_backoff());
    let guarantee = fields.optional("guarantee", guarantee());
    Some(RunRules {
        timeout: timeout?,
        grace_period: grace_period?,
        retries: retries?,
        retry_on: retry_on?,
        retry_backoff: retry_backoff?,
        guarantee: guarantee?,
    })
}

/// The same, as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunRulesView<'a> {
    #[schema(required, schema_with = timeout_schema)]
    timeout: Option<u32>,
    #[schema(required, schema_with = grace_period_schema)]
    grace_period: Option<u32>,
    #[schema(required, schema_with = retries_schema)]
    retries: Option<u32>,
    #[schema(required, schema_with = retry_on_schema)]
    retry_on: Option<&'a [RetryOn]>,
    #[schema(required, schema_with = retry_backoff_schema)]
    retry_backoff: Option<u32>,
    #[schema(required, schema_with = guarantee_schema)]
    guarantee: Option<Guarantee>,
}

schemas! {
    timeout_schema = or_null(timeout().schema());
    grace_period_schema = or_null(grace_period().schema());
    retries_schema = or_null(retries().schema());
    retry_on_schema = or_null(retry_on().schema());
    retry_backoff_schema = or_null(retry_backoff().schema());
    guarantee_schema = or_null(guarantee().schema());
}

impl<'a> From<&'a RunRules> for RunRulesView<'a> {
    fn from(rules: &'a RunRules) -> Self {
        Self {
            timeout: rules.timeout,
            grace_period: rules.grace_period,
            retries: rules.retries,
            retry_on: rules.retry_on.as_deref(),
            retry_backoff: rules.retry_backoff,
            guarantee: rules.guarantee,
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
    number(
        0..=10,
        "How often a run that failed is repeated; `null` is never",
    )
}

/// Exit codes and reasons.
fn retry_on() -> Rule<'static, Vec<RetryOn>> {
    Rule::new(retry_on_array, parse_retry_on)
}

fn parse_retry_on(value: &Value) -> Result<Vec<RetryOn>, String> {
    let wrong = || {
        let reasons = RetryOn::REASONS.map(Reason::as_str).join(", ");
        format!("must be an array of exit codes from 1 to 255 and of {reasons}")
    };
    let causes = value.as_array().ok_or_else(wrong)?;
    if causes.len() > RETRY_ON_MAX {
        return Err(format!("has more than {RETRY_ON_MAX} items"));
    }
    let causes = causes.iter().map(|cause| match cause {
        Value::String(word) => {
            let reason = Reason::parse(word).filter(|reason| RetryOn::REASONS.contains(reason));
            reason.map(RetryOn::Reason)
        }
        number => {
            let code = exit_code().read(number).ok()?;
            i32::try_from(code).ok().map(RetryOn::ExitCode)
        }
    });
    causes.collect::<Option<_>>().ok_or_else(wrong)
}

fn exit_code() -> Rule<'static, u32> {
    number(1..=255, "An exit code")
}

fn retry_on_array() -> Array {
    let reasons = RetryOn::REASONS.map(Reason::as_str);
    let cause = OneOfBuilder::new()
        .item(exit_code().schema())
        .item(types::word(reasons, "Every failure of this reason"));
    ArrayBuilder::new()
        .items(cause)
        .max_items(Some(RETRY_ON_MAX))
        .description(Some(
            "Which failures of the program are repeated; `null` is `exit_code` and `oom`",
        ))
        .examples([json!([1, "oom"])])
        .build()
}

/// Seconds before the first repetition.
fn retry_backoff() -> Rule<'static, u32> {
    number(
        0..=3600,
        "Seconds before a run is repeated, doubled each time; `null` is the deployment's",
    )
}

fn guarantee() -> Rule<'static, Guarantee> {
    one_of(
        &Guarantee::ALL,
        Guarantee::as_str,
        "What holds where the platform fails: whether a program that may have started is started \
         again; `null` is `at_least_once` with `retries` and `at_most_once` without",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read::fields::FieldError;

    fn read_rules(body: &Value) -> Result<RunRules, Vec<FieldError>> {
        Fields::read(body.as_object().unwrap(), read)
    }

    #[test]
    fn rules_are_shown_as_they_were_given() {
        let given = json!({
            "timeout": 60, "grace_period": 5, "retries": 2, "retry_on": [1, 255, "oom", "timeout"],
            "retry_backoff": 0, "guarantee": "at_least_once",
        });
        let rules = read_rules(&given).unwrap();
        assert_eq!(json!(RunRulesView::from(&rules)), given);
        let none = read_rules(&json!({ "retry_on": null })).unwrap();
        assert_eq!(none, RunRules::default());
    }

    #[test]
    fn what_cannot_be_repeated_is_named() {
        for bad in [
            json!(1),
            json!([0]),
            json!([256]),
            json!(["image_pull"]),
            json!(["1"]),
            json!([null]),
        ] {
            let errors = read_rules(&json!({ "retry_on": bad })).unwrap_err();
            let expected =
                "must be an array of exit codes from 1 to 255 and of exit_code, oom, timeout";
            assert_eq!(errors[0].message, expected, "{bad}");
        }
        let many = json!({ "retry_on": vec![1; 33] });
        assert_eq!(
            read_rules(&many).unwrap_err()[0].message,
            "has more than 32 items"
        );
    }

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
