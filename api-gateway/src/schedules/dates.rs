//! Dates on which nothing runs: a schedule's own, and those of calendars.

use std::collections::BTreeMap;

use recurrence::Exclusions;
use serde_json::Value;

use crate::read::names::namespace;

/// Exclusions of a schedule at most.
pub const EXCLUSIONS_MAX: usize = 1000;
/// Calendars that a schedule may name.
pub const CALENDARS_MAX: usize = 5;
/// Dates of a calendar at most.
pub const CALENDAR_DATES_MAX: usize = 400;

/// A schedule's own dates.
pub fn exclusions(value: &Value) -> Result<Vec<String>, String> {
    dates(value, EXCLUSIONS_MAX)
}

/// The dates of a calendar.
pub fn calendar_dates(value: &Value) -> Result<Vec<String>, String> {
    dates(value, CALENDAR_DATES_MAX)
}

/// Dates, ranges of dates and patterns of days, up to a number of them.
fn dates(value: &Value, max: usize) -> Result<Vec<String>, String> {
    let items = texts(value, max)?;
    Exclusions::parse(&items).map_err(|error| error.to_string())?;
    Ok(items)
}

/// Names of calendars, whose dates are filled in when it is known whose they are.
pub fn calendars(value: &Value) -> Result<BTreeMap<String, Vec<String>>, String> {
    let without_dates = |name: String| match namespace(&name) {
        Ok(name) => Ok((name, Vec::new())),
        Err(why) => Err(format!(
            "has an item that is no name of a calendar: it {why}"
        )),
    };
    let names = texts(value, CALENDARS_MAX)?.into_iter();
    names.map(without_dates).collect()
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
