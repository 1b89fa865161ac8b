//! Who may start a program, and when nobody may any more.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claimers_exactly_one_pod_wins() {
    let ring = Ring::new().await;
    let exec = ring.created().await;
    let pods = ["a", "b", "c", "d"];
    let claims = join_all(pods.map(|pod| ring.claim(exec, pod))).await;
    let won: Vec<_> = pods
        .iter()
        .zip(claims)
        .filter(|(_, claim)| *claim == Applied::Done)
        .collect();
    assert_eq!(won.len(), 1);
    let winner = *won[0].0;
    assert_eq!(
        ring.tracked(exec).await.attempts[0].pod_uid.as_deref(),
        Some(winner)
    );
    assert_eq!(
        ring.claim(exec, winner).await,
        Applied::Done,
        "again is the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_or_cancel_but_never_both() {
    let ring = Ring::new().await;
    let cancelled = ring.created().await;
    ring.cancel(cancelled).await;
    assert_eq!(ring.claim(cancelled, "pod-1").await, Applied::TooLate);

    for _ in 0..10 {
        let exec = ring.created().await;
        let mut end = ending(ExecEvent::Cancelled, Reason::CancelledByUser);
        end.only_unclaimed = true;
        let (claim, ended) = tokio::join!(ring.claim(exec, "pod-1"), ring.end(exec, &end));
        let claimed = claim == Applied::Done;
        let state = ring.tracked(exec).await.state;
        assert_eq!(ended == Ended::Moved(ExecState::Cancelled), !claimed);
        assert_eq!(
            state,
            if claimed {
                ExecState::Waiting
            } else {
                ExecState::Cancelled
            }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_or_retry_but_never_both() {
    let ring = Ring::new().await;
    for _ in 0..10 {
        let exec = ring.created().await;
        let mut end = ending(ExecEvent::Failed, Reason::Disrupted);
        end.only_unclaimed = true;
        let (claim, retry) = tokio::join!(ring.claim(exec, "pod-1"), ring.retry(exec, end));
        assert_ne!(claim == Applied::Done, retry == Applied::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_follow_each_other() {
    let ring = Ring::new().await;
    let exec = ring.exec().await;
    let begun = join_all((0..4).map(|_| ring.begin(exec, 1))).await;
    assert_eq!(
        begun
            .iter()
            .filter(|begun| **begun == Applied::Done)
            .count(),
        1
    );
    assert_eq!(ring.begin(exec, 3).await, Applied::TooLate);
    assert_eq!(ring.claim(exec, "pod-1").await, Applied::Done);
    let rejected = || ending(ExecEvent::Failed, Reason::RejectedByNode);
    assert_eq!(ring.retry(exec, rejected()).await, Applied::Done);
    assert_eq!(ring.retry(exec, rejected()).await, Applied::TooLate);
    let tracked = ring.tracked(exec).await;
    assert_eq!((tracked.attempt, tracked.attempts.len()), (2, 2));
    assert_eq!(tracked.attempts[0].reason, Some(Reason::RejectedByNode));
    assert!(tracked.attempts[0].settled_at.is_some());
    let second = &tracked.attempts[1];
    let pause = second.not_before.unwrap() - second.created_at;
    assert_eq!(pause.num_seconds(), 9);
    assert_eq!(
        ring.claim(exec, "pod-1").await,
        Applied::TooLate,
        "the old attempt's pod"
    );
    ring.cancel(exec).await;
    assert_eq!(
        ring.begin(exec, 3).await,
        Applied::TooLate,
        "a cancel wins over a retry"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_recorded_together_each_as_if_alone() {
    let ring = Ring::new().await;
    let (has_another, has_it, has_none) = (ring.created().await, ring.created().await, {
        let exec = ring.exec().await;
        assert_eq!(ring.begin(exec, 1).await, Applied::Done);
        exec
    });
    let made = |exec, attempt, uid: &str| MadeJob {
        exec,
        attempt,
        uid: uid.to_owned(),
    };
    let mut conn = ring.conn().await;
    let jobs = [
        made(has_none, 2, "job-3"),
        made(has_another, 1, "job-2"),
        made(has_none, 1, "job-3"),
        made(ExecId::new(), 1, "job-4"),
        made(has_it, 1, "job-1"),
    ];
    let applied = lifecycle::record_jobs(&mut conn, &jobs).await.unwrap();
    let late = Applied::TooLate;
    assert_eq!(applied, [late, late, Applied::Done, late, Applied::Done]);
    for (exec, uid) in [
        (has_another, "job-1"),
        (has_it, "job-1"),
        (has_none, "job-3"),
    ] {
        let stored = ring.tracked(exec).await.attempts.remove(0).job_uid;
        assert_eq!(stored.as_deref(), Some(uid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_forgotten_only_before_a_claim() {
    let ring = Ring::new().await;
    let exec = ring.created().await;
    let mut conn = ring.conn().await;
    assert_eq!(ring.record_job(exec, "job-2").await, Applied::TooLate);
    for (uid, expected) in [("job-2", Applied::TooLate), ("job-1", Applied::Done)] {
        assert_eq!(
            lifecycle::forget_job(&mut conn, exec, 1, uid)
                .await
                .unwrap(),
            expected
        );
    }
    assert_eq!(ring.record_job(exec, "job-2").await, Applied::Done);
    ring.claim(exec, "pod-1").await;
    let late = lifecycle::forget_job(&mut conn, exec, 1, "job-2").await;
    assert_eq!(late.unwrap(), Applied::TooLate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_exec_can_be_referred_to() {
    let ring = Ring::new().await;
    let exec = ring.created().await;
    let mut conn = ring.conn().await;
    let held: Result<_, StoreError> = conn
        .transaction(async |conn| {
            let forgotten = lifecycle::forget_job(conn, exec, 1, "another").await;
            ring.owner(&format!(
                "SET lock_timeout = '2s';
                 INSERT INTO exec_events (exec_id, attempt, kind, at, message)
                     VALUES ('{exec}', 0, 'cancel_requested', now(), '')"
            ))
            .await;
            forgotten
        })
        .await;
    assert_eq!(held.unwrap(), Applied::TooLate);
}
