//! More execs than may run: nobody passes a bound, and nobody waits for ever behind
//! somebody else's many. `make bench-admission` does it with many more.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use devstack::Service;
use e2e::client::Exec;
use e2e::{Client, StartCounter};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::ring::{self, LIMIT, TestRing, eventually};

/// How much one run of the test is.
struct Scale {
    /// Execs that the region runs at a time.
    places: usize,
    /// Execs of the namespace that comes first.
    big: usize,
    /// Those of the one that comes after it.
    small: usize,
}

impl Scale {
    /// As `ADMISSION` says ("places big small"), or small enough for every day.
    fn asked_for() -> Self {
        let text = std::env::var("ADMISSION").unwrap_or_else(|_| "4 16 4".to_owned());
        let mut numbers = text.split(' ').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Self {
            places: next(),
            big: next(),
            small: next(),
        }
    }
}

/// What is admitted and has no node waits in Kubernetes' scheduler, which knows nothing of
/// namespaces: as many as may run have room on two cores.
const SIZES: &str = "
    [sizes.XXS]
    cpu = \"50m\"
    memory = \"64Mi\"";

/// Programs that tell a counter outside when they begin and when they are about to end, so
/// many seconds later.
fn command(counter: &StartCounter, seconds: u32) -> String {
    let (begin, end) = (counter.insist("begin"), counter.insist("end"));
    format!("sh -c '{begin}; sleep {seconds}; {end}'")
}

async fn trigger(client: &Client, command: &str, count: usize) -> Vec<Exec> {
    let job = client.create_job(command, json!({})).await.unwrap();
    let triggers = (0..count).map(|_| client.trigger(job));
    try_join_all(triggers).await.unwrap()
}

async fn details(client: &Client, execs: &[Exec]) -> Vec<Value> {
    try_join_all(execs.iter().map(|exec| client.exec(exec)))
        .await
        .unwrap()
}

/// The places of those that wait for their turn, each of which says why.
async fn places(client: &Client, execs: &[Exec], why: &str) -> Vec<i64> {
    let details = details(client, execs).await;
    let waiting = details.iter().map(|detail| &detail["waiting"]);
    let queued = waiting.filter(|waiting| waiting["phase"] == "queued");
    queued
        .map(|waiting| {
            let message = waiting["message"].as_str().unwrap();
            assert!(message.ends_with(why), "{message}");
            waiting["place"].as_i64().unwrap()
        })
        .collect()
}

async fn count(client: &Client, job: i64, status: &str) -> usize {
    let path = format!("/v1/jobs/{job}/execs?status={status}&page_size=1");
    let list = client.send("GET", &path, None, 200).await.unwrap();
    list["count"].as_u64().unwrap().try_into().unwrap()
}

/// The pods whose program runs. The phase `Running` goes on for a while after its exit, when
/// its exec may have ended and the next one begun.
async fn pods_at_once(ring: &TestRing) -> usize {
    let kubectl = ring::kubectl();
    let pods = kubectl.list("pods", ring.stack().instance()).await.unwrap();
    let runs = |pod: &&Value| pod["status"]["containerStatuses"][0]["state"]["running"].is_object();
    pods.iter().filter(runs).count()
}

/// Waits for all to succeed: how many pods there were at once, how long the small namespace
/// took, and how many of the big one had ended by then.
async fn watch(
    ring: &TestRing,
    big: (&Client, &[Exec]),
    small: (&Client, &[Exec]),
    began: Instant,
) -> (usize, Duration, usize) {
    let ended = async |(client, execs): (&Client, &[Exec])| {
        let count = async |status| count(client, execs[0].job, status).await;
        assert_eq!(count("F").await, 0);
        count("S").await
    };
    let (mut pods, mut small_done) = (0, None);
    loop {
        pods = pods.max(pods_at_once(ring).await);
        if small_done.is_none() && ended(small).await == small.1.len() {
            small_done = Some((began.elapsed(), ended(big).await));
        }
        if let Some((small_after, big_then)) = small_done
            && ended(big).await == big.1.len()
        {
            return (pods, small_after, big_then);
        }
        assert!(began.elapsed() < 5 * LIMIT, "they do not come to their end");
    }
}

async fn start(places: usize) -> TestRing {
    let (places, sizes) = (places.to_string(), ring::settings("sizes", SIZES));
    let sizes = sizes.display().to_string();
    let (bound, file) = ("ESCAPEMENT__ADMISSION__MAX_RUNNING", "ESCAPEMENT_CONFIG");
    ring::start_told(&[
        (Service::Executor, bound, &places),
        (Service::Executor, file, &sizes),
        (Service::Gateway, file, &sizes),
        // Each exec is asked for again and again.
        (Service::Gateway, "ESCAPEMENT__LIMITS__TOKEN__BURST", "0"),
        (Service::Gateway, "ESCAPEMENT__LIMITS__ADDRESS__BURST", "0"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures, for who runs it by hand")]
async fn a_region_runs_as_many_as_it_may_and_starves_nobody() {
    let scale = Scale::asked_for();
    let ring = start(scale.places).await;
    let (big, small) = (
        ring.client().await,
        ring.client_of(&format!("{}-s", ring.name())).await,
    );
    let counter = StartCounter::listen().await.unwrap();
    let began = Instant::now();
    let of_big = trigger(&big, &command(&counter, 1), scale.big).await;
    let of_small = trigger(&small, &command(&counter, 1), scale.small).await;
    let triggered = began.elapsed();

    eventually("some have run", async || {
        counter.starts_with("begin/") >= scale.places
    })
    .await;
    let why = format!("runs {} execs, as many as it may", scale.places);
    let queue = places(&big, &of_big, &why).await;
    assert!(queue.len() >= scale.big / 3, "{queue:?}");
    let unique: HashSet<_> = queue.iter().collect();
    println!(
        "{} of the big namespace wait at {} places",
        queue.len(),
        unique.len()
    );

    let (pods, small_after, big_then) =
        watch(&ring, (&big, &of_big), (&small, &of_small), began).await;
    let (at_once, in_all) = counter.at_once("begin", "end");
    println!(
        "{} places; {} execs of a big and {} of a small namespace, triggered in {triggered:.1?}: \
         at most {at_once} programs and {pods} pods at once; the small one was done after \
         {small_after:.1?}, when {big_then} of the big one were, and the big one after {:.1?}",
        scale.places,
        scale.big,
        scale.small,
        began.elapsed()
    );
    assert!(at_once <= scale.places && pods <= scale.places);
    // It comes last and gets every second place, as long as it wants one.
    assert!(big_then < scale.big / 2 + scale.small * 2, "{big_then}");
    assert_eq!(in_all, scale.big + scale.small);
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_takes_turns_with_itself() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let counter = StartCounter::listen().await.unwrap();
    let fields = json!({ "max_running": 1 });
    let job = client
        .create_job(&command(&counter, 4), fields)
        .await
        .unwrap();
    let execs = try_join_all((0..3).map(|_| client.trigger(job)))
        .await
        .unwrap();
    eventually("one runs", async || counter.starts_with("begin/") > 0).await;
    let why = "its job runs 1, as many as max_running lets it";
    let mut waiting = places(&client, &execs, why).await;
    waiting.sort_unstable();
    assert_eq!(waiting, [1, 2]);
    for exec in &execs {
        client.wait(exec, "S", LIMIT).await.unwrap();
    }
    assert_eq!(counter.at_once("begin", "end"), (1, 3));
}
