//! Fires each planned instant once, through the ledger.
//!
//! Any number of replicas may run. Leases divide the schedules among them; each
//! holds those of the next seconds in memory, and compare-and-set on the row
//! decides who fires one. The loser of a race sees the schedule moved on and
//! moves on too.
//!
//! | metric | kind | labels | meaning |
//! |---|---|---|---|
//! | `escapement_schedule_commit_lateness_seconds` | histogram | – | planned instant (and jitter) to commit of its exec; the whole way to the broker is `escapement_schedule_lateness_seconds` |
//! | `escapement_slots_total` | counter | `outcome`, `reason` | planned instants by what became of them |
//! | `escapement_schedule_superseded_total` | counter | – | instants that another replica or an edit got to first |
//! | `escapement_schedule_held_total` | counter | – | firings put off because the database refused them |
//! | `escapement_schedule_upcoming` | gauge | – | schedules held in memory |
//! | `escapement_schedule_due` | gauge | – | those of them that are due and were not fired yet |
//! | `escapement_shards_owned` | gauge | – | shards, of 64, that are this replica's |
//! | `escapement_members` | gauge | – | replicas that this one sees, itself included |
//! | `escapement_clock_steps_total` | counter | `direction` | how often this machine's clock was set |
//! | `escapement_clock_offset_seconds` | gauge | – | the database's clock minus this machine's |

pub mod account;
pub mod alarm;
pub mod app;
pub mod backfill;
pub mod batch;
pub mod clock;
pub mod config;
pub mod decision;
pub mod driver;
pub mod overlap;
pub mod plan;
pub mod queue;
pub mod report;
pub mod scheduler;
pub mod tenure;
pub mod timetable;
