//! The order in which infrastructure comes up.

use anyhow::Result;
use tokio::try_join;

use crate::part::Part;
use crate::progress::Progress;
use crate::rabbitmq::RabbitMq;
use crate::root::Root;
use crate::{
    binaries, containerd, images, kubelet, kubernetes, packages, postgres, rabbitmq, registry,
    room, service_network, tls,
};

/// Installs and builds what is missing, then starts the parts, together where they can.
pub(crate) async fn run(root: &Root, parts: &[Part], progress: Progress) -> Result<()> {
    let wants = |part| parts.contains(&part);
    try_join!(
        install(root, parts, progress),
        build_binaries(root, wants(Part::Kubernetes), progress),
    )?;
    if wants(Part::Kubernetes) {
        room::check(root)?;
    }
    if wants(Part::Services) {
        service_network::prepare().await?;
    }
    if wants(Part::Postgres) || wants(Part::RabbitMq) {
        tls::make(root).await?;
    }
    try_join!(
        start_postgres(root, wants(Part::Postgres), progress),
        start_rabbitmq(root, wants(Part::RabbitMq), progress),
        start_kubernetes(root, wants(Part::Kubernetes), progress),
    )?;
    if wants(Part::Services) {
        try_join!(
            progress.part("kube-proxy", service_network::ensure_proxy(root)),
            progress.part("coredns", service_network::ensure_dns(root)),
        )?;
    }
    Ok(())
}

async fn install(root: &Root, parts: &[Part], progress: Progress) -> Result<()> {
    if let Some(list) = packages::install(root, parts).await? {
        progress.line(&format!("  installed {list}"));
    }
    Ok(())
}

async fn build_binaries(root: &Root, wanted: bool, progress: Progress) -> Result<()> {
    if !wanted {
        return Ok(());
    }
    if !binaries::are_built() {
        progress.line("  building Kubernetes and containerd, once: about 6 minutes on 2 cores");
    }
    let built = progress
        .part("kubernetes, containerd", binaries::build(root))
        .await;
    built.map(drop)
}

async fn start_postgres(root: &Root, wanted: bool, progress: Progress) -> Result<()> {
    if wanted {
        progress.part("postgres", postgres::ensure(root)).await?;
    }
    Ok(())
}

async fn start_rabbitmq(root: &Root, wanted: bool, progress: Progress) -> Result<()> {
    if wanted {
        let node = RabbitMq::new(root, rabbitmq::NAME);
        progress.part("rabbitmq", node.ensure()).await?;
    }
    Ok(())
}

async fn start_kubernetes(root: &Root, wanted: bool, progress: Progress) -> Result<()> {
    if !wanted {
        return Ok(());
    }
    let runtime = async {
        progress.part("registry", registry::ensure(root)).await?;
        progress
            .part("containerd", containerd::ensure(root))
            .await?;
        progress
            .part("pause image", images::import_pause(root))
            .await?;
        progress
            .part("log-proof image", images::import_log_proof(root))
            .await?;
        progress.part("demo image", images::push_demo(root)).await
    };
    let control = async {
        progress.part("etcd", kubernetes::ensure_etcd(root)).await?;
        progress
            .part("kube-apiserver", kubernetes::ensure_apiserver(root))
            .await
    };
    try_join!(runtime, control)?;
    try_join!(
        progress.part(
            "kube-controller-manager",
            kubernetes::ensure_controllers(root)
        ),
        progress.part("kube-scheduler", kubernetes::ensure_scheduler(root)),
        progress.part("kubelet", kubelet::ensure(root)),
    )?;
    Ok(())
}
