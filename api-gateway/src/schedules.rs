//! When jobs run: what a schedule says, what it would do, what became of its instants,
//! and what is run after the fact.

pub mod backfills;
pub mod calendars;
pub mod dates;
pub mod draft;
pub mod fields;
pub mod http;
pub mod ledger;
pub mod preview;
pub mod slots;
pub mod view;
