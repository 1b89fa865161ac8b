//! `audit_log`: who did what to which resource, append-only. An entry is
//! written in the transaction of what it tells of, so neither is there alone.

use chrono::{DateTime, Utc};
use diesel::dsl::IntoBoxed;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;
use crate::page::{Count, CountOf, Page, Rows, load_page};
use crate::schema::audit_log;
use crate::statement::statement;

/// An act to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The namespace whose admins may read of it.
    pub namespace: String,
    /// Name of the account; of a registration, the one that was made.
    pub actor: String,
    /// The token it used; a login and a command of the operator have none.
    pub token_id: Option<i64>,
    /// What was done, such as `job.create`.
    pub action: String,
    /// To what, such as `jobs/146`.
    pub resource: String,
    /// The client's address.
    pub address: Option<String>,
    /// Leads to the request in the service's log.
    pub request_id: Option<String>,
}

/// Number of a record, given by the database; later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordId(pub i64);

impl From<i64> for RecordId {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

/// An act that was told of.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
pub struct Record {
    /// Its number.
    #[diesel(deserialize_as = i64)]
    pub id: RecordId,
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// Name of the account.
    pub actor: String,
    /// The token it used.
    pub token_id: Option<i64>,
    /// What was done.
    pub action: String,
    /// To what.
    pub resource: String,
    /// The client's address.
    pub address: Option<String>,
    /// Leads to the request in the service's log.
    pub request_id: Option<String>,
}

/// Which records are asked for; all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// By this account.
    pub actor: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// At this instant or later.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this instant.
    pub created_before: Option<DateTime<Utc>>,
}

statement! {
    /// The same text for any number of entries, so that it is prepared once.
    AppendEntries {
        namespaces: Vec<String> as Array<Text>,
        actors: Vec<String> as Array<Text>,
        token_ids: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        actions: Vec<String> as Array<Text>,
        resources: Vec<String> as Array<Text>,
        addresses: Vec<Option<String>> as Array<Nullable<Text>>,
        request_ids: Vec<Option<String>> as Array<Nullable<Text>>,
    } -> BigInt =
        "INSERT INTO audit_log
            (namespace, actor, token_id, action, resource, address, request_id)
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?)";
}

/// Adds entries.
pub async fn append(conn: &mut AsyncPgConnection, entries: Vec<Entry>) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut all = AppendEntries {
        namespaces: Vec::new(),
        actors: Vec::new(),
        token_ids: Vec::new(),
        actions: Vec::new(),
        resources: Vec::new(),
        addresses: Vec::new(),
        request_ids: Vec::new(),
    };
    for entry in entries {
        all.namespaces.push(entry.namespace);
        all.actors.push(entry.actor);
        all.token_ids.push(entry.token_id);
        all.actions.push(entry.action);
        all.resources.push(entry.resource);
        all.addresses.push(entry.address);
        all.request_ids.push(entry.request_id);
    }
    all.execute(conn).await?;
    Ok(())
}

/// What was done in a namespace.
pub async fn list(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    filter: &Filter,
    page: Page<RecordId>,
) -> Result<Rows<Record>, StoreError> {
    let (query, columns) = (filtered(namespace, filter), Record::as_select());
    Ok(load_page!(query, columns, (audit_log::id), page, conn)?)
}

/// How many acts there are on all pages, up to [`COUNTED`](crate::page::COUNTED).
pub async fn count(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    filter: &Filter,
) -> Result<Count, StoreError> {
    let rows = filtered(namespace, filter)
        .select(audit_log::id)
        .limit(Count::LIMIT);
    Ok(Count::up_to(CountOf(rows).get_result(conn).await?))
}

/// Boxed, because which conditions there are is known only now.
fn filtered<'a>(namespace: &'a str, filter: &'a Filter) -> IntoBoxed<'a, audit_log::table, Pg> {
    let mut query = audit_log::table
        .filter(audit_log::namespace.eq(namespace))
        .into_boxed();
    if let Some(actor) = &filter.actor {
        query = query.filter(audit_log::actor.eq(actor));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_log::action.eq(action));
    }
    if let Some(instant) = filter.created_after {
        query = query.filter(audit_log::at.ge(instant));
    }
    if let Some(instant) = filter.created_before {
        query = query.filter(audit_log::at.lt(instant));
    }
    query
}
