//! The API from outside: a gateway on a port of its own, over a database of its
//! own, asked by HTTP only.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod access;
mod accounts;
mod app;
mod audit;
mod authentication;
mod backfills;
mod broker;
mod calendars;
mod cancel;
mod catalog;
mod commands;
mod contract;
mod delete;
mod docs;
mod edge;
mod ending;
mod errors;
mod hangups;
mod idempotency;
mod ledger;
mod lifecycle;
mod limits;
mod lists;
mod log_completeness;
mod log_pages;
mod log_search;
mod logs;
mod members;
mod organisations;
mod outages;
mod paging;
mod process;
mod registries;
mod rerun;
mod samples;
mod schedules;
mod shape;
mod timeouts;
mod tokens;
mod trigger;
mod update;
mod wait;
mod waiting;
mod wire;
