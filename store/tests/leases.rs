//! Members and leases: replicas that come, stay, fall silent and go, each with
//! the rights of a service.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::collections::HashMap;
use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shared_types::{Shard, Shards};
use store::leases::{Holder, LeaseTime, Member, Tenure};
use store::schema::{leases, members};
use store::testing::TestDatabase;
use store::{DatabaseRole, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const SHARDS: usize = Shard::COUNT as usize;
/// Never up while a test runs.
fn long() -> LeaseTime {
    Duration::from_mins(10).try_into().unwrap()
}

async fn step(store: &Store, member: &mut Member) -> Tenure {
    let mut conn = store.connection().await.unwrap();
    member.step(&mut conn).await.unwrap()
}

/// Each shard is one replica's.
fn assert_divided(tenures: &[Tenure]) {
    let all: usize = tenures.iter().map(|tenure| tenure.shards.len()).sum();
    assert_eq!(all, SHARDS);
    let left = tenures
        .iter()
        .fold(Shards::ALL, |left, tenure| left.without(tenure.shards));
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_divided_evenly_as_replicas_come_and_go() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Scheduler);
    let mut members: Vec<Member> = (0..4).map(|_| Member::new("", long())).collect();
    let alone = step(&store, &mut members[0]).await;
    assert_eq!((alone.shards, alone.members), (Shards::ALL, 1));

    for count in 2..=4 {
        // The newcomer is seen, then the others give back, then it takes.
        for _ in 0..2 {
            for member in &mut members[..count] {
                step(&store, member).await;
            }
        }
        let mut tenures = Vec::new();
        for member in &mut members[..count] {
            tenures.push(step(&store, member).await);
        }
        assert_divided(&tenures);
        let most = SHARDS.div_ceil(count);
        assert!(
            tenures
                .iter()
                .all(|it| it.shards.len() <= most && it.members == count)
        );
    }

    let leaving = members.pop().unwrap();
    leaving
        .leave(&mut store.connection().await.unwrap())
        .await
        .unwrap();
    let mut tenures = Vec::new();
    for member in &mut members {
        tenures.push(step(&store, member).await);
    }
    assert_divided(&tenures);
}

/// Lets everybody's time run out.
async fn silence(database: &TestDatabase) {
    let past = chrono::DateTime::UNIX_EPOCH;
    let conn = &mut database.owner().await;
    let leases = diesel::update(leases::table).set(leases::expires_at.eq(past));
    leases.execute(conn).await.unwrap();
    let members = diesel::update(members::table).set(members::expires_at.eq(past));
    members.execute(conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_replica_is_given_up_and_its_epochs_end() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Scheduler);
    let (mut silent, mut other) = (Member::new("", long()), Member::new("", long()));
    step(&store, &mut silent).await;
    let waiting = step(&store, &mut other).await;
    assert!(waiting.shards.is_empty());
    assert!(waiting.next_expiry.unwrap() > Duration::from_secs(500));

    silence(&database).await;
    let heir = step(&store, &mut other).await;
    assert_eq!((heir.shards, heir.members), (Shards::ALL, 1));
    let epochs: Vec<i64> = leases::table
        .select(leases::epoch)
        .load(&mut database.owner().await)
        .await
        .unwrap();
    assert_eq!(epochs, [2; SHARDS]);

    // It was not dead: it finds what is left to it, and the heir gives way.
    assert!(step(&store, &mut silent).await.shards.is_empty());
    step(&store, &mut other).await;
    assert_eq!(step(&store, &mut silent).await.shards.len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_never_share_a_shard() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Executor);
    let mut rounds = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = store.clone();
        rounds.spawn(async move {
            let mut member = Member::new("R1", long());
            for _ in 0..20 {
                step(&store, &mut member).await;
            }
            member
        });
    }
    let mut members = rounds.join_all().await;
    // Some may have been through before others began; now all know of each other.
    for _ in 0..2 {
        for member in &mut members {
            step(&store, member).await;
        }
    }
    let held: Vec<(i16, Option<uuid::Uuid>)> = leases::table
        .filter(leases::region.eq("R1"))
        .select((leases::shard, leases::holder))
        .load(&mut database.owner().await)
        .await
        .unwrap();
    let mut shares: HashMap<_, usize> = HashMap::new();
    for (_, holder) in &held {
        *shares.entry(holder.unwrap()).or_default() += 1;
    }
    assert_eq!(held.len(), SHARDS);
    assert!(
        shares.len() == 6 && shares.values().all(|share| (9..=11).contains(share)),
        "{shares:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_regions_do_not_see_each_other() {
    let database = TestDatabase::new().await;
    for (role, region) in [
        (DatabaseRole::Executor, "R1"),
        (DatabaseRole::Executor, "R2"),
        (DatabaseRole::Logs, "R1"),
    ] {
        let tenure = step(&database.store(role), &mut Member::new(region, long())).await;
        assert_eq!(
            (tenure.shards, tenure.members),
            (Shards::ALL, 1),
            "{role} {region}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_tells_its_share_and_gives_it_back_when_it_stops() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Executor);
    let mut other = Member::new("R1", long());
    step(&store, &mut other).await;

    let holder = Holder::new(
        &database.config(),
        DatabaseRole::Executor,
        "R1",
        LeaseTime::SHORTEST,
    )
    .unwrap();
    let (sender, mut shards) = watch::channel(Shards::default());
    let stopping = CancellationToken::new();
    let watching = async {
        // Others have everything, which is told too.
        shards.changed().await.unwrap();
        assert_eq!(*shards.borrow_and_update(), Shards::default());
        step(&store, &mut other).await;
        let half = shards.wait_for(|shards| shards.len() == 32);
        tokio::time::timeout(Duration::from_secs(20), half)
            .await
            .unwrap()
            .unwrap();
        stopping.cancel();
    };
    tokio::join!(holder.run(sender, stopping.clone()), watching);
    let alone = step(&store, &mut other).await;
    assert_eq!((alone.shards, alone.members), (Shards::ALL, 1));
}
