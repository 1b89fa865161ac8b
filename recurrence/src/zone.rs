//! Time zones as stretches of time in which the offset from UTC is the same.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::calendar::{FIRST, LAST, SECOND};
use crate::error::UnknownZone;

/// Compiled in, so that every machine knows the same zones.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Nearest names that an error proposes.
const PROPOSED: usize = 3;

/// A time zone of the IANA database. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    /// The zone of a name such as `Europe/Berlin`; letters' case does not matter.
    ///
    /// ```
    /// use recurrence::Zone;
    ///
    /// assert_eq!(Zone::named("europe/berlin")?.name(), "Europe/Berlin");
    /// let error = Zone::named("Europe/Berin").unwrap_err().to_string();
    /// assert!(error.contains("did you mean Europe/Berlin"), "{error}");
    /// # Ok::<(), recurrence::UnknownZone>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("Z") {
            return Ok(Self::utc());
        }
        let found = DATABASE.get(name).ok();
        let zone = found.ok_or_else(|| UnknownZone {
            name: name.chars().take(64).collect(),
            hint: hint(name),
        })?;
        Ok(Self {
            name: zone.iana_name().unwrap_or(name).to_owned(),
            zone,
        })
    }

    /// Every name that [`Self::named`] knows.
    pub fn names() -> Vec<String> {
        DATABASE.available().map(|name| name.to_string()).collect()
    }

    /// Its name in the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stretch that an instant is in.
    pub(crate) fn stretch(&self, at: i64) -> Stretch {
        // One whose offset is fixed has no transitions to look for.
        let Some(timestamp) = timestamp(at) else {
            return Stretch::whole(0);
        };
        let offset = |timestamp| i64::from(self.zone.to_offset(timestamp).seconds()) * SECOND;
        let mut stretch = Stretch::whole(offset(timestamp));
        // `preceding` means strictly, and a transition belongs to what it begins.
        let just_after = timestamp.checked_add(jiff::SignedDuration::from_micros(1));
        if let Some(start) = self.zone.preceding(just_after.unwrap_or(timestamp)).next() {
            stretch.start = start.timestamp().as_microsecond();
            let before = start
                .timestamp()
                .checked_sub(jiff::SignedDuration::from_secs(1));
            stretch.before = before.map_or(stretch.offset, offset);
        }
        if let Some(end) = self.zone.following(timestamp).next() {
            stretch.end = end.timestamp().as_microsecond();
            stretch.after = offset(end.timestamp());
        }
        stretch
    }
}

fn timestamp(at: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(at.clamp(FIRST, LAST)).ok()
}

/// Instants from `start` until before `end` with one offset from UTC. All in
/// microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Wall clock minus UTC.
    pub(crate) offset: i64,
    /// The offset before `start`.
    pub(crate) before: i64,
    /// The offset from `end` on.
    pub(crate) after: i64,
}

impl Stretch {
    pub(crate) fn whole(offset: i64) -> Self {
        Self {
            start: i64::MIN / 2,
            end: i64::MAX / 2,
            offset,
            before: offset,
            after: offset,
        }
    }
}

fn hint(name: &str) -> String {
    let wanted = name.to_lowercase();
    let mut near: Vec<(usize, String)> = Vec::new();
    if name.len() <= 64 {
        near = Zone::names()
            .into_iter()
            .map(|known| (strsim::osa_distance(&wanted, &known.to_lowercase()), known))
            .filter(|(distance, known)| *distance <= known.len() / 3)
            .collect();
    }
    near.sort();
    let near: Vec<String> = near
        .into_iter()
        .take(PROPOSED)
        .map(|(_, name)| name)
        .collect();
    if near.is_empty() {
        "names are those of the IANA database, such as Europe/Berlin or UTC".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    }
}
