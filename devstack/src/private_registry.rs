//! A registry that wants a name and a password, for tests of private images.

use std::time::Duration;

use anyhow::Result;

use crate::command::need;
use crate::infra::Infra;
use crate::process::{self, Program};
use crate::ready::until_ready;
use crate::root::Root;
use crate::{containerd, ports};

/// The one user of it.
pub const USER: &str = "robot";
/// The user's password; it protects nothing but the demo image.
pub const PASSWORD: &str = "pull-password-of-the-test";
/// bcrypt of [`PASSWORD`].
const HASH: &str = "$2y$05$abcdefghijklmnopqrstuueGKxx/4eDwzFszEPOliipxn0M8RhdSu";

/// The images of the stack's own registry, behind a password. Ended when dropped.
#[derive(Debug)]
pub struct PrivateRegistry {
    root: Root,
    name: String,
    port: u16,
}

impl PrivateRegistry {
    /// Starts one under a name that no other process has.
    pub async fn start(infra: &Infra, name: &str) -> Result<Self> {
        let root = infra.root.clone();
        let port = ports::claim(&root, name)?;
        let registry = Self {
            root: root.clone(),
            name: name.to_owned(),
            port,
        };
        let users = root.write(format!("{name}/users"), &format!("{USER}:{HASH}\n"))?;
        let config = format!(
            "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n  \
             maintenance:\n    readonly:\n      enabled: true\n\
             auth:\n  htpasswd:\n    realm: test\n    path: {}\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            root.folder("registry/data")?.display(),
            users.display(),
        );
        let config = root.write(format!("{name}/config.yml"), &config)?;
        containerd::speak_http(&root, port)?;
        Program::new(name, need("docker-registry")?)
            .args(["serve".into(), config.into_os_string()])
            .start(&root)?;
        until_ready(&root, name, Duration::from_secs(30), || {
            registry.is_guarded()
        })
        .await?;
        Ok(registry)
    }

    /// Host and port, as images name it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether it answers the user and nobody else.
    async fn is_guarded(&self) -> bool {
        let client = reqwest::Client::new();
        let ask = || client.get(format!("http://{}/v2/demo/tags/list", self.host()));
        let status = async |request: reqwest::RequestBuilder| {
            let answer = request.timeout(Duration::from_secs(5)).send().await;
            answer.map(|answer| answer.status().as_u16()).ok()
        };
        status(ask()).await == Some(401)
            && status(ask().basic_auth(USER, Some(PASSWORD))).await == Some(200)
    }
}

impl Drop for PrivateRegistry {
    fn drop(&mut self) {
        // What this misses, the root's teardown ends.
        let _ = process::signal_all(&self.root, &self.name);
    }
}
