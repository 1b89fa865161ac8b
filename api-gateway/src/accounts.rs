//! Users and organisations: how they come to be, log in and change passwords.

pub mod draft;
pub mod http;
pub mod password;
pub mod view;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use store::PgConnection;
use store::access::{Access, MemberRole};
use store::accounts::{self, Account, AccountKind, NewAccount};
use store::memberships;
use store::tokens::{self, NewToken};

use self::draft::{Login, PasswordChange, Registration};
use self::view::{AccountView, LoginView, OrganisationView, ProfileView};
use crate::context::Context;
use crate::gateway::Gateway;
use crate::read::names;
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::tokens::secret::Token;
use crate::write::source::RequestSource;
use crate::write::{Act, Written};

/// Tokens of logins that stay valid, newest first: clients of 2015 ask for one
/// whenever they start, and none of them knows how to give one back.
const LOGINS_KEPT: i64 = 20;
/// Namespaces one user may rule; more would only be for filling the database.
const RULED_MAX: usize = 100;

/// Makes a user, where strangers may become one.
pub async fn register(gateway: &Arc<Gateway>, source: RequestSource, wish: Registration) -> Reply {
    if !gateway.registration.enabled {
        return Err(ApiError::Forbidden(
            "registration is off here; ask those who run this service for an account".to_owned(),
        ));
    }
    let new = NewAccount {
        name: wish.username,
        kind: AccountKind::User,
        real_name: wish.realname,
        email: wish.email,
        password_hash: Some(gateway.passwords.hash(wish.password).await?),
    };
    gateway
        .write(source, |conn| {
            Box::pin(async move { insert(conn, new).await })
        })
        .await
}

async fn insert(conn: &mut PgConnection, new: NewAccount) -> Result<Written, ApiError> {
    let account = accounts::create(conn, &new, None).await?;
    let account = account.ok_or_else(|| name_taken(&new.name))?;
    let resource = format!("accounts/{}", account.name);
    let act = Act::new(&account.name, "account.create", resource);
    let answer = Answer::created(&ProfileView::from(&account))?;
    Ok(Written::new(answer, act))
}

/// A new token for a name and a password.
pub async fn login(gateway: &Arc<Gateway>, source: RequestSource, login: Login) -> Reply {
    // Only what can be a name is looked for; all else takes as long.
    let name = names::parse_namespace(&login.username).ok();
    let found = match &name {
        None => None,
        Some(name) => accounts::credentials(&mut *gateway.connection(None).await?, name).await?,
    };
    let hash = found.and_then(|(_, hash)| hash);
    let right = gateway
        .passwords
        .verify(login.password, hash.clone())
        .await?;
    let (Some(name), Some(hash), true) = (&name, hash, right) else {
        return Err(wrong_login(name.as_deref()));
    };
    let (name, token) = (name.clone(), Token::random());
    gateway
        .write(source, |conn| {
            Box::pin(async move { issue(conn, &name, &hash, &token).await })
        })
        .await
}

async fn issue(
    conn: &mut PgConnection,
    name: &str,
    hash: &SecretString,
    token: &Token,
) -> Result<Written, ApiError> {
    let account = unchanged(conn, name, hash).await?;
    let account = account.ok_or_else(|| wrong_login(Some(name)))?;
    let new = NewToken {
        account_id: account.id,
        name: "login".to_owned(),
        scope: Access::Admin,
        expires_at: None,
        by_login: true,
        sha256: token.sha256(),
    };
    let kept = tokens::insert(conn, &new).await?;
    tokens::keep_newest_logins(conn, account.id, LOGINS_KEPT).await?;
    let answer = Answer::ok(&LoginView::new(token))?;
    let act = Act::new(name, "account.login", format!("tokens/{}", kept.id));
    Ok(Written::new(answer, act))
}

/// Logs the user only if it can be one: else it may be long, or a password in
/// the wrong place.
fn wrong_login(user: Option<&str>) -> ApiError {
    tracing::warn!(user, "a login failed");
    ApiError::Unauthenticated("the user name or the password is wrong")
}

