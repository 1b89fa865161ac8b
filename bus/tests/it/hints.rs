//! Every replica hears every hint it is bound to.

use bus::testing::Vhost;
use bus::{Enqueued, HintBinding, HintRoute};
use shared_types::id::ExecId;
use shared_types::message::Hint;

use crate::ring::{Replica, within};

fn changed(namespace: &str) -> HintRoute {
    HintRoute::ExecChanged {
        namespace: namespace.to_owned(),
    }
}

#[tokio::test]
async fn each_replica_hears_its_hints_and_no_others() {
    let vhost = Vhost::create().await;
    let (one, two) = (Replica::start(&vhost), Replica::start(&vhost));
    let cancel = HintRoute::Cancel {
        region: "eu".to_owned(),
    };
    let mut all = one.bus.hints(vec![
        HintBinding::AnyExecChanged,
        HintBinding::Route(cancel.clone()),
    ]);
    let mut mine = two.bus.hints(vec![HintBinding::Route(changed("mine"))]);
    for hints in [&all, &mine] {
        within(hints.bound().wait_for(|bound| *bound))
            .await
            .unwrap();
    }
    let publisher = one.bus.publisher();
    let ids: Vec<_> = (0..3).map(|_| ExecId::new()).collect();
    let hint = |n: usize| Hint::ExecChanged { exec_id: ids[n] };
    let cancelled = Hint::CancelRequested { exec_id: ids[0] };
    assert_eq!(
        publisher.hint(&hint(0), &changed("other")),
        Enqueued::Queued
    );
    assert_eq!(publisher.hint(&hint(1), &changed("mine")), Enqueued::Queued);
    assert_eq!(publisher.hint(&cancelled, &cancel), Enqueued::Queued);
    assert_eq!(publisher.hint(&hint(2), &changed("mine")), Enqueued::Queued);

    for expected in [hint(0), hint(1), cancelled, hint(2)] {
        assert_eq!(within(all.recv()).await, Some(expected));
    }
    for expected in [hint(1), hint(2)] {
        assert_eq!(within(mine.recv()).await, Some(expected));
    }
    one.stop().await;
    two.stop().await;
}
