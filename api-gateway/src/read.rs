//! How what a client sent is read: the fields of a body, the parameters of a query, and
//! which page of a list is meant.

pub mod fields;
pub mod instant;
pub mod names;
pub mod page;
pub mod params;
pub mod query;
pub mod rule;
