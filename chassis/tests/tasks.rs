//! Owned tasks: an end nobody asked for stops the process; a stop is in order.

#![expect(clippy::unwrap_used, reason = "a test's set-up may fail loudly")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::{Process, Tasks};
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(30);

async fn failure_of(spawn: impl FnOnce(&Tasks)) -> String {
    let process = CancellationToken::new();
    let tasks = Tasks::new(process.clone());
    spawn(&tasks);
    process.cancelled().await;
    assert!(tasks.drain(LONG).await);
    tasks.failure().unwrap().to_string()
}

#[expect(clippy::unused_async, reason = "it stands for a loop")]
async fn unlucky() {
    panic!("{}", "no luck");
}

#[tokio::test]
async fn a_loop_that_ends_unasked_stops_the_process() {
    let ended = failure_of(|tasks| tasks.spawn("sweep", async {})).await;
    assert_eq!(ended, "task sweep ended unasked");
    let failed = failure_of(|tasks| {
        tasks.spawn("sweep", async {
            Err::<(), _>(std::io::Error::other("disk"))
        });
    })
    .await;
    assert_eq!(failed, "task sweep failed: disk");
    let panicked = failure_of(|tasks| tasks.spawn("sweep", unlucky())).await;
    assert_eq!(panicked, "task sweep panicked: no luck");
}

#[tokio::test]
async fn a_loop_that_was_asked_ends_in_peace() {
    let process = CancellationToken::new();
    let tasks = Tasks::new(process.clone());
    let stopping = tasks.stopping();
    tasks.spawn("sweep", async move { stopping.cancelled().await });
    assert!(tasks.drain(LONG).await);
    assert_eq!(tasks.failure(), None);
    assert!(!process.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn work_is_waited_for_until_the_limit() {
    let tasks = Tasks::new(CancellationToken::new());
    let work = tasks.spawn_finite(async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        7
    });
    assert!(tasks.drain(Duration::from_secs(10)).await);
    assert_eq!(work.await.unwrap(), 7);

    let stuck = Tasks::new(CancellationToken::new());
    stuck.spawn("stuck", std::future::pending::<()>());
    assert!(!stuck.drain(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn what_flushes_stops_after_running_work() {
    let process = Process::for_test("ordered");
    let order = Arc::new(Mutex::new(Vec::new()));
    for (group, name) in [(&process.flush, "flush"), (&process.tasks, "work")] {
        let (stopping, order) = (group.stopping(), order.clone());
        group.spawn(name, async move {
            stopping.cancelled().await;
            tokio::task::yield_now().await;
            order.lock().unwrap().push(name);
        });
    }
    assert!(process.drain(LONG, LONG).await);
    assert_eq!(*order.lock().unwrap(), ["work", "flush"]);
}
