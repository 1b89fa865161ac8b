//! Escapement's REST API: the paths and shapes of the 2015 API over Postgres.
//!
//! A folder for each resource holds its handlers (`http`), what they do, what may be asked
//! for and what is answered; [`routes`] says which path leads to which handler. Beside
//! them is what all of them share: [`request`], [`read`], [`reply`] and [`write`].
//! The gateway owns accounts, jobs and the intent half of schedules and execs;
//! what it shows of an exec's fate others have written.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod catalog;
pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod execs;
pub mod gateway;
pub mod jobs;
pub mod logs;
pub mod members;
pub mod openapi;
pub mod read;
pub mod registries;
pub mod reply;
pub mod request;
pub mod routes;
pub mod schedules;
pub mod tokens;
pub mod write;
