//! What a new generation of a schedule begins with: a pure function of its row.

use recurrence::Recurrence;
use store::schedules::{Plan, Schedule};

use crate::firing::to_stored;

/// Reads the schedule's text and finds its first instant that is not before
/// `effective_from`. A text that cannot be read is told in `error` and planned
/// as never, so that nothing tries it again until it is edited.
pub fn plan(schedule: &Schedule) -> Plan {
    let read = schedule.mode.as_deref().map(Recurrence::parse).transpose();
    let (next_at, error) = match read {
        Ok(recurrence) => {
            let first = recurrence
                .filter(|_| schedule.active)
                .and_then(|recurrence| recurrence.first_at_or_after(schedule.effective_from));
            (first.map(to_stored), None)
        }
        Err(error) => (None, Some(error.to_string())),
    };
    Plan {
        job_id: schedule.job_id,
        generation: schedule.generation,
        next_at,
        error,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use shared_types::JobId;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_generation_begins_where_it_took_effect() {
        // Mode, active, first instant.
        let cases = [
            (
                Some("R/2020-01-01T00:00:00Z/PT1H"),
                true,
                Some("2026-06-01T13:00:00Z"),
            ),
            (
                Some("R/2027-01-01T00:00:00Z/PT1H"),
                true,
                Some("2027-01-01T00:00:00Z"),
            ),
            (
                Some("R/2020-01-01T00:00:00.9999999Z/PT1H"),
                true,
                Some("2026-06-01T12:00:00.999999Z"),
            ),
            (Some("R1/2020-01-01T00:00:00Z/PT1H"), true, None),
            (Some("R/2020-01-01T00:00:00Z/PT1H"), false, None),
            (None, false, None),
        ];
        for (mode, active, first) in cases {
            let schedule = Schedule {
                job_id: JobId(1),
                mode: mode.map(str::to_owned),
                active,
                generation: 3,
                effective_from: at("2026-06-01T12:00:00.000001Z"),
                observed_generation: 2,
                next_at: None,
            };
            let plan = plan(&schedule);
            assert_eq!(plan.next_at, first.map(at), "{mode:?}");
            assert_eq!((plan.generation, plan.error), (3, None));
        }
    }

    #[test]
    fn a_text_that_cannot_be_read_is_told_and_never_planned() {
        let schedule = Schedule {
            job_id: JobId(1),
            mode: Some("0 2 * * *".to_owned()),
            active: true,
            generation: 1,
            effective_from: at("2026-06-01T12:00:00Z"),
            observed_generation: 0,
            next_at: None,
        };
        let plan = plan(&schedule);
        assert_eq!(plan.next_at, None);
        assert!(plan.error.unwrap().contains("Rn/<start>/PT"));
    }
}
