//! The JSON of the audit log.

use serde::Serialize;
use store::audit::Record;

use crate::reply::timestamp::Timestamp;

/// A line of the audit log.
#[derive(Debug, Serialize)]
pub struct AuditView<'a> {
    id: i64,
    created_at: Timestamp,
    actor: &'a str,
    token_id: Option<i64>,
    action: &'a str,
    resource: &'a str,
    address: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl<'a> From<&'a Record> for AuditView<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            id: record.id.0,
            created_at: Timestamp(record.at),
            actor: &record.actor,
            token_id: record.token_id,
            action: &record.action,
            resource: &record.resource,
            address: record.address.as_deref(),
            request_id: record.request_id.as_deref(),
        }
    }
}
