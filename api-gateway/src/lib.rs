//! Escapement's REST API: the paths and shapes of the 2015 API over Postgres.
//!
//! A request is parsed at the edge (`http`, [`job_draft`], [`page`]), handed to
//! one domain function ([`jobs`], [`execs`], [`logs`]) and rendered ([`view`]).
//! The gateway owns accounts, jobs and the intent half of schedules and execs;
//! what it shows of an exec's fate others have written.

pub mod app;
pub mod caller;
pub mod catalog;
pub mod commands;
pub mod completeness;
pub mod config;
pub mod error;
pub mod execs;
pub mod fields;
pub mod gateway;
pub mod http;
pub mod image;
pub mod job_draft;
pub mod job_fields;
pub mod jobs;
pub mod log_view;
pub mod logs;
pub mod page;
pub mod token;
pub mod view;
pub mod window;
