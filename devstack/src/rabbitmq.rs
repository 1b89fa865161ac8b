//! RabbitMQ from Debian's package: one node per root, everything on loopback.
//!
//! A ring may also ask for a node of its own, so that a test can stop it
//! without disturbing others.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::command::need;
use crate::ports;
use crate::process::{self, Program};
use crate::ready::until_ready;
use crate::root::Root;
use crate::tls;
use crate::wait::until;

/// The start script itself; the one in `/usr/sbin` changes users.
/// The component name of the shared node.
pub(crate) const NAME: &str = "rabbitmq";
pub(crate) const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const USER: &str = "escapement";
const LIMIT: Duration = Duration::from_secs(90);

/// One RabbitMQ node of a root.
#[derive(Debug, Clone)]
pub struct RabbitMq {
    root: Root,
    name: String,
}

impl RabbitMq {
    /// The node of that component name; nothing is started.
    pub(crate) fn new(root: &Root, name: &str) -> Self {
        Self {
            root: root.clone(),
            name: name.to_owned(),
        }
    }

    /// Starts it unless it runs and waits until it takes connections; true when started.
    pub async fn ensure(&self) -> Result<bool> {
        let started = self.start_epmd().await? | self.start_node()?;
        if started {
            let amqp = ports::known(&self.root, &self.name)?;
            let api = format!("{}/api/vhosts", self.api()?);
            until_ready(&self.root, &self.name, LIMIT, || async {
                handshakes(amqp).await && crate::wait::answers(&api).await
            })
            .await?;
        }
        Ok(started)
    }

    /// Stops it in order; what it holds on disk stays.
    pub async fn stop(&self) -> Result<()> {
        process::stop(&self.root, &self.name, Duration::from_secs(20)).await?;
        process::kill_now(&self.root, &self.epmd()).await
    }

    /// Ends it as a crash would.
    pub async fn kill(&self) -> Result<()> {
        process::kill_now(&self.root, &self.name).await?;
        process::kill_now(&self.root, &self.epmd()).await
    }

    /// The management API with its credentials.
    pub fn api(&self) -> Result<String> {
        let password = self.root.state().secret("rabbitmq")?;
        let port = ports::known(&self.root, &format!("{}-management", self.name))?;
        Ok(format!("http://{USER}:{password}@127.0.0.1:{port}"))
    }

    /// The AMQP address without a vhost, which means the vhost `/`.
    pub fn url(&self) -> Result<Url> {
        let password = self.root.state().secret("rabbitmq")?;
        let port = ports::known(&self.root, &self.name)?;
        Ok(Url::parse(&format!(
            "amqp://{USER}:{password}@127.0.0.1:{port}"
        ))?)
    }

    /// The same over TLS.
    pub fn tls_url(&self) -> Result<Url> {
        let password = self.root.state().secret("rabbitmq")?;
        let port = ports::known(&self.root, &format!("{}-tls", self.name))?;
        Ok(Url::parse(&format!(
            "amqps://{USER}:{password}@127.0.0.1:{port}"
        ))?)
    }

    /// The component names of this node, in starting order.
    pub(crate) fn components(&self) -> [String; 2] {
        [self.epmd(), self.name.clone()]
    }

    fn epmd(&self) -> String {
        format!("{}-epmd", self.name)
    }

