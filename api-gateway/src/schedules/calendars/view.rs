//! The JSON of calendars.

use serde::Serialize;
use store::calendars::Calendar;
use utoipa::ToSchema;

use crate::openapi::types::schemas;
use crate::read::names::namespace_schema;
use crate::reply::timestamp::Timestamp;
use crate::schedules::dates::calendar_dates;

/// Dates that schedules name together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub struct CalendarView {
    #[schema(schema_with = name)]
    name: String,
    #[schema(schema_with = dates)]
    dates: Vec<String>,
    /// When it was last changed.
    updated_at: Timestamp,
}

schemas! {
    name = namespace_schema("Its name");
    dates = calendar_dates().schema();
}

impl From<Calendar> for CalendarView {
    fn from(calendar: Calendar) -> Self {
        Self {
            name: calendar.name,
            dates: calendar.dates,
            updated_at: Timestamp(calendar.updated_at),
        }
    }
}
