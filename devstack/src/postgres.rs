//! Postgres from Debian's package with a private data folder, TCP on loopback only.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::{Gid, Uid, User, chown};
use tokio::process::Command;
use url::Url;

use crate::command::run;
use crate::ports;
use crate::process::{self, Program};
use crate::ready::until_ready;
use crate::root::Root;
use crate::service::Service;
use crate::tls;

pub(crate) const NAME: &str = "postgres";
/// Where data goes when the root is out of the postgres user's reach.
pub(crate) const OUTSIDE: &str = "/var/lib/escapement-dev";
const SUPERUSER: &str = "postgres";
/// The secret by which services log in.
const LOGINS: &str = "postgres-services";

/// Connections: every test ring opens four pools.
const CONFIG: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 500
shared_buffers = 256MB
fsync = on
max_wal_size = 512MB
ssl = on
log_min_messages = warning
";

/// The folder with the newest Postgres programs, at least version 15.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| *version >= 15)
        .max()?;
    let folder = PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"));
    folder.join("postgres").is_file().then_some(folder)
}

/// Starts it unless it runs; true when it had to be started.
pub(crate) async fn ensure(root: &Root) -> Result<bool> {
    if process::is_running(root, NAME)? {
        return Ok(false);
    }
    let bin = programs().context("the package postgresql is missing")?;
    let port = ports::claim(root, NAME)?;
    let user = unprivileged()?;
    let data = data_folder(root, user)?;
    if !data.join("PG_VERSION").exists() {
        initialise(root, &bin, &data, user).await?;
    }
    // A crash leaves it; the recorded process is known to be gone.
    let _ = fs::remove_file(data.join("postmaster.pid"));
    fs::write(data.join("postgresql.auto.conf"), CONFIG)?;
    certify(root, &data, user)?;
    Program::new(NAME, bin.join("postgres"))
        .args(["-D".into(), data.into_os_string()])
        .args(["-p".to_owned(), port.to_string()])
        .env("LC_ALL", "C.UTF-8")
        .user(user)
        .start(root)?;
    let port = port.to_string();
    let ready = bin.join("pg_isready");
    until_ready(root, NAME, Duration::from_mins(1), || async {
        let mut command = Command::new(&ready);
        command.args(["-q", "-h", "127.0.0.1", "-p", &port]);
        run(&mut command).await.is_ok()
    })
    .await?;
    let login = url(root)?;
    for service in Service::ALL {
        query(&login, &may_log_in(root, service)?).await?;
    }
    Ok(true)
}

/// The role of a service, as which it logs in and not as superuser.
fn may_log_in(root: &Root, service: Service) -> Result<String> {
    let (role, password) = (service.role(), root.state().secret(LOGINS)?);
    Ok(format!(
        "DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$; \
         ALTER ROLE {role} LOGIN PASSWORD '{password}'"
    ))
}

/// The address of one of our own databases for a service; that of a server that is the
/// user's as it is.
pub(crate) fn of_service(root: &Root, database: &Url, service: Service) -> Result<Url> {
    let mut address = database.clone();
    let own = url(root).is_ok_and(|own| own.port() == database.port());
    if own && database.username() == SUPERUSER {
        let password = root.state().secret(LOGINS)?;
        let set = address.set_username(service.role());
        set.and_then(|()| address.set_password(Some(&password)))
            .map_err(|()| anyhow!("the database's address has no place for a user"))?;
    }
    Ok(address)
}

/// The superuser's address of the maintenance database.
pub(crate) fn url(root: &Root) -> Result<Url> {
    let password = root.state().secret(NAME)?;
    let port = ports::known(root, NAME)?;
    let text = format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres");
    Ok(Url::parse(&text)?)
}

/// Runs one statement and returns its rows as plain text.
pub(crate) async fn query(url: &Url, sql: &str) -> Result<String> {
    let bin = programs().context("the package postgresql (psql) is missing")?;
    let mut command = Command::new(bin.join("psql"));
    command
        .arg(url.as_str())
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql]);
    run(&mut command).await
}

/// Every row of a database as text.
pub(crate) async fn dump(url: &Url) -> Result<String> {
    let bin = programs().context("the package postgresql (pg_dump) is missing")?;
    let mut command = Command::new(bin.join("pg_dump"));
    run(command.args(["--data-only", "--dbname", url.as_str()])).await
}

/// Creates a database unless it exists, and returns its address.
pub(crate) async fn create_database(server: &Url, name: &str) -> Result<Url> {
    let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    if query(server, &known).await?.trim().is_empty() {
        query(server, &format!(r#"CREATE DATABASE "{name}""#)).await?;
    }
    let mut url = server.clone();
    url.set_path(name);
    Ok(url)
}

/// Drops a database with whoever is still connected.
pub(crate) async fn drop_database(server: &Url, name: &str) -> Result<()> {
    let sql = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
    query(server, &sql).await.map(drop)
}

/// Its key must be its own.
fn certify(root: &Root, data: &Path, user: Option<(Uid, Gid)>) -> Result<()> {
    for (made, name) in [(tls::CERTIFICATE, "server.crt"), (tls::KEY, "server.key")] {
        let own = data.join(name);
        fs::copy(root.path(made), &own)?;
        fs::set_permissions(&own, fs::Permissions::from_mode(0o600))?;
        if let Some((uid, gid)) = user {
            chown(&own, Some(uid), Some(gid))?;
        }
    }
    Ok(())
}

/// The user to run as: Postgres refuses root.
fn unprivileged() -> Result<Option<(Uid, Gid)>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres")?.context("there is no user postgres")?;
    Ok(Some((user.uid, user.gid)))
}

/// The data folder; outside the root where the user cannot reach into it.
fn data_folder(root: &Root, user: Option<(Uid, Gid)>) -> Result<PathBuf> {
    let link = root.path(NAME);
    let reachable = root.dir().ancestors().all(|folder| {
        fs::metadata(folder).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0)
    });
    let data = if reachable || user.is_none() {
        link.clone()
    } else {
        PathBuf::from(OUTSIDE).join(root.id())
    };
    fs::create_dir_all(&data)?;
    if data != link && fs::read_link(&link).ok().as_ref() != Some(&data) {
        symlink(&data, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    if let Some((uid, gid)) = user {
        chown(&data, Some(uid), Some(gid))?;
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    Ok(data)
}

async fn initialise(root: &Root, bin: &Path, data: &Path, user: Option<(Uid, Gid)>) -> Result<()> {
    let password = root.state().secret(NAME)?;
    // A half-made folder of an interrupted run is of no use.
    for entry in fs::read_dir(data)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    let secret = std::env::temp_dir().join(format!("escapement-{}", root.id()));
    fs::write(&secret, password)?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    let mut command = Command::new(bin.join("initdb"));
    command
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"])
        .args(["--auth=scram-sha-256", "--username", SUPERUSER])
        .arg("--pwfile")
        .arg(&secret)
        .arg("-D")
        .arg(data)
        .current_dir("/");
    if let Some((uid, gid)) = user {
        chown(&secret, Some(uid), Some(gid))?;
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    let done = run(&mut command).await;
    fs::remove_file(&secret)?;
    done?;
    if user.is_some_and(|(uid, _)| fs::metadata(data).is_ok_and(|meta| meta.uid() != uid.as_raw()))
    {
        bail!("{} does not belong to postgres", data.display());
    }
    Ok(())
}
