//! What two Escapement processes must both understand, and nothing else: ids,
//! the exec lifecycle, job and exec specs with their only constructors, and
//! the messages on the bus. No I/O, no database and no Kubernetes here.

pub mod event;
pub mod exec;
pub mod id;
pub mod log_proof;
pub mod message;
pub mod phase;
mod reason;
pub mod registry;
pub mod run;
pub mod schedule;
pub mod size;
pub mod spec;
pub mod trace;

pub use event::EventKind;
pub use exec::{ExecEvent, ExecState, Transition, TriggerMode};
pub use id::{ExecId, JobId, SecretId, Shard, Shards};
pub use phase::Phase;
pub use reason::{Owner, Reason};
pub use run::{Guarantee, RetryOn, RunRules};
pub use schedule::{CatchUp, Lane, Overlap, ScheduleRules};
pub use size::{Size, SizeTable};
pub use spec::{Command, ExecSpec};
