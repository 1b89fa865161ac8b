//! The commands that prepare a gateway, or its first user.

use std::io::{self, Write as _};

use anyhow::{Context, anyhow};
use chassis::Process;
use secrecy::ExposeSecret;
use store::{AsyncConnection, Role, Store, StoreError, accounts};

use crate::config::CommandConfig;
use crate::job_fields;
use crate::token::Token;

/// Brings the database to this version's schema, as the user of its URL.
pub async fn migrate(config: CommandConfig, _: Process) -> anyhow::Result<()> {
    let ran = store::migrate::run(config.database.url.expose_secret()).await?;
    tracing::info!(?ran, "the schema is up to date");
    Ok(())
}

/// Prints a new token, and nothing else, to stdout.
pub async fn create_account(config: CommandConfig, name: String) -> anyhow::Result<()> {
    let name = job_fields::namespace(&name).map_err(|why| anyhow!("the name {why}"))?;
    let store = Store::new(&config.database, Role::Gateway)?;
    let token = issue_token(&store, &name)
        .await
        .context("the account could not be created")?;
    writeln!(io::stdout(), "{}", token.reveal()).context("the token could not be printed")
}

/// A new token of an account, which is made if there is none.
pub async fn issue_token(store: &Store, account: &str) -> Result<Token, StoreError> {
    let token = Token::random();
    let sha256 = token.sha256();
    let mut conn = store.connection().await?;
    conn.transaction::<(), StoreError, _>(async |conn| {
        let account = accounts::ensure(conn, account).await?;
        accounts::insert_token(conn, account.id, sha256, None).await
    })
    .await?;
    Ok(token)
}
