//! Dates on which nothing runs: a schedule's own, and those of calendars.

use std::collections::BTreeMap;

use recurrence::Exclusions;
use serde_json::{Value, json};
use utoipa::openapi::schema::ArrayBuilder;

use crate::openapi::types;
use crate::read::names;
use crate::read::rule::Rule;

/// Exclusions of a schedule at most.
const EXCLUSIONS_MAX: usize = 1000;
/// Calendars that a schedule may name.
const CALENDARS_MAX: usize = 5;
/// Dates of a calendar at most.
const CALENDAR_DATES_MAX: usize = 400;

/// A schedule's own dates.
pub fn exclusions() -> Rule<'static, Vec<String>> {
    let description = "Dates, by the zone's wall clock, on which nothing runs";
    dates(EXCLUSIONS_MAX, description)
}

/// The dates of a calendar.
pub fn calendar_dates() -> Rule<'static, Vec<String>> {
    let description = "Dates, by the wall clock of each schedule that names the calendar";
    dates(CALENDAR_DATES_MAX, description)
}

/// Dates, ranges of dates and patterns of days, up to a number of them.
fn dates(max: usize, description: &'static str) -> Rule<'static, Vec<String>> {
    let schema = move || {
        let item = types::format(
            "exclusion",
            "A date, a range of dates, a day of each year, or day of month, month and day of week \
             as in cron",
            "--12-25",
        );
        ArrayBuilder::new()
            .items(item)
            .max_items(Some(max))
            .description(Some(description))
            .examples([json!(["2026-12-31", "--12-24/--01-02", "* * SAT,SUN"])])
    };
    Rule::new(schema, move |value| {
        let items = texts(value, max)?;
        Exclusions::parse(&items).map_err(|error| error.to_string())?;
        Ok(items)
    })
}

/// Names of calendars, whose dates are filled in when it is known whose they are.
pub fn calendars() -> Rule<'static, BTreeMap<String, Vec<String>>> {
    let schema = || {
        let description = "Calendars of the namespace, on whose dates nothing runs either";
        ArrayBuilder::new()
            .items(names::namespace_schema("Name of a calendar"))
            .max_items(Some(CALENDARS_MAX))
            .description(Some(description))
            .examples([json!(["holidays"])])
    };
    let without_dates = |name: String| match names::parse_namespace(&name) {
        Ok(name) => Ok((name, Vec::new())),
        Err(why) => Err(format!(
            "has an item that is no name of a calendar: it {why}"
        )),
    };
    Rule::new(schema, move |value| {
        let names = texts(value, CALENDARS_MAX)?.into_iter();
        names.map(without_dates).collect()
    })
}

fn texts(value: &Value, max: usize) -> Result<Vec<String>, String> {
    let items = value.as_array().ok_or("must be an array of strings")?;
    if items.len() > max {
        return Err(format!("must be at most {max} items"));
    }
    let items = items.iter().map(|item| item.as_str().map(str::to_owned));
    let items: Option<_> = items.collect();
    Ok(items.ok_or("must be an array of strings only")?)
}
