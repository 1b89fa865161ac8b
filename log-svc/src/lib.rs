//! Keeps every line an exec prints: each once, in order, in the database
//! before its pod may go.
//!
//! [`pods`] gives each pod that waits for us a [`tail`]; a tail reads the
//! pod-log endpoint ([`source`]) through [`transfer`] (parse, mask, align, batch,
//! append), decides with [`ending`] that all was read, seals the stream and
//! lets the pod go. Any of them may die at any point: what is stored says where
//! to go on ([`alignment`]); where a follow may have passed lines over, [`leap`] says.
//!
//! Its metrics are in docs/METRICS.md.

pub mod alignment;
pub mod app;
pub mod batch;
pub mod config;
pub mod ending;
pub mod leap;
pub mod line;
pub mod masking;
pub mod pods;
pub mod proof;
pub mod sighting;
pub mod source;
pub mod tail;
pub mod transfer;
