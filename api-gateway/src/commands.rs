//! The commands that prepare a gateway, or its first user.

use std::io::{self, Write as _};

use anyhow::{Context, anyhow, bail};
use chassis::Process;
use secrecy::SecretString;
use store::access::{Access, MemberRole};
use store::accounts::{self, Account, AccountKind, NewAccount};
use store::audit::{self, Entry};
use store::restore::{self, HeldBack};
use store::tokens::{self, NewToken};
use store::{AsyncConnection, DatabaseRole, PgConnection, Store, memberships, secrets};

use crate::accounts::password::{Passwords, check_new};
use crate::app::keyring;
use crate::config::{CommandConfig, ResealConfig};
use crate::read::names;
use crate::tokens::secret::Token;

/// Who did it, in the audit log: no account can have this name.
const OPERATOR: &str = "(operator)";

/// Brings the database to this version's schema, as the user of its URL.
pub async fn migrate(config: CommandConfig, _: Process) -> anyhow::Result<()> {
    let ran = store::migrate::run(&config.database.url).await?;
    tracing::info!(?ran, "the schema is up to date");
    Ok(())
}

/// Prints a new token of a user, and nothing else, to stdout. Before that, the
/// user is made, unless `existing` says that there may be one, and given a password
/// if there is one to be read.
pub async fn create_account(
    config: CommandConfig,
    name: String,
    (password_stdin, existing): (bool, bool),
) -> anyhow::Result<()> {
    let name = account_name(&name)?;
    let store = Store::new(&config.database, DatabaseRole::Gateway)?;
    if !existing {
        unused(&store, &name).await?;
    }
    if password_stdin {
        let password = read_password()?;
        let passwords = Passwords::new(config.passwords).map_err(|why| anyhow!(why))?;
        let hash = passwords.hash(password).await?;
        set_password(&store, &name, hash)
            .await
            .context("the password could not be set")?;
    }
    let token = issue_token(&store, &name)
        .await
        .context("the account could not be created")?;
    writeln!(io::stdout(), "{}", token.reveal()).context("the token could not be printed")
}

/// Whoever registered under the name has tokens and jobs that stay theirs, so it is
/// not handed on without a word.
async fn unused(store: &Store, name: &str) -> anyhow::Result<()> {
    let mut conn = store.connection().await?;
    if accounts::by_name(&mut conn, name).await?.is_some() {
        bail!(
            "there is an account \"{name}\"; to make it another token, or give it a new \
             password and end its tokens, say --existing"
        );
    }
    Ok(())
}

/// Lets nothing start that may have started between a backup and now.
pub async fn after_restore(config: CommandConfig, _: Process) -> anyhow::Result<()> {
    let store = Store::new(&config.database, DatabaseRole::Gateway)?;
    let mut conn = store.connection().await?;
    let held_back = conn
        .transaction(async |conn| restore::hold_back(conn, OPERATOR).await)
        .await?;
    let HeldBack {
        schedules,
        execs,
        backfills,
    } = held_back;
    writeln!(
        io::stdout(),
        "{schedules} schedules go on from now, {execs} waiting execs are asked to end, \
         {backfills} backfills are dropped"
    )
    .context("the result could not be printed")
}

/// Secrets sealed anew in one transaction.
const RESEAL_BATCH: i64 = 500;

/// Seals with the first key what is sealed with another, so that the others can
/// be taken away.
pub async fn reseal_secrets(config: ResealConfig, process: Process) -> anyhow::Result<()> {
    let keyring = keyring(&config.secrets)?;
    let store = Store::new(&config.command.database, DatabaseRole::Gateway)?;
    let mut conn = store.connection().await?;
    let (mut all, stopping) = (0, process.tasks.stopping());
    while !stopping.is_cancelled() {
        let batch = conn
            .transaction(async |conn| secrets::reseal(conn, &keyring, RESEAL_BATCH).await)
            .await;
        match batch.with_context(|| format!("stopped after {all} secrets"))? {
            0 => break,
            resealed => all += resealed,
        }
    }
    let key = keyring.first_id();
    writeln!(io::stdout(), "{all} secrets sealed anew with key {key}")
        .context("the result could not be printed")?;
    let missing = secrets::missing_keys(&mut conn, &keyring).await?;
    if !missing.is_empty() {
        let keys = missing.join(", ");
        bail!(
            "some are left as they are: they are sealed with key {keys}, which is not configured"
        );
    }
    Ok(())
}

