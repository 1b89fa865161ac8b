//! Runs execs as Kubernetes Jobs and records how they end. One exec's program
//! starts at most once, whatever is restarted, delivered twice or lost.

mod admission;
pub mod app;
pub mod confidential;
pub mod config;
pub mod decide;
pub mod evidence;
pub mod manifest;
mod namespace;
mod objects;
mod pace;
mod pod;
mod probe;
pub mod pull;
mod purge;
mod queue;
mod reconcile;
mod record;
pub mod registries;
pub mod release;
mod spans;
mod sweep;
mod together;
pub mod view;

/// The C library's keeps a part of what each burst of execs has needed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
