//! Fires each planned instant once, through the ledger.
//!
//! Any number of replicas may run: each holds the instants of the next seconds
//! in memory, and a row lock decides who fires one. The loser of a race sees
//! the schedule moved on and moves on too.
//!
//! | metric | kind | labels | meaning |
//! |---|---|---|---|
//! | `escapement_schedule_lateness_seconds` | histogram | – | planned instant to commit of its exec |
//! | `escapement_slots_total` | counter | `outcome` | planned instants `fired`, `skipped`, `missed` |
//! | `escapement_schedule_superseded_total` | counter | – | instants that another replica or an edit got to first |
//! | `escapement_schedule_held_total` | counter | – | firings put off because the database refused them |
//! | `escapement_schedule_upcoming` | gauge | – | instants held in memory |
//! | `escapement_clock_offset_seconds` | gauge | – | the database's clock minus this machine's |

pub mod app;
pub mod batch;
pub mod clock;
pub mod config;
pub mod driver;
pub mod firing;
pub mod plan;
pub mod report;
pub mod scheduler;
pub mod timetable;
