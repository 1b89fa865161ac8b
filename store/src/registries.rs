//! `registry_credentials`: whom a namespace's images are pulled as. Passwords
//! are secrets.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;
use shared_types::SecretId;

use crate::schema::{registry_credentials as credentials, secrets as sealed};
use crate::secrets::{self, Keyring, Sealed};
use crate::{StoreError, accounts};

/// Registries of one namespace at most.
pub const MAX: i64 = 50;

/// What everybody may know of a namespace's access to a registry.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = credentials)]
pub struct Registry {
    /// Host and port in their one spelling.
    pub registry: String,
    /// The name it is known by there.
    pub username: String,
    /// When it was last set.
    pub updated_at: DateTime<Utc>,
}

/// What a registry is shown. `Debug` does not show the password.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Host and port in their one spelling.
    pub registry: String,
    /// A name.
    pub username: String,
    /// Its password.
    pub password: SecretString,
}

/// Keeps or replaces a credential; `None` if the namespace has [`MAX`] others.
/// Must run in a transaction.
pub async fn put(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    namespace: &str,
    new: &Credential,
) -> Result<Option<Registry>, StoreError> {
    // Two at once must not both find the last free place.
    accounts::lock(conn, namespace).await?;
    let others: i64 = credentials::table
        .filter(credentials::namespace.eq(namespace))
        .filter(credentials::registry.ne(&new.registry))
        .count()
        .get_result(conn)
        .await?;
    if others >= MAX {
        return Ok(None);
    }
    let replaced = password_of(conn, namespace, &new.registry).await?;
    let password = std::slice::from_ref(&new.password);
    let password = secrets::insert(conn, keyring, namespace, password).await?;
    let kept = (
        credentials::username.eq(&new.username),
        credentials::password_id.eq(password[0].0),
        credentials::updated_at.eq(now),
    );
    let registry = diesel::insert_into(credentials::table)
        .values((
            credentials::namespace.eq(namespace),
            credentials::registry.eq(&new.registry),
            kept,
        ))
        .on_conflict((credentials::namespace, credentials::registry))
        .do_update()
        .set(kept)
        .returning(Registry::as_returning())
        .get_result(conn)
        .await?;
    if let Some(old) = replaced {
        secrets::delete(conn, old).await?;
    }
    Ok(Some(registry))
}

/// The registries of a namespace, by name.
pub async fn list(
    conn: &mut AsyncPgConnection,
    namespace: &str,
) -> Result<Vec<Registry>, StoreError> {
    let registries = credentials::table
        .filter(credentials::namespace.eq(namespace))
        .order(credentials::registry)
        .select(Registry::as_select())
        .load(conn)
        .await?;
    Ok(registries)
}

/// Forgets a credential; false if there is none.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    registry: &str,
) -> Result<bool, StoreError> {
    let Some(password) = password_of(conn, namespace, registry).await? else {
        return Ok(false);
    };
    diesel::delete(credentials::table.find((namespace, registry)))
        .execute(conn)
        .await?;
    secrets::delete(conn, password).await?;
    Ok(true)
}

/// The sealed password of a credential, which nobody else may change until the
/// transaction ends. Nothing but the credential names it.
async fn password_of(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    registry: &str,
) -> Result<Option<SecretId>, StoreError> {
    let id: Option<i64> = credentials::table
        .find((namespace, registry))
        .select(credentials::password_id)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(id.map(SecretId))
}

/// The credential of a namespace for one registry, opened.
pub async fn load(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    namespace: &str,
    registry: &str,
) -> Result<Option<Credential>, StoreError> {
    let row: Option<(String, i64, String, Vec<u8>)> = credentials::table
        .inner_join(sealed::table)
        .filter(credentials::namespace.eq(namespace))
        .filter(credentials::registry.eq(registry))
        .select((
            credentials::username,
            sealed::id,
            sealed::key_id,
            sealed::sealed,
        ))
        .first(conn)
        .await
        .optional()?;
    let Some((username, id, key_id, bytes)) = row else {
        return Ok(None);
    };
    let sealed = Sealed { key_id, bytes };
    Ok(Some(Credential {
        registry: registry.to_owned(),
        username,
        password: secrets::open_text(keyring, namespace, SecretId(id), &sealed)?,
    }))
}
