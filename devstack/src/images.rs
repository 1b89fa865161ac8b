//! The images of the stack, made here: no registry outside is needed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::command::{run, run_logged, without_cargo};
use crate::containerd::{PAUSE_IMAGE, ctr};
use crate::ports;
use crate::registry::{self, DEMO_TAG, demo_image};
use crate::root::{Root, checkout, short_hash};
use crate::service::Service;

/// The image of what proves that an output was read.
pub(crate) const LOG_PROOF_IMAGE: &str = "escapement.dev/log-proof:1";

/// Makes and pushes the demo image unless the registry has it; true when pushed.
///
/// It has a shell and no ENTRYPOINT: a job's command becomes the arguments,
/// and an image's ENTRYPOINT would stay in front of them.
pub(crate) async fn push_demo(root: &Root) -> Result<bool> {
    let port = ports::known(root, registry::NAME)?;
    if crate::wait::answers(&format!("http://127.0.0.1:{port}/v2/demo/tags/list")).await {
        return Ok(false);
    }
    let layout = root.folder("images")?.join("demo");
    let image = Layout::new(&layout).await?;
    let bin = image.files().join("bin");
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(image.files().join("etc"))?;
    fs::write(
        image.files().join("etc/passwd"),
        "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    )?;
    let tmp = image.files().join("tmp");
    fs::create_dir_all(&tmp)?;
    fs::set_permissions(&tmp, std::os::unix::fs::PermissionsExt::from_mode(0o1777))?;
    fs::copy("/bin/busybox", bin.join("busybox"))?;
    let applets = run(Command::new("/bin/busybox").arg("--list")).await?;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        std::os::unix::fs::symlink("busybox", bin.join(applet))?;
    }
    image
        .seal(&["--config.env", "PATH=/bin", "--config.cmd", "/bin/sh"])
        .await?;
    run(Command::new("skopeo")
        .args(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"])
        .arg(format!("oci:{}:new", layout.display()))
        .arg(format!("docker://{}:{DEMO_TAG}", demo_image(root)?)))
    .await?;
    Ok(true)
}

/// Compiles the pause program and imports its image; true when it was not there.
pub(crate) async fn import_pause(root: &Root) -> Result<bool> {
    if has(root, PAUSE_IMAGE).await? {
        return Ok(false);
    }
    let image = Layout::new(&root.folder("images")?.join("pause")).await?;
    run(Command::new("gcc")
        .args(["-Os", "-static", "-s", "-o"])
        .arg(image.files().join("pause"))
        .arg(checkout().join("deploy/dev-kubernetes/pause.c")))
    .await?;
    image.seal(&["--config.entrypoint", "/pause"]).await?;
    image.import(root, PAUSE_IMAGE).await?;
    Ok(true)
}

/// Builds `log-proof`, which runs in images that may have no C library, and imports its
/// image; true when there was no such image, or one of an older build.
pub(crate) async fn import_log_proof(root: &Root) -> Result<bool> {
    let program = Service::folder()?.join("../log-proof");
    let mut cargo = Command::new("cargo");
    without_cargo(&mut cargo)
        .current_dir(checkout())
        .args([
            "rustc",
            "--package",
            "log-proof",
            "--bin",
            "log-proof",
            "--release",
        ])
        .arg("--target-dir")
        .arg(&program)
        .args([
            "--",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
        ]);
    run_logged(&mut cargo, &root.log("log-proof-build")).await?;
    let program = program.join("release/log-proof");
    let build = short_hash(&fs::read(&program)?);
    let folder = root.folder("images")?;
    let stamp = folder.join("log-proof.build");
    if has(root, LOG_PROOF_IMAGE).await? && fs::read_to_string(&stamp).is_ok_and(|it| it == build) {
        return Ok(false);
    }
    let image = Layout::new(&folder.join("log-proof")).await?;
    let bin = image.files().join("usr/local/bin");
    fs::create_dir_all(&bin)?;
    fs::copy(program, bin.join("log-proof"))?;
    image.seal(&["--config.user", "65532:65532"]).await?;
    image.import(root, LOG_PROOF_IMAGE).await?;
    fs::write(stamp, build)?;
    Ok(true)
}

async fn has(root: &Root, image: &str) -> Result<bool> {
    let listed = run(&mut ctr(root, &["images", "list", "-q"])?).await?;
    Ok(listed.lines().any(|name| name == image))
}

/// An OCI image being made by umoci: an empty one, unpacked, filled, repacked.
struct Layout {
    image: String,
    bundle: PathBuf,
}

impl Layout {
    async fn new(layout: &Path) -> Result<Self> {
        let bundle = layout.with_extension("bundle");
        for old in [layout, bundle.as_path()] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        let new = Self {
            image: format!("{}:new", layout.display()),
            bundle,
        };
        umoci(&["init", "--layout", &layout.display().to_string()]).await?;
        umoci(&["new", "--image", &new.image]).await?;
        let bundle = new.bundle.display().to_string();
        umoci(&["unpack", "--image", &new.image, &bundle]).await?;
        Ok(new)
    }

    fn files(&self) -> PathBuf {
        self.bundle.join("rootfs")
    }

    async fn seal(&self, config: &[&str]) -> Result<()> {
        let bundle = self.bundle.display().to_string();
        umoci(&["repack", "--image", &self.image, &bundle]).await?;
        let mut words = vec!["config", "--image", &self.image];
        words.extend(config);
        umoci(&words).await
    }

    /// Gives it to the node, under this name.
    async fn import(&self, root: &Root, name: &str) -> Result<()> {
        let archive = self.bundle.with_extension("tar");
        let _ = fs::remove_file(&archive);
        run(Command::new("skopeo")
            .args(["--insecure-policy", "copy", "-q"])
            .arg(format!("oci:{}", self.image))
            .arg(format!("docker-archive:{}:{name}", archive.display())))
        .await?;
        let archive = archive.to_str().context("the path is not UTF-8")?;
        run(&mut ctr(root, &["images", "import", archive])?)
            .await
            .map(drop)
    }
}

async fn umoci(args: &[&str]) -> Result<()> {
    run(Command::new("umoci").args(args)).await.map(drop)
}
