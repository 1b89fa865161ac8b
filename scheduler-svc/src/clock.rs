//! Clocks. Instants fire by this machine's (asking the database each time would
//! cost a round trip); edits take effect by the database's. How far the two are
//! apart is measured, and a step of this machine's is noticed.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use store::{PgConnection, StoreError};

/// Clocks are slewed by half a thousandth at most; what is more than this
/// between two looks was set.
const STEP: TimeDelta = TimeDelta::milliseconds(50);

/// The database's clock minus the local one; exact to half a round trip.
pub async fn offset(conn: &mut PgConnection) -> Result<TimeDelta, StoreError> {
    let asked = Utc::now();
    let database = store::clock::now(conn).await?;
    let round_trip = Utc::now() - asked;
    Ok(database - (asked + round_trip / 2))
}

/// Notices when the wall clock is set, by the one that cannot be.
#[derive(Debug, Default)]
pub struct ClockWatch {
    last: Option<(DateTime<Utc>, Instant)>,
}

impl ClockWatch {
    /// How far the wall clock was set since the last look: forwards if above 0.
    pub fn look(&mut self, wall: DateTime<Utc>, steady: Instant) -> Option<TimeDelta> {
        let (last_wall, last_steady) = self.last.replace((wall, steady))?;
        let passed = TimeDelta::from_std(steady - last_steady).ok()?;
        let step = (wall - last_wall) - passed;
        (step.abs() > STEP).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_step_is_one() {
        let (wall, steady) = (Utc::now(), Instant::now());
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(wall, steady), None);
        // Seconds of the wall clock and of the steady one since then.
        for (wall_s, steady_s, step_s) in [
            (250.03, 250.0, None),
            (3850.23, 250.2, Some(3600)),
            (3851.2, 251.2, None),
            (251.2, 251.3, Some(-3600)),
            // A machine that slept: the steady clock slept too.
            (851.2, 251.3, Some(600)),
        ] {
            let later = |seconds: f64| Duration::from_secs_f64(seconds);
            let wall = wall + TimeDelta::from_std(later(wall_s)).unwrap();
            let found = watch.look(wall, steady + later(steady_s));
            assert_eq!(found.map(|step| step.num_seconds()), step_s, "{wall_s}");
        }
    }
}
