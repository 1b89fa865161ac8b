//! The API from outside: a gateway on a port of its own, over a database of its
//! own, asked by HTTP only.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod app;
mod authentication;
mod broker;
mod commands;
mod contract;
mod errors;
mod lifecycle;
mod log_completeness;
mod logs;
mod paging;
mod shape;
