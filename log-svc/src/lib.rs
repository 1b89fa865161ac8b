//! Keeps every line an exec prints: each once, in order, in the database
//! before its pod may go.
//!
//! [`pods`] gives each pod that waits for us a [`tail`]; a tail reads the
//! pod-log endpoint ([`source`]) through [`transfer`] (parse, align, batch,
//! append), decides with [`ending`] that all was read, seals the stream and
//! lets the pod go. Any of them may die at any point: what is stored says where
//! to go on ([`alignment`]).
//!
//! Metrics, besides those of the chassis and the cluster crate:
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `escapement_log_streams_open` | gauge | – | tails at work, waiting ones too |
//! | `escapement_log_lines_total` | counter | – | lines stored |
//! | `escapement_log_bytes_total` | counter | – | their bytes, without newlines |
//! | `escapement_log_gaps_total` | counter | – | places where lines may be missing |
//! | `escapement_log_reconnects_total` | counter | – | follows that ended before their program |
//! | `escapement_log_fenced_total` | counter | – | streams lost to another replica |
//! | `escapement_log_seals_total` | counter | `complete` | streams sealed |
//! | `escapement_log_flush_lag_seconds` | histogram | – | from a batch's first line to its commit |

pub mod alignment;
pub mod app;
pub mod batch;
pub mod config;
pub mod ending;
pub mod line;
pub mod pods;
pub mod sighting;
pub mod source;
pub mod tail;
pub mod transfer;
