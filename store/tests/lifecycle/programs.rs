//! What execs run.

use std::collections::BTreeSet;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_an_exec_runs_is_read_with_whether_there_are_credentials() {
    let ring = Ring::new().await;
    let exec = ring.exec().await;
    let mut conn = ring.conn().await;
    let (other, none) = (ring.exec().await, ExecId::new());
    let programs = lifecycle::programs(&mut conn, &[exec, none, other])
        .await
        .unwrap();
    assert_eq!(
        programs.keys().collect::<BTreeSet<_>>(),
        [&exec, &other].into()
    );
    let program = &programs[&exec];
    assert_eq!(program.spec.image(), "i:t");
    let told = (program.job_name.as_str(), program.slot_at);
    assert_eq!(told, ("j", None));
    for (namespace, has_registries) in [("other", false), ("demo", true)] {
        ring.owner(&format!(
            "INSERT INTO accounts (name) VALUES ('{namespace}');
             WITH password AS (INSERT INTO secrets (namespace, key_id, sealed)
                 VALUES ('{namespace}', 'k', '') RETURNING id)
             INSERT INTO registry_credentials (namespace, registry, username, password_id)
                 SELECT '{namespace}', 'r.io', 'u', id FROM password"
        ))
        .await;
        let programs = lifecycle::programs(&mut conn, &[exec]).await.unwrap();
        assert_eq!(
            programs[&exec].has_registries, has_registries,
            "{namespace}"
        );
    }
}
