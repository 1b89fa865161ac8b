//! The stack of `make up`: all infrastructure, one ring, a first job.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use futures::future::try_join_all;
use tokio::process::Command;

use crate::command::{run_logged, without_cargo};
use crate::demo::{self, Api};
use crate::infra::Infra;
use crate::part::Part;
use crate::progress::Progress;
use crate::ring::Ring;
use crate::root::{Root, checkout};
use crate::service::Service;
use crate::{Given, env_file, process};

/// The demo account, and the namespace of the same name.
const ACCOUNT: &str = "demo";

pub(crate) async fn up(root: &Root, given: &Given) -> Result<()> {
    let started = Instant::now();
    let progress = Progress::Shown;
    let build = progress.part("services built", build_services(root));
    let infra = Infra::up(root, &Part::ALL, given, progress);
    let (infra, _) = tokio::try_join!(infra, build)?;
    let ring = Ring::main(&infra).prepare().await?;
    let fresh = start_services(root, &ring, progress).await?;
    let api = account(root, &infra, &ring).await?;
    if fresh {
        demo::run(&infra, &api, progress).await?;
    }
    let seconds = started.elapsed().as_secs_f32();
    say_what_next(root, &ring, &api, progress)?;
    progress.line(&format!("up after {seconds:.1} s"));
    Ok(())
}

pub(crate) fn status(root: &Root) -> Result<ExitCode> {
    let state = root.state().read()?;
    let mut code = ExitCode::SUCCESS;
    for (name, recorded) in &state.processes {
        let alive = process::is_alive(*recorded);
        let port = state
            .ports
            .get(name)
            .map(u16::to_string)
            .unwrap_or_default();
        let word = if alive { "running" } else { "ended" };
        Progress::Shown.line(&format!(
            "{name:<26} {word:<8} {:>8} {port:>6}",
            recorded.pid
        ));
        if !alive {
            code = ExitCode::FAILURE;
        }
    }
    if state.processes.is_empty() {
        Progress::Shown.line("nothing runs; start it with: make up");
        code = ExitCode::FAILURE;
    }
    Ok(code)
}

pub(crate) async fn kill(root: &Root, component: &str) -> Result<ExitCode> {
    if !root.state().read()?.processes.contains_key(component) {
        bail!("no component named {component} runs; see: devstack status");
    }
    process::kill_now(root, component).await?;
    Progress::Shown.line(&format!("killed {component}"));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn restart(root: &Root, component: &str) -> Result<ExitCode> {
    let infra = Infra::attach(root, &Part::ALL)?;
    let work = async {
        if let Ok(service) = Service::from_str(component, false) {
            let ring = Ring::main(&infra).prepare().await?;
            ring.restart(service).await?;
        } else {
            infra.restart(component).await?;
        }
        Ok(true)
    };
    Progress::Shown.part(component, work).await?;
    Ok(ExitCode::SUCCESS)
}

/// cargo decides whether there is anything to do; its folder is that of this program.
async fn build_services(root: &Root) -> Result<bool> {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut command = Command::new(cargo);
    // The whole workspace, as the tests build it: other features would build it anew.
    without_cargo(&mut command)
        .current_dir(checkout())
        .args(["build", "--workspace", "--bins"]);
    let before = newest();
    run_logged(&mut command, &root.log("services-build")).await?;
    Ok(newest() != before)
}

fn newest() -> Option<std::time::SystemTime> {
    let own = std::env::current_exe().ok()?;
    let times = Service::ALL.iter().filter_map(|service| {
        let program = own.with_file_name(service.program());
        program.metadata().ok()?.modified().ok()
    });
    times.max()
}

/// Starts what does not run, and what was built anew since it was started.
async fn start_services(root: &Root, ring: &Ring, progress: Progress) -> Result<bool> {
    let mut due = Vec::new();
    for service in Service::ALL {
        let name = ring.replica(service, 1);
        if process::is_outdated(root, &name)? {
            ring.stop(service).await?;
        }
        if !process::is_running(root, &name)? {
            due.push(service);
        }
    }
    if !due.is_empty() {
        let migrate = async { ring.migrate().await.map(|()| true) };
        progress.part("migrations", migrate).await?;
    }
    let starts = Service::ALL.map(|service| progress.part(service.program(), ring.start(service)));
    let started = try_join_all(starts).await?;
    Ok(started.contains(&true))
}

/// The demo account's token: the one in the env file while it is good.
async fn account(root: &Root, infra: &Infra, ring: &Ring) -> Result<Api> {
    let origin = ring.api_url()?;
    let token = match env_file::read(root, "API_TOKEN") {
        Some(token) if is_good(&origin, &token).await => token,
        _ => ring.create_account(ACCOUNT).await?,
    };
    let own = [
        ("API_URL", origin.clone()),
        ("API_TOKEN", token.clone()),
        ("API_NAMESPACE", ACCOUNT.to_owned()),
    ];
    let infra = Infra {
        database_url: Some(ring.database_url().clone()),
        amqp_url: Some(ring.amqp_url().clone()),
        ..infra.clone()
    };
    env_file::write(root, &infra, &own)?;
    Ok(Api {
        origin,
        token,
        namespace: ACCOUNT.to_owned(),
    })
}

async fn is_good(origin: &str, token: &str) -> bool {
    let request = reqwest::Client::new()
        .get(format!("{origin}/v1/jobs"))
        .query(&[("namespace", ACCOUNT)])
        .header("authorization", format!("Token {token}"));
    matches!(request.send().await, Ok(answer) if answer.status().is_success())
}

fn say_what_next(root: &Root, ring: &Ring, api: &Api, progress: Progress) -> Result<()> {
    let kubectl = root.folder("bin")?.join("kubectl");
    let program = crate::kubectl()?;
    if program.exists() {
        let _ = std::fs::remove_file(&kubectl);
        std::os::unix::fs::symlink(&program, &kubectl).context("cannot link kubectl")?;
    }
    progress.line(&format!("\nREST API     {}/v1", api.origin));
    for service in Service::ALL {
        let health = ring.health_url(service, 1)?;
        progress.line(&format!("{:<12} {health}/metrics", service.program()));
    }
    progress.line(
        "\nTry next:
  . .dev/env
  curl -s -H \"Authorization: Token $API_TOKEN\" \"$API_URL/v1/jobs?namespace=$API_NAMESPACE\"
  .dev/bin/kubectl get pods --all-namespaces
  tail -f .dev/logs/executor-svc.log
  make down
",
    );
    Ok(())
}
