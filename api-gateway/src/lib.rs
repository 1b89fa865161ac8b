//! Escapement's REST API: the paths and shapes of the 2015 API over Postgres.
//!
//! A request is parsed at the edge (`http`, [`job_draft`], [`page`]), handed to
//! one domain function ([`jobs`], [`execs`], [`logs`]) and rendered ([`view`]).
//! The gateway owns accounts, jobs and the intent half of schedules and execs;
//! what it shows of an exec's fate others have written.

pub mod account_draft;
pub mod account_view;
pub mod accounts;
pub mod answer;
pub mod app;
pub mod audit;
pub mod backfills;
pub mod calendars;
pub mod caller;
pub mod catalog;
pub mod commands;
pub mod completeness;
pub mod config;
pub mod error;
pub mod exec_list;
pub mod execs;
pub mod fields;
pub mod gateway;
pub mod http;
pub mod image;
pub mod job_change;
pub mod job_draft;
pub mod job_fields;
pub mod job_list;
pub mod jobs;
pub mod ledger;
pub mod limits;
pub mod log_view;
pub mod logs;
pub mod members;
pub mod openapi;
pub mod origin;
pub mod overrides;
pub mod page;
pub mod params;
pub mod password;
pub mod preview;
pub mod registries;
pub mod schedule_fields;
pub mod schedule_view;
pub mod slot_list;
pub mod token;
pub mod tokens;
pub mod turns;
pub mod variables;
pub mod verified;
pub mod view;
pub mod waiting;
pub mod window;
pub mod write;
