//! The four services on an infrastructure, with a database, a vhost and a label of their own.

mod backup;
pub mod builder;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use url::Url;

use self::builder::RingBuilder;
use crate::command::run;
use crate::infra::Infra;
use crate::process::{self, Program};
use crate::rabbitmq::RabbitMq;
use crate::ready::until_ready;
use crate::root::Root;
use crate::service::Service;
use crate::wait::answers;
use crate::{infra, ports, postgres, rabbitmq};

const READY: Duration = Duration::from_mins(1);

/// A running ring. Dropping it kills its processes, except for the one of `make up`.
#[derive(Debug)]
pub struct Ring {
    pub(crate) root: Root,
    pub(crate) name: String,
    pub(crate) main: bool,
    pub(crate) label: String,
    pub(crate) region: String,
    pub(crate) instance: String,
    pub(crate) server: Url,
    pub(crate) database_url: Url,
    pub(crate) amqp_url: Url,
    pub(crate) api: Option<String>,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) keys: String,
    pub(crate) broker: Option<RabbitMq>,
    pub(crate) env: Vec<(Service, String, String)>,
    pub(crate) replicas: Mutex<Vec<(Service, String)>>,
}

impl Ring {
    /// A ring of that name (letters, digits, dashes), unique on its infrastructure.
    pub fn builder(infra: &Infra, name: &str) -> RingBuilder {
        RingBuilder {
            infra: infra.clone(),
            name: name.to_owned(),
            main: false,
            own_broker: false,
            services: Service::ALL.to_vec(),
            env: Vec::new(),
        }
    }

    /// The ring of `make up`, whose services carry no prefix and outlive this process.
    pub(crate) fn main(infra: &Infra) -> RingBuilder {
        RingBuilder {
            main: true,
            ..Self::builder(infra, "main")
        }
    }

    /// Starts the first replica of a service unless it runs; true when started.
    pub async fn start(&self, service: Service) -> Result<bool> {
        self.start_replica(service, 1).await
    }

    /// Starts the n-th replica (from 1) of a service unless it runs; true when started.
    pub async fn start_replica(&self, service: Service, number: u32) -> Result<bool> {
        let name = self.replica(service, number);
        if process::is_running(&self.root, &name)? {
            return Ok(false);
        }
        let health = ports::claim(&self.root, &format!("{name}-health"))?;
        let mut program = Program::new(&name, service.file()?);
        if service == Service::Gateway {
            let port = ports::claim(&self.root, &name)?;
            program = program.env("ESCAPEMENT__API__LISTEN", format!("127.0.0.1:{port}"));
        }
        program = program.env("ESCAPEMENT__HEALTH__LISTEN", format!("127.0.0.1:{health}"));
        for (key, value) in self.configuration(service)? {
            program = program.env(&key, value);
        }
        program.start(&self.root)?;
        if let Ok(mut replicas) = self.replicas.lock() {
            replicas.push((service, name.clone()));
        }
        let url = format!("http://127.0.0.1:{health}/readyz");
        until_ready(&self.root, &name, READY, || answers(&url)).await?;
        Ok(true)
    }

    /// Ends the first replica with SIGKILL and waits until it is gone.
    pub async fn kill(&self, service: Service) -> Result<()> {
        self.kill_replica(service, 1).await
    }

    /// Ends the n-th replica with SIGKILL and waits until it is gone.
    pub async fn kill_replica(&self, service: Service, number: u32) -> Result<()> {
        process::kill_now(&self.root, &self.replica(service, number)).await
    }

    /// Ends the first replica with SIGTERM and waits until it is gone.
    pub async fn stop(&self, service: Service) -> Result<()> {
        infra::stop(&self.root, &self.replica(service, 1)).await
    }

    /// Stops the first replica in order and starts it again.
    pub async fn restart(&self, service: Service) -> Result<()> {
        self.stop(service).await?;
        self.start(service).await.map(drop)
    }

    /// The ring's own broker, when it was asked for.
    pub fn broker(&self) -> Option<&RabbitMq> {
        self.broker.as_ref()
    }

    /// The origin of the REST API, without `/v1`.
    pub fn api_url(&self) -> Result<String> {
        self.api_url_of(1)
    }

