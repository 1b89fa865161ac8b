//! A docker-registry on loopback.

use std::time::Duration;

use anyhow::Result;

use crate::command::need;
use crate::ports;
use crate::process::{self, Program};
use crate::ready::until_ready;
use crate::root::Root;

pub(crate) const NAME: &str = "registry";
/// The tag of the demo image.
pub(crate) const DEMO_TAG: &str = "v1";

/// Starts it unless it runs; true when it had to be started.
pub(crate) async fn ensure(root: &Root) -> Result<bool> {
    if process::is_running(root, NAME)? {
        return Ok(false);
    }
    let port = ports::claim(root, NAME)?;
    let data = root.folder("registry/data")?;
    let config = format!(
        "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        data.display()
    );
    let config = root.write("registry/config.yml", &config)?;
    Program::new(NAME, need("docker-registry")?)
        .args(["serve".into(), config.into_os_string()])
        .start(root)?;
    let url = format!("http://127.0.0.1:{port}/v2/");
    until_ready(root, NAME, Duration::from_secs(30), || {
        crate::wait::answers(&url)
    })
    .await?;
    Ok(true)
}

/// The repository of the demo image.
pub(crate) fn demo_image(root: &Root) -> Result<String> {
    Ok(format!("127.0.0.1:{}/demo", ports::known(root, NAME)?))
}
