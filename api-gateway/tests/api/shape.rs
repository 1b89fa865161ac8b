//! The shapes of the 2015 page as tables of field and type, read off its
//! samples, with our additions.

use serde_json::Value;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Number,
    Text,
    Flag,
    Uuid,
    /// `2015-12-28T14:31:07.639255+00:00`
    Time,
    /// An object of strings.
    Vars,
    /// An object of nulls.
    Secrets,
    /// An object of whatever.
    Object,
    /// An array of strings.
    List,
    /// `{hours, minutes, seconds}`
    Span,
    Job,
}

/// A field; true if it may be null.
pub(crate) type Field = (&'static str, Kind, bool);

pub(crate) const JOB: &[Field] = &[
    ("id", Kind::Number, false),
    ("created_by", Kind::Text, false),
    ("command", Kind::Text, false),
    ("docker_image_repo", Kind::Text, false),
    ("docker_image_tag", Kind::Text, false),
    ("name", Kind::Text, false),
    ("region_name", Kind::Text, false),
    ("namespace", Kind::Text, false),
    ("created_at", Kind::Time, false),
    ("updated_at", Kind::Time, false),
    ("resource_size", Kind::Text, false),
    ("schedule_mode", Kind::Text, true),
    ("is_schedule_active", Kind::Flag, false),
    ("runtime_vars", Kind::Vars, false),
    // On the page only where a job is embedded in an exec.
    ("email_enabled", Kind::Flag, false),
    // Additions.
    ("secret_vars", Kind::Secrets, false),
    ("entrypoint", Kind::List, true),
    ("log_proof", Kind::Flag, false),
    ("timeout", Kind::Number, true),
    ("grace_period", Kind::Number, true),
    ("retries", Kind::Number, true),
    ("retry_on", Kind::List, true),
    ("retry_backoff", Kind::Number, true),
    ("guarantee", Kind::Text, true),
    ("max_running", Kind::Number, true),
    ("schedule_timezone", Kind::Text, false),
    ("schedule_exclusions", Kind::List, false),
    ("schedule_calendars", Kind::List, false),
    ("schedule_gap", Kind::Text, true),
    ("schedule_repeat", Kind::Text, true),
    ("overlap_policy", Kind::Text, false),
    ("overlap_limit", Kind::Number, true),
    ("overlap_counts_manual", Kind::Flag, false),
    ("catch_up", Kind::Text, false),
    ("catch_up_limit", Kind::Number, true),
    ("catch_up_window", Kind::Number, true),
    ("jitter", Kind::Number, false),
    ("start_deadline", Kind::Number, true),
    ("effective_schedule", Kind::Object, true),
    ("next_runs", Kind::List, false),
];

macro_rules! exec_fields {
    ($job:expr $(, $more:expr)*) => {
        &[
            ("id", Kind::Uuid, false),
            ("job", $job, false),
            ("docker_image_repo", Kind::Text, false),
            ("status", Kind::Text, false),
            ("created_at", Kind::Time, false),
            ("started_at", Kind::Time, true),
            ("ended_at", Kind::Time, true),
            ("runtime_vars", Kind::Vars, false),
            ("resource_size", Kind::Text, false),
            ("created_by", Kind::Text, false),
            ("docker_image_tag", Kind::Text, false),
            ("command", Kind::Text, false),
            ("trigger_mode", Kind::Text, false),
            ("duration", Kind::Span, true),
            ("region_name", Kind::Text, false),
            // Additions.
            ("reason", Kind::Text, true),
            ("message", Kind::Text, true),
            ("exit_code", Kind::Number, true),
            ("attempt", Kind::Number, false),
            ("slot_at", Kind::Time, true),
            ("secret_vars", Kind::Secrets, false),
            ("entrypoint", Kind::List, true),
            ("log_proof", Kind::Flag, false),
            ("timeout", Kind::Number, true),
            ("grace_period", Kind::Number, true),
            ("retries", Kind::Number, true),
            ("retry_on", Kind::List, true),
            ("retry_backoff", Kind::Number, true),
            ("guarantee", Kind::Text, true),
            ("overrides", Kind::Object, true),
            ("rerun_of", Kind::Uuid, true),
            ("reason_owner", Kind::Text, true),
            ("next_step", Kind::Text, true),
            ("cancel_requested_at", Kind::Time, true),
            $($more,)*
        ]
    };
}

pub(crate) const EXEC: &[Field] = exec_fields!(Kind::Number);
pub(crate) const EXEC_DETAIL: &[Field] = exec_fields!(Kind::Job, ("waiting", Kind::Object, true));
pub(crate) const LINE: &[Field] = &[
    ("message", Kind::Text, false),
    ("time", Kind::Number, false),
    ("attempt", Kind::Number, false),
    ("platform", Kind::Flag, false),
    ("continued", Kind::Flag, false),
    ("stream", Kind::Text, true),
];

pub(crate) const FOUND_LINE: &[Field] = &[
    ("message", Kind::Text, false),
    ("time", Kind::Number, false),
    ("attempt", Kind::Number, false),
    ("platform", Kind::Flag, false),
    ("continued", Kind::Flag, false),
    ("job_id", Kind::Number, false),
    ("exec_id", Kind::Uuid, false),
    ("stream", Kind::Text, true),
];

/// Checks that exactly these fields are there, each of its type.
pub(crate) fn assert_shape(value: &Value, shape: &[Field]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"));
    for (name, kind, nullable) in shape {
        let field = object
            .get(*name)
            .unwrap_or_else(|| panic!("{name} is missing: {value}"));
        let fits = (field.is_null() && *nullable) || fits(field, *kind);
        assert!(fits, "{name} is no {kind:?}: {field}");
    }
    let extra: Vec<_> = object
        .keys()
        .filter(|key| !shape.iter().any(|(name, ..)| name == key))
        .collect();
    assert!(extra.is_empty(), "unknown fields: {extra:?}");
}

fn fits(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Number => value.is_i64(),
        Kind::Text => value.is_string(),
        Kind::Flag => value.is_boolean(),
        Kind::Uuid => value.as_str().is_some_and(|text| {
            text.len() == 36
                && text.bytes().enumerate().all(|(i, b)| {
                    if [8, 13, 18, 23].contains(&i) {
                        b == b'-'
                    } else {
                        b.is_ascii_hexdigit()
                    }
                })
        }),
        Kind::Time => value.as_str().is_some_and(|text| {
            let pattern = "0000-00-00T00:00:00.000000+00:00";
            text.len() == pattern.len()
                && text
                    .bytes()
                    .zip(pattern.bytes())
                    .all(|(b, p)| b == p || (p == b'0' && b.is_ascii_digit()))
        }),
        Kind::Vars => value
            .as_object()
            .is_some_and(|vars| vars.values().all(Value::is_string)),
        Kind::Secrets => value
            .as_object()
            .is_some_and(|vars| vars.values().all(Value::is_null)),
        Kind::Object => value.is_object(),
        Kind::List => value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_string)),
        Kind::Span => {
            assert_shape(
                value,
                &[
                    ("hours", Kind::Number, false),
                    ("minutes", Kind::Number, false),
                    ("seconds", Kind::Number, false),
                ],
            );
            true
        }
        Kind::Job => {
            assert_shape(value, JOB);
            true
        }
    }
}

/// Checks an envelope and gives its results.
pub(crate) fn results(list: &Value) -> &Vec<Value> {
    let keys: Vec<_> = list
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        ["count", "count_is_exact", "next", "previous", "results"]
    );
    list["results"].as_array().unwrap()
}
