//! Calendars of a namespace: dates that its schedules name together, such as holidays.

pub mod http;
pub mod view;

use serde_json::{Map, Value, json};
use shared_types::{JobId, ScheduleRules};
use store::PgConnection;
use store::access::Access;
use store::calendars::{self, Deleted, MAX, Put};

use self::view::CalendarView;
use crate::context::Context;
use crate::openapi::types::document;
use crate::read::fields::{FieldError, Fields};
use crate::read::names;
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::schedules::dates::calendar_dates;
use crate::write::{Act, Announcement, Written};

/// Jobs that are named to who would delete a calendar they use.
const SHOWN_MAX: usize = 5;

/// A calendar to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarDraft {
    name: String,
    dates: Vec<String>,
}

impl CalendarDraft {
    /// Reads the body of a PUT.
    pub fn parse(name: &str, body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, |fields| Self::read(fields, name))
    }

    fn read(fields: &mut Fields<'_>, name: &str) -> Option<Self> {
        fields.ignored("name", "the path says it");
        fields.ignored("updated_at", "given by the service");
        let name = names::parse_namespace(name).map_err(|why| fields.refuse("name", why));
        let dates = fields.required("dates", calendar_dates());
        Some(Self {
            name: name.ok()?,
            dates: dates?,
        })
    }
}

document!(
    CalendarDraft,
    "NewCalendar",
    Fields::schema(|fields| Self::read(fields, ""))
        .examples([json!({ "dates": ["--01-01", "2027-03-26", "--12-25/--12-26"] })])
);

/// All calendars of a namespace; they fit on one page.
pub async fn list(context: &Context, namespace: &str) -> Result<Vec<CalendarView>, ApiError> {
    context.may(Access::Read, namespace)?;
    let mut conn = context.connection().await?;
    let rows = calendars::list(&mut conn, namespace).await?;
    Ok(rows.into_iter().map(CalendarView::from).collect())
}

/// Keeps or replaces a calendar. The schedules that name it follow at once.
pub async fn put(context: &Context, (namespace, draft): (String, CalendarDraft)) -> Reply {
    context.may(Access::Write, &namespace)?;
    context
        .write(move |conn| {
            Box::pin(async move {
                let put = calendars::put(conn, &namespace, &draft.name, &draft.dates).await?;
                let Put::Kept(calendar, changed) = put else {
                    return Err(full());
                };
                let act = act(&namespace, "calendar.put", &calendar.name);
                let answer = Answer::ok(&CalendarView::from(calendar))?;
                let changed = changed.into_iter().map(Announcement::schedule_changed);
                Ok(Written::new(answer, act).announcing(changed))
            })
        })
        .await
}

/// Deletes a calendar that no schedule names.
pub async fn delete(context: &Context, (namespace, name): (String, String)) -> Reply {
    context.may(Access::Write, &namespace)?;
    let name = names::parse_namespace(&name).map_err(|_| ApiError::NotFound)?;
    context
        .write(move |conn| {
            Box::pin(async move {
                match calendars::delete(conn, &namespace, &name).await? {
                    Deleted::NotFound => Err(ApiError::NotFound),
                    Deleted::InUse(jobs) => Err(in_use(&jobs)),
                    Deleted::Done => {
                        let act = act(&namespace, "calendar.delete", &name);
                        Ok(Written::new(Answer::no_content(), act))
                    }
                }
            })
        })
        .await
}

/// Copies the dates of the calendars that a schedule names into its rules, and refuses
/// names of none. They may leave nothing of it: with their next dates they may not.
pub async fn fill_in(
    conn: &mut PgConnection,
    namespace: &str,
    rules: &mut ScheduleRules,
) -> Result<(), ApiError> {
    if rules.calendars.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = rules.calendars.keys().map(String::as_str).collect();
    let found = calendars::dates(conn, namespace, &names).await?;
    let missing = names.iter().find(|name| !found.contains_key(**name));
    if let Some(missing) = missing {
        let message = format!(
            "names \"{missing}\", which is no calendar of {namespace}; \
             PUT /v1/namespaces/{namespace}/calendars/{missing} makes it one"
        );
        let error = FieldError::new("schedule_calendars", message);
        return Err(ApiError::Invalid(vec![error]));
    }
    rules.calendars = found;
    Ok(())
}

fn act(namespace: &str, action: &'static str, name: &str) -> Act {
    Act::new(namespace, action, format!("calendars/{name}"))
}

fn full() -> ApiError {
    ApiError::Conflict {
        kind: "too-many-calendars",
        title: "Too many calendars",
        detail: format!("a namespace has at most {MAX} calendars; delete one first"),
    }
}

fn in_use(jobs: &[JobId]) -> ApiError {
    let shown: Vec<_> = jobs.iter().take(SHOWN_MAX).map(JobId::to_string).collect();
    let more = match jobs.len().saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    ApiError::Conflict {
        kind: "calendar-in-use",
        title: "Calendar in use",
        detail: format!(
            "jobs {}{more} name it in schedule_calendars; take it out of these first",
            shown.join(", ")
        ),
    }
}
