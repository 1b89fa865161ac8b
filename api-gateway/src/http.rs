//! The edge: routes, authentication, bodies, queries, and how errors look.

pub mod accounts;
pub mod address;
pub mod admissions;
pub mod audit;
pub mod authentication;
pub mod body;
pub mod catalog;
pub mod connection;
pub mod docs;
pub mod edge;
pub mod execs;
pub mod form;
pub mod jobs;
pub mod links;
pub mod lists;
pub mod logs;
pub mod members;
pub mod origin;
pub mod problem;
pub mod query;
pub mod registries;
pub mod request_log;
pub mod routes;
pub mod schedules;
pub mod server;
pub mod tokens;
mod unread;
