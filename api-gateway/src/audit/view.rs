//! The JSON of the audit log.

use serde::Serialize;
use store::audit::Record;
use utoipa::ToSchema;

use crate::reply::timestamp::Timestamp;

/// A line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub struct AuditView<'a> {
    /// Number of the record.
    #[schema(minimum = 1)]
    id: i64,
    /// When it was done.
    created_at: Timestamp,
    /// Name of the account that did it.
    actor: &'a str,
    /// Number of the token it used.
    #[schema(required, minimum = 1)]
    token_id: Option<i64>,
    /// What was done, such as `job.create`.
    action: &'a str,
    /// To what, such as `jobs/146`.
    resource: &'a str,
    /// The client's address.
    #[schema(required)]
    address: Option<&'a str>,
    /// Finds the request in the service's log.
    #[schema(required)]
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
