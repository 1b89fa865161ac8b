//! Puts the process together.

use bus::{Bus, HintBinding, HintRoute};
use chassis::Process;
use store::leases::Holder;
use store::{DatabaseRole, Store};
use tokio::sync::watch;

use crate::alarm::Alarm;
use crate::config::Config;
use crate::driver::{self, Surroundings};
use crate::scheduler::Scheduler;

/// Builds the scheduler and starts its loops; returns at once, whether or not
/// database and broker can be reached.
#[expect(
    clippy::unused_async,
    reason = "chassis starts services with an async function"
)]
pub async fn start(config: Config, process: Process) -> anyhow::Result<()> {
    config.scheduler.check()?;
    let store = Store::new(&config.database, DatabaseRole::Scheduler)?;
    let bus = Bus::connect(config.broker, &process)?;
    let (sender, shards) = watch::channel(shared_types::Shards::default());
    let surroundings = Surroundings {
        publisher: bus.publisher(),
        hints: bus.hints(vec![
            HintBinding::Route(HintRoute::ScheduleChanged),
            HintBinding::AnyExecChanged,
        ]),
        shards,
        alarm: Alarm::start()?,
        first_load: process.readiness.latch("schedules"),
        stopping: process.tasks.stopping(),
    };
    let lease = config.scheduler.lease;
    let holder = Holder::new(&config.database, DatabaseRole::Scheduler, "", lease)?;
    let holding = holder.run(sender, process.tasks.stopping());
    process.tasks.spawn("leases", holding);
    let scheduler = Scheduler::new(store, &config.scheduler);
    process
        .tasks
        .spawn("scheduler", driver::run(scheduler, surroundings));
    Ok(())
}
