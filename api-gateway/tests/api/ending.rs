//! Ends execs as their executor would.

use serde_json::Value;
use shared_types::{ExecEvent, ExecId, Reason};
use store::lifecycle::{self, End, Ended};
use store::{AsyncConnection, DatabaseRole, StoreError};

use crate::app::TestApp;

pub(crate) fn exec_id(exec: &Value) -> ExecId {
    exec["id"].as_str().unwrap().parse().unwrap()
}

/// The exec has been cancelled from now on.
pub(crate) async fn end(app: &TestApp, exec: &Value) {
    let end = End {
        attempt: 0,
        event: ExecEvent::Cancelled,
        reason: Reason::CancelledByUser,
        message: "cancelled".to_owned(),
        line: "cancelled".to_owned(),
        exit_code: None,
        at: chrono::Utc::now(),
        start: None,
        placement: None,
        said: None,
        only_unclaimed: true,
    };
    let id = exec_id(exec);
    let mut conn = app
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    let ended =
        conn.transaction::<Ended, StoreError, _>(async |conn| lifecycle::end(conn, id, &end).await);
    assert!(matches!(ended.await.unwrap(), Ended::Moved(_)));
}