    /// The same of the n-th replica.
    pub fn api_url_of(&self, number: u32) -> Result<String> {
        let port = ports::known(&self.root, &self.replica(Service::Gateway, number))?;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// The origin of a replica's `/healthz`, `/readyz` and `/metrics`.
    pub fn health_url(&self, service: Service, number: u32) -> Result<String> {
        let name = format!("{}-health", self.replica(service, number));
        Ok(format!(
            "http://127.0.0.1:{}",
            ports::known(&self.root, &name)?
        ))
    }

    /// The process id of a running replica.
    pub fn pid(&self, service: Service, number: u32) -> Result<i32> {
        let name = self.replica(service, number);
        let running = process::running(&self.root, &name)?;
        Ok(running.with_context(|| format!("{name} does not run"))?.pid)
    }

    /// The log file of a replica.
    pub fn log(&self, service: Service, number: u32) -> PathBuf {
        self.root.log(&self.replica(service, number))
    }

    /// The ring's database, as superuser.
    pub fn database_url(&self) -> &Url {
        &self.database_url
    }

    /// The ring's vhost.
    pub fn amqp_url(&self) -> &Url {
        &self.amqp_url
    }

    /// The cluster's administrator.
    pub fn kubeconfig(&self) -> &PathBuf {
        &self.kubeconfig
    }

    /// The value of the label by which this ring knows its objects in the cluster.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The name of its only region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Everything in the ring's database, as text.
    pub async fn dump(&self) -> Result<String> {
        postgres::dump(&self.database_url).await
    }

    /// Runs one statement in the ring's database and returns its rows as plain text.
    pub async fn query(&self, sql: &str) -> Result<String> {
        postgres::query(&self.database_url, sql).await
    }

    /// Creates an account of that name unless there is one, and returns a new token.
    pub async fn create_account(&self, name: &str) -> Result<String> {
        let create = ["create-account", name, "--existing"];
        token_in(&run(&mut self.command(Service::Gateway, &create)?).await?)
    }

    /// Empties the cluster of what is this ring's; `now` also of what is not recorded.
    pub async fn release(&self, now: bool) -> Result<()> {
        let args: &[&str] = if now {
            &["release", "--now"]
        } else {
            &["release"]
        };
        run(&mut self.command(Service::Executor, args)?)
            .await
            .map(drop)
    }

    /// Brings the database to the newest schema.
    pub async fn migrate(&self) -> Result<()> {
        let owner = ("ESCAPEMENT__DATABASE__URL", self.database_url.as_str());
        let mut migrate = self.command(Service::Gateway, &["migrate"])?;
        run(migrate.env(owner.0, owner.1)).await.map(drop)
    }

    /// Ends the services and removes database, vhost and own broker.
    pub async fn down(self) -> Result<()> {
        for name in self.names() {
            infra::stop(&self.root, &name).await?;
        }
        if let Some(broker) = &self.broker {
            broker.kill().await?;
        } else if let Some(api) = &self.api {
            rabbitmq::delete_vhost(api, &self.label).await?;
        }
        postgres::drop_database(&self.server, &self.label).await?;
        ports::forget(&self.root, &format!("{}.", self.name))
    }

    /// The process name of a replica.
    pub(crate) fn replica(&self, service: Service, number: u32) -> String {
        let prefix = if self.main {
            String::new()
        } else {
            format!("{}.", self.name)
        };
        let suffix = if number < 2 {
            String::new()
        } else {
            format!("-{number}")
        };
        format!("{prefix}{}{suffix}", service.program())
    }

    fn names(&self) -> Vec<String> {
        let replicas = self.replicas.lock();
        replicas.map_or_else(
            |_| Vec::new(),
            |replicas| replicas.iter().map(|(_, name)| name.clone()).collect(),
        )
    }

    /// A command of a service that ends by itself.
    fn command(&self, service: Service, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(service.file()?);
        command.args(args).envs(self.configuration(service)?);
        Ok(command)
    }
}

/// The token in what `api-gateway create-account` printed.
pub fn token_in(printed: &str) -> Result<String> {
    let token = printed.split_whitespace().next_back().unwrap_or_default();
    if token.len() != 40 {
        bail!("create-account printed no token: {printed}");
    }
    Ok(token.to_owned())
}

impl Drop for Ring {
    fn drop(&mut self) {
        if self.main {
            return;
        }
        let brokers = self.broker.iter().flat_map(RabbitMq::components);
        for name in self.names().into_iter().chain(brokers) {
            // What this misses, the root's teardown ends.
            let _ = process::signal_all(&self.root, &name);
        }
    }
}