    async fn start_epmd(&self) -> Result<bool> {
        let name = self.epmd();
        if process::is_running(&self.root, &name)? {
            return Ok(false);
        }
        let port = ports::claim(&self.root, &name)?;
        Program::new(&name, need("epmd")?)
            .args(["-address", "127.0.0.1", "-port", &port.to_string()])
            .start(&self.root)?;
        until_ready(&self.root, &name, LIMIT, || async {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await?;
        Ok(true)
    }

    fn start_node(&self) -> Result<bool> {
        let (root, name) = (&self.root, &self.name);
        if process::is_running(root, name)? {
            return Ok(false);
        }
        let distribution = ports::claim(root, &format!("{name}-distribution"))?;
        let epmd = ports::known(root, &self.epmd())?;
        let home = root.folder(name)?;
        let config = self.write_config()?;
        let plugins = root.write(
            format!("{name}/enabled_plugins"),
            "[rabbitmq_management].\n",
        )?;
        Program::new(name, SERVER)
            .env("HOME", home.as_os_str())
            .env("RABBITMQ_NODENAME", format!("{}@localhost", home_name(root, name)))
            .env("RABBITMQ_CONFIG_FILE", config.as_os_str())
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", plugins.as_os_str())
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_MNESIA_BASE", home.join("data"))
            .env("RABBITMQ_LOG_BASE", home.join("log"))
            .env("RABBITMQ_PID_FILE", home.join("pid"))
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("ERL_EPMD_PORT", epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
            )
            // Makes the script become the Erlang machine instead of its parent.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .start(root)?;
        Ok(true)
    }

    fn write_config(&self) -> Result<PathBuf> {
        let (root, name) = (&self.root, &self.name);
        let amqp = ports::claim(root, name)?;
        let encrypted = ports::claim(root, &format!("{name}-tls"))?;
        let management = ports::claim(root, &format!("{name}-management"))?;
        let password = root.state().secret("rabbitmq")?;
        let [authority, certificate, key] =
            [tls::AUTHORITY, tls::CERTIFICATE, tls::KEY].map(|file| root.path(file));
        root.write_private(
            format!("{name}/rabbitmq.conf"),
            &format!(
                "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
                 listeners.ssl.1 = 127.0.0.1:{encrypted}\n\
                 ssl_options.cacertfile = {}\n\
                 ssl_options.certfile = {}\n\
                 ssl_options.keyfile = {}\n\
                 management.tcp.ip = 127.0.0.1\n\
                 management.tcp.port = {management}\n\
                 default_user = {USER}\n\
                 default_pass = {password}\n\
                 disk_free_limit.absolute = 50MB\n\
                 log.console = true\n\
                 log.file = false\n",
                authority.display(),
                certificate.display(),
                key.display(),
            ),
        )
    }
}

/// Creates a vhost through the management API and returns its AMQP address.
pub(crate) async fn create_vhost(api: &str, server: &Url, name: &str) -> Result<Url> {
    let user = Url::parse(api)?.username().to_owned();
    call(api, reqwest::Method::PUT, &format!("vhosts/{name}"), "{}").await?;
    let all = r#"{"configure":".*","write":".*","read":".*"}"#;
    let path = format!("permissions/{name}/{user}");
    call(api, reqwest::Method::PUT, &path, all).await?;
    let mut url = server.clone();
    url.set_path(name);
    Ok(url)
}

/// Removes a vhost with all it holds.
pub(crate) async fn delete_vhost(api: &str, name: &str) -> Result<()> {
    let path = format!("vhosts/{name}");
    call(api, reqwest::Method::DELETE, &path, "")
        .await
        .map(drop)
}

/// One request to the management API; returns the body of its answer.
pub(crate) async fn call(
    api: &str,
    method: reqwest::Method,
    path: &str,
    body: &str,
) -> Result<String> {
    let answer = reqwest::Client::new()
        .request(method, format!("{api}/api/{path}"))
        .header("content-type", "application/json")
        .timeout(Duration::from_secs(30))
        .body(body.to_owned())
        .send()
        .await
        .with_context(|| format!("RabbitMQ management: {path}"))?;
    if !answer.status().is_success() {
        bail!("RabbitMQ management: {path}: {}", answer.status());
    }
    Ok(answer.text().await?)
}

/// Waits until the broker of this address takes connections.
pub(crate) async fn wait_for(url: &Url) -> Result<()> {
    let port = url.port().unwrap_or(5672);
    until("RabbitMQ takes connections", LIMIT, || handshakes(port)).await
}

/// Whether an AMQP greeting is answered with Connection.Start.
async fn handshakes(port: u16) -> bool {
    let greet = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        let mut first = [0_u8; 1];
        stream.read_exact(&mut first).await?;
        // Type 1 is a method frame; a refusal would begin with the letter A.
        Ok::<_, std::io::Error>(first[0] == 1)
    };
    matches!(
        tokio::time::timeout(Duration::from_secs(2), greet).await,
        Ok(Ok(true))
    )
}

/// Erlang node names allow no dots.
fn home_name(root: &Root, name: &str) -> String {
    format!("{}-{}", name.replace(['.', '/'], "-"), root.id())
}
