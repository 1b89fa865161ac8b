//! The JSON of calendars.

use serde::Serialize;
use store::calendars::Calendar;
use utoipa::ToSchema;

use crate::reply::timestamp::Timestamp;

/// Dates that schedules name together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub struct CalendarView {
    /// Its name.
    name: String,
    /// Dates, by the wall clock of each schedule that names the calendar.
    #[schema(max_items = 400)]
    dates: Vec<String>,
    /// When it was last changed.
    updated_at: Timestamp,
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
