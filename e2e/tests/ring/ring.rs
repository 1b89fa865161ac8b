//! One test's ring, and waiting for what must become true.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use devstack::ring::builder::RingBuilder;
use devstack::{Infra, Service};
use e2e::client::Exec;
use e2e::{Client, Kubectl};

/// Longest wait for anything; far above what an idle machine needs.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

const POLL: Duration = Duration::from_millis(100);

/// A ring of this test's own.
pub(crate) struct TestRing {
    name: String,
    ring: devstack::Ring,
}

/// Starts a ring on the infrastructure that `make test` or `make e2e` set up.
pub(crate) async fn start() -> TestRing {
    start_with(false, &Service::ALL).await
}

/// The same with some of the services only.
pub(crate) async fn start_only(services: &[Service]) -> TestRing {
    start_with(false, services).await
}

/// The same with a RabbitMQ that no other test uses.
pub(crate) async fn start_with_own_broker() -> TestRing {
    start_with(true, &Service::ALL).await
}

/// The same with settings of single services.
pub(crate) async fn start_told(settings: &[(Service, &str, &str)]) -> TestRing {
    let (name, builder) = named();
    let told = |builder: RingBuilder, (service, key, value): &(Service, &str, &str)| {
        builder.env(*service, key, value)
    };
    let builder = settings.iter().fold(builder, told);
    let ring = builder.start().await.unwrap();
    TestRing { name, ring }
}

/// The same with a setting of all services.
pub(crate) async fn start_all_told((key, value): (&str, &str)) -> TestRing {
    let (name, builder) = named();
    let told = |builder: RingBuilder, service| builder.env(service, key, value);
    let builder = Service::ALL.into_iter().fold(builder, told);
    let ring = builder.start().await.unwrap();
    TestRing { name, ring }
}

/// A file of settings, for the variable `ESCAPEMENT_CONFIG`.
pub(crate) fn settings(name: &str, text: &str) -> PathBuf {
    let file = format!("{name}-{}.toml", std::process::id());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
    std::fs::write(&file, text).unwrap();
    file
}

fn named() -> (String, RingBuilder) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("e2e-{}-{number}", std::process::id());
    let infra = Infra::from_env().expect("run this with `make e2e`");
    let builder = devstack::Ring::builder(&infra, &name);
    (name, builder)
}

async fn start_with(own_broker: bool, services: &[Service]) -> TestRing {
    let (name, builder) = named();
    let mut builder = builder.only(services);
    if own_broker {
        builder = builder.own_broker();
    }
    let ring = builder.start().await.unwrap();
    TestRing { name, ring }
}

/// A look into the cluster that all rings share.
pub(crate) fn kubectl() -> Kubectl {
    Kubectl::new(devstack::kubectl().unwrap())
}

impl TestRing {
    /// A client with an account of this test's own.
    pub(crate) async fn client(&self) -> Client {
        self.client_of(&self.name).await
    }

    /// A client with an account of that name.
    pub(crate) async fn client_of(&self, account: &str) -> Client {
        let token = self.ring.create_account(account).await.unwrap();
        Client::new(&self.ring.api_url().unwrap(), &token)
    }

    /// The services, and what they stand on.
    pub(crate) fn stack(&self) -> &devstack::Ring {
        &self.ring
    }

    /// The name of the ring, and of [`Self::client`]'s account.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// SIGKILL.
    pub(crate) async fn kill(&self, service: Service) {
        self.ring.kill(service).await.unwrap();
    }

    /// Starts it after a kill.
    pub(crate) async fn start_again(&self, service: Service) {
        self.ring.start(service).await.unwrap();
    }

    /// Starts a second replica.
    pub(crate) async fn start_second(&self, service: Service) {
        self.ring.start_replica(service, 2).await.unwrap();
    }

    /// Stops this ring's own broker.
    pub(crate) async fn stop_broker(&self) {
        self.ring.broker().unwrap().stop().await.unwrap();
    }

    /// Starts it again.
    pub(crate) async fn start_broker(&self) {
        self.ring.broker().unwrap().ensure().await.unwrap();
    }

    /// The exec's log once log-svc has sealed it.
    pub(crate) async fn sealed_log(&self, client: &Client, exec: &Exec) -> Vec<String> {
        let sealed = format!(
            "SELECT bool_and(complete) FROM log_streams WHERE exec_id = '{}'
                 HAVING bool_and(sealed_at IS NOT NULL)",
            exec.id
        );
        eventually("the log is sealed", async || {
            !self.ring.query(&sealed).await.unwrap().trim().is_empty()
        })
        .await;
        assert_eq!(
            self.ring.query(&sealed).await.unwrap().trim(),
            "t",
            "log is incomplete"
        );
        client.log(exec).await.unwrap()
    }

    /// Deletes the exec's pod, as somebody might.
    pub(crate) async fn delete_pod(&self, exec: &Exec) {
        let kubectl = kubectl();
        let namespace = format!("--namespace=jobs-{}", self.name);
        let selector = format!("--selector=escapement.dev/exec={}", exec.id);
        let delete = ["delete", "pod", "--wait=false", &namespace, &selector];
        kubectl.run(&delete, None).await.unwrap();
    }

    /// Waits until no Job, no pod and no Secret of this ring is in the cluster; a pod that
    /// is gone has no finalizer either.
    pub(crate) async fn leaves_nothing_behind(&self) {
        let kubectl = kubectl();
        eventually("the cluster is empty again", async || {
            let left = kubectl
                .list("jobs,pods,secrets", self.ring.instance())
                .await
                .unwrap();
            left.is_empty()
        })
        .await;
    }
}

/// Waits until `holds`, or fails saying what did not come true.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds().await {
        assert!(Instant::now() < deadline, "it never came true that {what}");
        tokio::time::sleep(POLL).await;
    }
}
