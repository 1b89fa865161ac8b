//! What every request passes before its handler, from its connection on: limits, time
//! limits, who asks, and the parts that handlers are given.

pub mod address;
pub mod admissions;
pub mod authentication;
pub mod body;
pub mod connection;
pub mod form;
pub mod guard;
pub mod limits;
pub mod observe;
pub mod origin;
pub mod query;
pub mod server;
pub mod turns;
mod unread;