/// Makes an organisation, if there is none of that name, and a user its admin.
pub async fn create_organisation(
    config: CommandConfig,
    name: String,
    owner: String,
) -> anyhow::Result<()> {
    let name = account_name(&name)?;
    let store = Store::new(&config.database, DatabaseRole::Gateway)?;
    let mut conn = store.connection().await?;
    store::transaction(&mut conn, |conn| {
        Box::pin(async move { insert_organisation(conn, &name, &owner).await })
    })
    .await
    .context("the organisation could not be created")
}

/// A new token of a user, who is made if there is none of that name.
pub async fn issue_token(store: &Store, name: &str) -> anyhow::Result<Token> {
    let (token, name) = (Token::random(), name.to_owned());
    let sha256 = token.sha256();
    let mut conn = store.connection().await?;
    store::transaction(&mut conn, move |conn| {
        Box::pin(async move {
            let new = NewToken {
                account_id: user(conn, &name).await?.id,
                name: "create-account".to_owned(),
                scope: Access::Admin,
                expires_at: None,
                by_login: false,
                sha256,
            };
            let kept = tokens::insert(conn, &new).await?;
            audit(conn, &name, "token.create", format!("tokens/{}", kept.id)).await
        })
    })
    .await?;
    Ok(token)
}

/// Gives a user a password and ends all tokens: an operator does so because somebody
/// else may know the old one, and whoever knew it could make tokens of any name.
async fn set_password(store: &Store, name: &str, hash: SecretString) -> anyhow::Result<()> {
    let name = name.to_owned();
    let mut conn = store.connection().await?;
    store::transaction(&mut conn, move |conn| {
        Box::pin(async move {
            let user = user(conn, &name).await?;
            accounts::lock(conn, &name).await?;
            accounts::set_password(conn, user.id, &hash).await?;
            tokens::revoke_all_but(conn, user.id, None).await?;
            audit(conn, &name, "account.password", format!("accounts/{name}")).await
        })
    })
    .await
}

async fn insert_organisation(
    conn: &mut PgConnection,
    name: &str,
    owner: &str,
) -> anyhow::Result<()> {
    let admin = accounts::by_name(conn, owner).await?;
    let admin = admin.filter(|account| account.kind == AccountKind::User);
    let admin = admin.ok_or_else(|| anyhow!("there is no user \"{owner}\""))?;
    let new = NewAccount::named(name, AccountKind::Organisation);
    if accounts::create(conn, &new, Some(admin.id))
        .await?
        .is_some()
    {
        let resource = format!("organisations/{name}");
        return audit(conn, name, "organisation.create", resource).await;
    }
    let there = accounts::by_name(conn, name).await?;
    if there.is_none_or(|account| account.kind != AccountKind::Organisation) {
        bail!("there is a user \"{name}\"");
    }
    memberships::set(conn, name, admin.id, MemberRole::Admin).await?;
    // Whoever operates the service need not ask.
    memberships::accept(conn, name, admin.id).await?;
    let resource = format!("members/{owner}?role=admin");
    audit(conn, name, "member.set", resource).await
}

/// The user of that name, made if there is none.
async fn user(conn: &mut PgConnection, name: &str) -> anyhow::Result<Account> {
    let new = NewAccount::named(name, AccountKind::User);
    if let Some(account) = accounts::create(conn, &new, None).await? {
        audit(conn, name, "account.create", format!("accounts/{name}")).await?;
        return Ok(account);
    }
    let account = accounts::by_name(conn, name).await?;
    account
        .filter(|account| account.kind == AccountKind::User)
        .ok_or_else(|| anyhow!("\"{name}\" is an organisation, which has no tokens"))
}

async fn audit(
    conn: &mut PgConnection,
    namespace: &str,
    action: &str,
    resource: String,
) -> anyhow::Result<()> {
    let entry = Entry {
        namespace: namespace.to_owned(),
        actor: OPERATOR.to_owned(),
        token_id: None,
        action: action.to_owned(),
        resource,
        address: None,
        request_id: None,
    };
    Ok(audit::append(conn, vec![entry]).await?)
}

fn account_name(name: &str) -> anyhow::Result<String> {
    names::parse_namespace(name).map_err(|why| anyhow!("the name {why}"))
}

fn read_password() -> anyhow::Result<SecretString> {
    let line = io::stdin().lines().next();
    let line = line.context("the standard input holds no password")??;
    check_new(&line).map_err(|why| anyhow!("the password {why}"))
}
