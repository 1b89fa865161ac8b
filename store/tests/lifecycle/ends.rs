//! How a run goes and ends, and what is told of it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_step_by_step() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let begun = now();
    let mut conn = ring.conn().await;
    for expected in [Applied::Done, Applied::TooLate] {
        let placed = lifecycle::place(&mut conn, exec, 1, &placement(begun)).await;
        assert_eq!(placed.unwrap(), expected);
    }
    for expected in [Applied::Done, Applied::TooLate] {
        let start = started(begun + TimeDelta::milliseconds(1));
        let result: Result<_, StoreError> = conn
            .transaction(async |conn| lifecycle::start(conn, exec, 1, &start).await)
            .await;
        assert_eq!(result.unwrap(), expected);
    }
    assert_eq!(ring.tracked(exec).await.state, ExecState::Running);
    let mut end = ending(ExecEvent::Failed, Reason::ExitCode);
    end.exit_code = Some(3);
    end.at = begun - TimeDelta::seconds(5);
    assert_eq!(ring.end(exec, &end).await, Ended::Moved(ExecState::Failed));
    assert_eq!(ring.end(exec, &end).await, Ended::Stays);
    let refused = ring
        .end(exec, &ending(ExecEvent::Succeeded, Reason::Completed))
        .await;
    assert_eq!(refused, Ended::Refused(ExecState::Failed));
    let tracked = ring.tracked(exec).await;
    assert_eq!(
        tracked.ended_at,
        Some(begun + TimeDelta::milliseconds(1)),
        "never before its start"
    );
    assert!(tracked.attempts[0].settled_at > tracked.ended_at);
    let kinds: Vec<_> = ring
        .kinds(exec)
        .await
        .into_iter()
        .map(|entry| entry.1)
        .collect();
    for kind in [
        EventKind::Attempted,
        EventKind::Claimed,
        EventKind::Pulling,
        EventKind::Running,
        EventKind::Ended,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    assert_eq!(kinds.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubernetes_said_stands_in_the_timeline_with_what_this_version_knows() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let mut end = ending(ExecEvent::Failed, Reason::ImagePull);
    end.said = Some("Failed (3 times)".to_owned());
    ring.end(exec, &end).await;
    ring.owner(&format!(
        "INSERT INTO exec_events VALUES ('{exec}', 1, 'of_a_newer_version', now(), '')"
    ))
    .await;
    let told = ring.kinds(exec).await;
    let said = (1, EventKind::Kubernetes, "Failed (3 times)".to_owned());
    assert!(told.contains(&said), "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_repeated_waits_again() {
    let ring = Ring::new().await;
    for seen_running in [true, false] {
        let exec = ring.claimed().await;
        let start = started(now());
        if seen_running {
            let mut conn = ring.conn().await;
            let result: Result<_, StoreError> = conn
                .transaction(async |conn| lifecycle::start(conn, exec, 1, &start).await)
                .await;
            assert_eq!(result.unwrap(), Applied::Done);
        }
        let mut end = ending(ExecEvent::Failed, Reason::ExitCode);
        (end.exit_code, end.start) = (Some(3), Some(start));
        assert_eq!(ring.retry(exec, end.clone()).await, Applied::Done);
        assert_eq!(ring.retry(exec, end.clone()).await, Applied::TooLate);
        let tracked = ring.tracked(exec).await;
        assert_eq!((tracked.state, tracked.attempt), (ExecState::Waiting, 2));
        assert_eq!(tracked.attempts[0].reason, Some(Reason::ExitCode));
        assert!(tracked.attempts[0].started_at.is_some());
        assert_eq!(tracked.attempts[1].started_at, None);
        assert_eq!(ring.end(exec, &end).await, Ended::Stays, "another attempt");
        let kinds = ring.kinds(exec).await;
        let running = kinds.iter().find(|kind| kind.1 == EventKind::Running);
        assert_eq!(running.map(|kind| kind.0), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_keeps_the_rules_of_its_exec() {
    let ring = Ring::new().await;
    let exec = ring.exec().await;
    let rules = r#"{"timeout": 5, "retries": 2, "retry_on": [1, "oom"], "secret_vars": {"S": 1}}"#;
    ring.owner(&format!(
        "UPDATE execs SET spec = spec || '{rules}' WHERE id = '{exec}'"
    ))
    .await;
    ring.begin(exec, 1).await;
    let kept = &ring.tracked(exec).await.attempts[0].rules;
    let expected = RunRules {
        timeout: Some(5),
        retries: Some(2),
        retry_on: Some(vec![RetryOn::ExitCode(1), RetryOn::Reason(Reason::Oom)]),
        ..RunRules::default()
    };
    assert_eq!(*kept, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_never_seen_running_makes_both_moves() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let at = now();
    let mut end = ending(ExecEvent::Succeeded, Reason::Completed);
    assert_eq!(
        ring.end(exec, &end).await,
        Ended::Refused(ExecState::Waiting)
    );
    end.start = Some(started(at));
    assert_eq!(
        ring.end(exec, &end).await,
        Ended::Moved(ExecState::Succeeded)
    );
    let lines: Vec<_> = ring
        .kinds(exec)
        .await
        .into_iter()
        .map(|entry| entry.2)
        .collect();
    assert!(lines.contains(&"Start running!".to_owned()));
    assert!(lines.contains(&"Start pulling image: i:t".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_verdict_stays() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let mut conn = ring.conn().await;
    for (reason, expected) in [
        (Reason::ImagePull, Applied::Done),
        (Reason::ConfigError, Applied::TooLate),
    ] {
        let verdict = StopReason {
            reason,
            message: "m".to_owned(),
        };
        let condemned = lifecycle::condemn(&mut conn, exec, 1, &verdict).await;
        assert_eq!(condemned.unwrap(), expected);
    }
    assert_eq!(
        ring.tracked(exec).await.attempts[0].reason,
        Some(Reason::ImagePull)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_is_corrected_by_evidence() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let lost = ending(ExecEvent::Vanished, Reason::NodeLost);
    assert_eq!(ring.end(exec, &lost).await, Ended::Moved(ExecState::Lost));
    let mut real = ending(ExecEvent::Succeeded, Reason::Completed);
    real.at -= TimeDelta::minutes(5);
    real.line = "Succeeded.".to_owned();
    assert_eq!(
        ring.end(exec, &real).await,
        Ended::Moved(ExecState::Succeeded)
    );
    assert_eq!(ring.end(exec, &lost).await, Ended::Stays);
    let (_, kind, line) = ring.kinds(exec).await.pop().unwrap();
    assert_eq!((kind, &*line), (EventKind::Corrected, "Succeeded."));
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_a_log_is_told_once() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let first = now();
    let mut conn = ring.conn().await;
    for at in [first, first + TimeDelta::seconds(1)] {
        lifecycle::abandon_logs(&mut conn, exec, 1, (at, "gone"))
            .await
            .unwrap();
    }
    let attempt = &ring.tracked(exec).await.attempts[0];
    assert_eq!(attempt.logs_abandoned_at, Some(first));
}

/// Since when stays as it was while the phase does.
#[tokio::test(flavor = "multi_thread")]
async fn an_obstacle_is_told_with_its_beginning() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let mut conn = ring.conn().await;
    let begun = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
    let minute = |minutes| begun + TimeDelta::minutes(minutes);
    for (at, phase, message, since) in [
        (0, Phase::Unschedulable, "full", 0),
        (1, Phase::Unschedulable, "fuller", 0),
        (2, Phase::Pulling, "no image", 2),
    ] {
        let message = message.to_owned();
        let obstacle = Obstacle { phase, message };
        let told = lifecycle::tell(&mut conn, exec, 1, (&obstacle, minute(at))).await;
        assert_eq!(told.unwrap(), Applied::Done);
        let tracked = ring.tracked(exec).await;
        assert_eq!(tracked.attempts[0].obstacle, Some(obstacle));
        let since = minute(since).to_rfc3339();
        let kept = format!("exec_attempts WHERE obstacle_since = '{since}'");
        assert_eq!(ring.database.rows(&kept).await, 1);
    }
    ring.end(exec, &ending(ExecEvent::Failed, Reason::ImagePull))
        .await;
    let late = Obstacle {
        phase: Phase::Starting,
        message: String::new(),
    };
    let told = lifecycle::tell(&mut conn, exec, 1, (&late, now())).await;
    assert_eq!(told.unwrap(), Applied::TooLate);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_execs_are_read_page_by_page() {
    let ring = Ring::new().await;
    let (first, second, over) = (
        ring.exec().await,
        ring.claimed().await,
        ring.created().await,
    );
    ring.cancel(first).await;
    ring.end(over, &ending(ExecEvent::Failed, Reason::PodRefused))
        .await;
    let mut conn = ring.conn().await;
    let mut seen = Vec::new();
    let mut after = None;
    while let Some(exec) = lifecycle::open_page(&mut conn, REGION, Shards::ALL, after, 1)
        .await
        .unwrap()
        .pop()
    {
        after = Some(exec.id);
        seen.push((exec.id, exec.attempts.len()));
    }
    assert_eq!(seen, [(first, 0), (second, 1)]);
    assert!(
        lifecycle::open_page(&mut conn, "elsewhere", Shards::ALL, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    // All are of shard 0 here.
    let own: Shards = std::iter::once(0).collect();
    let others = Shards::ALL.without(own);
    for (shards, open) in [(own, 2), (others, 0), (Shards::default(), 0)] {
        let page = lifecycle::open_page(&mut conn, REGION, shards, None, 9).await;
        assert_eq!(page.unwrap().len(), open);
        let held = lifecycle::held(&mut conn, REGION, shards).await.unwrap();
        let claimed = open / 2;
        let expected = Held {
            jobs: claimed,
            pods: claimed,
            placed: 0,
        };
        assert_eq!(held, expected, "{shards:?}");
    }
}
