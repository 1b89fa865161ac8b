//! A database, an API server and pods whose programs print.

use std::sync::Arc;
use std::time::Duration;

use cluster::{PodIdentity, names};
use k8s_openapi::api::core::v1::Pod;
use log_svc::tail::{Tail, TailContext};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_types::{Command, ExecId, ExecSpec, TriggerMode};
use store::execs::{self, NewExec};
use store::jobs::{self, JobDefinition};
use store::logs::{self, Filter, LogLine, PageLimits, Stream, StreamKey};
use store::secrets::{self, Keyring, SecretsConfig};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, Store, StoreError};
use tokio::sync::watch;

use crate::container::{Container, FileLine, STARTED};
use crate::server::ApiServer;

pub(crate) const REGION: &str = "default";

/// Whose values the tests' execs are given.
pub(crate) const KEY: &str = "test:dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

/// What a test works with.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) store: Store,
    pub(crate) server: ApiServer,
}

/// One attempt of one exec, and its pod.
pub(crate) struct Attempt {
    pub(crate) key: StreamKey,
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) container: Arc<Container>,
    pub(crate) show: watch::Sender<Option<Arc<Pod>>>,
    body: Value,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store(DatabaseRole::Logs);
        let server = ApiServer::start().await;
        Self {
            database,
            store,
            server,
        }
    }

    /// A running exec whose pod holds both finalizers and prints nothing yet.
    pub(crate) async fn attempt(&self) -> Attempt {
        self.attempt_with(&[]).await
    }

    /// One with secret variables of these values.
    pub(crate) async fn attempt_with(&self, values: &[&str]) -> Attempt {
        let exec = self.exec(values, false).await;
        self.attempt_of(exec)
    }

    /// One whose output's end is to be proved.
    pub(crate) async fn proving_attempt(&self) -> Attempt {
        let exec = self.exec(&[], true).await;
        self.attempt_of(exec)
    }

    fn attempt_of(&self, exec: ExecId) -> Attempt {
        let (name, uid) = (exec.job_name(1), format!("uid-{exec}"));
        let identity = PodIdentity {
            exec,
            attempt: 1,
            job: shared_types::JobId(1),
            namespace: "demo".to_owned(),
        };
        let mut labels =
            json!({ names::MANAGED_BY: names::ESCAPEMENT, names::INSTANCE: "escapement" });
        for (label, value) in identity.labels() {
            labels[label] = json!(value);
        }
        let body = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": "jobs-demo", "uid": uid, "labels": labels,
                "finalizers": [names::LOGS_FINALIZER],
            },
            "spec": { "nodeName": "node", "containers": [] },
            "status": { "phase": "Pending" },
        });
        let container = self.server.state.container(&name);
        let key = StreamKey { exec, attempt: 1 };
        let show = watch::Sender::new(None);
        let attempt = Attempt {
            key,
            uid,
            name,
            container,
            show,
            body,
        };
        self.show(
            &attempt,
            &json!({ "running": { "startedAt": STARTED } }),
            "Running",
        );
        attempt
    }

    async fn exec(&self, values: &[&str], log_proof: bool) -> ExecId {
        let mut owner = self.database.owner().await;
        let values: Vec<SecretString> = values.iter().map(|value| (*value).into()).collect();
        let keyring = Keyring::new(&SecretsConfig { keys: KEY.into() }).unwrap();
        let ids = secrets::insert(&mut owner, &keyring, "demo", &values).await;
        let named = ids.unwrap().into_iter().enumerate();
        let spec = ExecSpec {
            command: Command::Words(Vec::new()),
            image_repo: "demo".to_owned(),
            image_tag: "1".to_owned(),
            size: "XS".to_owned(),
            vars: std::collections::BTreeMap::new(),
            entrypoint: Vec::new(),
            log_proof,
            secret_vars: named.map(|(n, id)| (format!("SECRET_{n}"), id)).collect(),
            rules: shared_types::RunRules::default(),
        };
        let new = JobDefinition {
            namespace: "demo".to_owned(),
            name: "j".to_owned(),
            created_by: "demo".to_owned(),
            region: REGION.to_owned(),
            spec: spec.clone(),
            max_running: None,
            email_enabled: false,
            schedule_mode: None,
            schedule_rules: shared_types::ScheduleRules::default(),
            schedule_active: false,
        };
        let job = owner
            .transaction::<_, StoreError, _>(async |conn| jobs::insert(conn, new).await)
            .await
            .unwrap();
        let exec = NewExec {
            id: ExecId::new(),
            job_id: job.id,
            namespace: "demo".to_owned(),
            region: REGION.to_owned(),
            trigger_mode: TriggerMode::Manual,
            slot_at: None,
            created_by: "demo".to_owned(),
            spec,
        };
        execs::insert(&mut owner, std::slice::from_ref(&exec))
            .await
            .unwrap();
        exec.id
    }

    pub(crate) fn tail(&self, attempt: &Attempt) -> Tail {
        tail_in(&self.context(), attempt)
    }

    /// Changes the container's state, in the cluster and before the tail's eyes.
    pub(crate) fn show(&self, attempt: &Attempt, state: &Value, phase: &str) {
        let mut body = attempt.body.clone();
        body["status"] = json!({ "phase": phase, "containerStatuses": [{
            "name": "main", "state": state, "image": "i", "imageID": "i",
            "ready": false, "restartCount": 0,
        }]});
        let pod = self.server.state.put_pod(body);
        attempt
            .show
            .send_replace(Some(Arc::new(serde_json::from_value(pod).unwrap())));
    }

    /// The program ends: first its file, then the pod's status.
    pub(crate) fn end(&self, attempt: &Attempt) {
        attempt.container.change(|file| file.ended = true);
        let ended = json!({ "terminated": {
            "exitCode": 0, "containerID": "containerd://1", "reason": "Completed",
            "startedAt": STARTED,
        }});
        self.show(attempt, &ended, "Succeeded");
    }

    pub(crate) async fn stored(&self, attempt: &Attempt) -> Vec<LogLine> {
        let limits = PageLimits {
            lines: usize::MAX,
            bytes: usize::MAX,
            scan: usize::MAX,
        };
        let mut conn = self.store.connection().await.unwrap();
        let every = Filter::default();
        let page = logs::read(&mut conn, attempt.key, 0, &every, limits).await;
        page.unwrap()
            .lines
            .into_iter()
            .map(|line| line.line)
            .collect()
    }

    pub(crate) async fn stream(&self, attempt: &Attempt) -> Option<Stream> {
        let mut conn = self.store.connection().await.unwrap();
        logs::get(&mut conn, attempt.key).await.unwrap()
    }

    /// Stored, sealed and let go, with exactly these lines.
    pub(crate) async fn assert_complete(&self, attempt: &Attempt, lines: &[FileLine]) {
        let stored: Vec<_> = self
            .stored(attempt)
            .await
            .into_iter()
            .map(|line| (line.at, line.bytes))
            .collect();
        let printed: Vec<_> = lines
            .iter()
            .map(|line| (line.at, line.bytes.clone()))
            .collect();
        assert_eq!(stored.len(), printed.len());
        assert!(stored == printed, "stored lines differ from printed ones");
        let stream = self.stream(attempt).await.unwrap();
        assert_eq!((stream.complete, stream.message), (Some(true), None));
        self.server.state.let_go(&attempt.name).await;
    }
}

/// A tail of one log service; several tails of one context are one process's.
pub(crate) fn tail_in(context: &Arc<TailContext>, attempt: &Attempt) -> Tail {
    let shown = attempt.show.subscribe();
    Tail::new(context.clone(), attempt.key, attempt.uid.clone(), shown)
}

/// Waits for something that must happen soon.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_mins(1), future)
        .await
        .expect("did not happen in time")
}