/// The caller and where they may do what.
pub async fn get(context: &Context) -> Result<AccountView, ApiError> {
    let mut conn = context.connection().await?;
    let account = accounts::by_name(&mut conn, context.caller.name()).await?;
    let account = account.ok_or(ApiError::NotFound)?;
    let roles = memberships::of_account(&mut conn, account.id).await?;
    Ok(AccountView::new(&account, &roles))
}

/// Replaces the caller's password and ends all tokens but the one in use.
pub async fn change_password(context: &Context, change: PasswordChange) -> Reply {
    context.scoped(Access::Admin)?;
    let name = context.caller.name().to_owned();
    let found = accounts::credentials(&mut *context.connection().await?, &name).await?;
    let old = found.and_then(|(_, hash)| hash);
    let passwords = &context.gateway.passwords;
    let right = passwords.verify(change.password, old.clone()).await?;
    let old = old.filter(|_| right).ok_or_else(wrong_password)?;
    let new = passwords.hash(change.new_password).await?;
    let kept = context.caller.token_id();
    let answer = context
        .write(move |conn| {
            Box::pin(async move { replace_password(conn, &name, (&old, &new), kept).await })
        })
        .await?;
    context.gateway.tokens.forget(context.caller.account_id());
    Ok(answer)
}

async fn replace_password(
    conn: &mut PgConnection,
    name: &str,
    (old, new): (&SecretString, &SecretString),
    kept_token: i64,
) -> Result<Written, ApiError> {
    let account = unchanged(conn, name, old).await?;
    let account = account.ok_or_else(wrong_password)?;
    accounts::set_password(conn, account.id, new).await?;
    tokens::revoke_all_but(conn, account.id, Some(kept_token)).await?;
    let act = Act::new(name, "account.password", format!("accounts/{name}"));
    Ok(Written::new(Answer::no_content(), act))
}

fn wrong_password() -> ApiError {
    ApiError::Forbidden("the password is not the one that holds now".to_owned())
}

/// Makes an organisation, with the caller as its first admin.
pub async fn create_organisation(context: &Context, name: String) -> Reply {
    context.scoped(Access::Admin)?;
    let (owner, owner_id) = (
        context.caller.name().to_owned(),
        context.caller.account_id(),
    );
    let answer = context
        .write(move |conn| {
            Box::pin(async move { insert_organisation(conn, (&owner, owner_id), &name).await })
        })
        .await?;
    context.gateway.tokens.forget(owner_id);
    Ok(answer)
}

async fn insert_organisation(
    conn: &mut PgConnection,
    (owner, owner_id): (&str, i64),
    name: &str,
) -> Result<Written, ApiError> {
    accounts::lock(conn, owner).await?;
    let roles = memberships::of_account(conn, owner_id).await?;
    let ruled = roles
        .accepted
        .iter()
        .filter(|(_, role)| *role == MemberRole::Admin);
    if ruled.count() >= RULED_MAX {
        return Err(too_many_ruled());
    }
    let new = NewAccount::named(name, AccountKind::Organisation);
    let made = accounts::create(conn, &new, Some(owner_id)).await?;
    let answer = Answer::created(&OrganisationView::from(
        &made.ok_or_else(|| name_taken(name))?,
    ))?;
    let act = Act::new(name, "organisation.create", format!("organisations/{name}"));
    Ok(Written::new(answer, act))
}

/// The account, held until the transaction ends, if its password is still the
/// one that was checked: while that was done, it may have been replaced.
async fn unchanged(
    conn: &mut PgConnection,
    name: &str,
    hash: &SecretString,
) -> Result<Option<Account>, ApiError> {
    accounts::lock(conn, name).await?;
    let found = accounts::credentials(conn, name).await?;
    let same = |held: &SecretString| held.expose_secret() == hash.expose_secret();
    Ok(found
        .filter(|(_, held)| held.as_ref().is_some_and(same))
        .map(|(account, _)| account))
}

fn name_taken(name: &str) -> ApiError {
    ApiError::Conflict {
        kind: "name-taken",
        title: "Name taken",
        detail: format!("there is an account \"{name}\" already; choose another name"),
    }
}

fn too_many_ruled() -> ApiError {
    ApiError::Conflict {
        kind: "too-many-namespaces",
        title: "Too many namespaces",
        detail: format!(
            "you are an admin of {RULED_MAX} namespaces, which is the most; leave one of them first"
        ),
    }
}
