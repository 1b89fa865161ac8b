//! `secrets`: sealed values. A spec names them by id; the value itself is only
//! here, and readable only with a key of the [`Keyring`].

mod keyring;

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Jsonb, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use shared_types::{ExecId, SecretId};
use thiserror::Error;

pub use self::keyring::{Keyring, KeyringError, Purpose, SealError, Sealed, SecretsConfig};
use crate::StoreError;
use crate::schema::{execs, secrets};

/// Why a secret cannot be used. Names its id and its key, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// It is stored but does not open.
    #[error("secret {} stays closed: {why}", .id.0)]
    Closed {
        /// Which one.
        id: SecretId,
        /// The keyring's reason.
        #[source]
        why: SealError,
    },
    /// The namespace has no such secret.
    #[error("there is no secret {} in this namespace", .0.0)]
    Missing(SecretId),
    /// It cannot be stored.
    #[error("a secret cannot be sealed: {0}")]
    Seal(#[source] SealError),
}

/// Stores values of a namespace; the ids are in the order of the values.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    namespace: &str,
    values: &[SecretString],
) -> Result<Vec<SecretId>, StoreError> {
    let mut rows = Vec::with_capacity(values.len());
    for value in values {
        let plain = value.expose_secret().as_bytes();
        let sealed = keyring.seal(Purpose::Secret, namespace, plain);
        let sealed = sealed.map_err(SecretError::Seal)?;
        rows.push((
            secrets::namespace.eq(namespace),
            secrets::key_id.eq(sealed.key_id),
            secrets::sealed.eq(sealed.bytes),
        ));
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // One INSERT numbers and returns its rows in the order of its VALUES.
    let ids: Vec<i64> = diesel::insert_into(secrets::table)
        .values(rows)
        .returning(secrets::id)
        .get_results(conn)
        .await?;
    Ok(ids.into_iter().map(SecretId).collect())
}

/// The values with these ids. All of them, or an error: each must be of this
/// namespace and its key at hand.
pub async fn load(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    namespace: &str,
    ids: &[SecretId],
) -> Result<BTreeMap<SecretId, SecretString>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, String, Vec<u8>)> = secrets::table
        .filter(secrets::namespace.eq(namespace))
        .filter(secrets::id.eq_any(ids.iter().map(|id| id.0)))
        .select((secrets::id, secrets::key_id, secrets::sealed))
        .load(conn)
        .await?;
    let mut values = BTreeMap::new();
    for (id, key_id, bytes) in rows {
        let id = SecretId(id);
        let value = open_text(keyring, namespace, id, &Sealed { key_id, bytes })?;
        values.insert(id, value);
    }
    match ids.iter().find(|id| !values.contains_key(id)) {
        Some(missing) => Err(SecretError::Missing(*missing).into()),
        None => Ok(values),
    }
}

/// What decides how the output of an exec is kept. It stays the same for all its life.
#[derive(Debug)]
pub struct OfOutput {
    /// Whose it is.
    pub namespace: String,
    /// The values of its secret variables.
    pub secrets: Vec<SecretString>,
    /// Whether its end is to be proved.
    pub log_proof: bool,
}

/// What decides how the output of an exec is kept.
pub async fn of_output(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    exec: ExecId,
) -> Result<OfOutput, StoreError> {
    type Found = (String, Option<serde_json::Value>, bool);
    let (namespace, named, log_proof): Found = execs::table
        .find(exec.0)
        .select((
            execs::namespace,
            sql::<Nullable<Jsonb>>("spec -> 'secret_vars'"),
            sql::<Bool>("coalesce((spec ->> 'log_proof')::boolean, false)"),
        ))
        .first(conn)
        .await?;
    let named = named.map_or(
        Ok(BTreeMap::<String, SecretId>::new()),
        serde_json::from_value,
    );
    let named = named.map_err(|_| StoreError::Unknown {
        what: "form of spec in exec",
        value: exec.0.to_string(),
    })?;
    let ids: Vec<_> = named.into_values().collect();
    let values = load(conn, keyring, &namespace, &ids).await?;
    Ok(OfOutput {
        namespace,
        secrets: values.into_values().collect(),
        log_proof,
    })
}

/// Removes a value that nothing names any more.
pub(crate) async fn delete(conn: &mut AsyncPgConnection, id: SecretId) -> Result<(), StoreError> {
    diesel::delete(secrets::table.find(id.0))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ids of keys that values are sealed with and that are not at hand.
pub async fn missing_keys(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
) -> Result<Vec<String>, StoreError> {
    let missing = secrets::table
        .filter(secrets::key_id.ne_all(keyring.ids().map(str::to_owned)))
        .select(secrets::key_id)
        .distinct()
        .load(conn)
        .await?;
    Ok(missing)
}

/// Seals up to `batch` values anew that are not sealed with the first key, and
/// says how many; none when all are, or others are at work on the rest. Their
/// ids stay. To be called in a transaction, which keeps the rows locked.
pub async fn reseal(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    batch: i64,
) -> Result<usize, StoreError> {
    let rows: Vec<(i64, String, String, Vec<u8>)> = secrets::table
        .filter(secrets::key_id.ne(keyring.first_id()))
        .filter(secrets::key_id.eq_any(keyring.ids().map(str::to_owned)))
        .order((secrets::key_id, secrets::id))
        .limit(batch)
        .select((
            secrets::id,
            secrets::namespace,
            secrets::key_id,
            secrets::sealed,
        ))
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    let mut resealed = 0;
    for (id, namespace, key_id, bytes) in rows {
        let old = Sealed {
            key_id: key_id.clone(),
            bytes,
        };
        let value = open(keyring, &namespace, SecretId(id), &old)?;
        let new = keyring.seal(Purpose::Secret, &namespace, value.expose_secret());
        let new = new.map_err(SecretError::Seal)?;
        resealed += diesel::update(secrets::table.find(id))
            .filter(secrets::key_id.eq(key_id))
            .set((
                secrets::key_id.eq(new.key_id),
                secrets::sealed.eq(new.bytes),
            ))
            .execute(conn)
            .await?;
    }
    Ok(resealed)
}

fn open(
    keyring: &Keyring,
    namespace: &str,
    id: SecretId,
    sealed: &Sealed,
) -> Result<SecretSlice<u8>, SecretError> {
    keyring
        .open(Purpose::Secret, namespace, sealed)
        .map_err(|why| SecretError::Closed { id, why })
}

/// What was sealed as a text.
pub(crate) fn open_text(
    keyring: &Keyring,
    namespace: &str,
    id: SecretId,
    sealed: &Sealed,
) -> Result<SecretString, SecretError> {
    let value = open(keyring, namespace, id, sealed)?;
    let text = std::str::from_utf8(value.expose_secret());
    text.map(SecretString::from)
        .map_err(|_| SecretError::Closed {
            id,
            why: SealError::Refused,
        })
}
