//! Where a write comes from: for the audit log, and to answer it once only.

use std::fmt;

use store::audit::Entry;

use crate::tokens::caller::Caller;
use crate::write::Act;

/// Who sent a request, from where, under which idempotency key.
#[derive(Debug, Clone)]
pub struct RequestSource {
    /// Name of the account; of a registration, the one to be made.
    pub actor: String,
    /// Who asks, by which token; nobody on the public routes.
    pub caller: Option<Caller>,
    /// The client's address.
    pub address: Option<String>,
    /// Leads to the request in the service's log.
    pub request_id: Option<String>,
    /// What makes the request one with another, if its client said so.
    pub once: Option<Once>,
}

/// An idempotency key and the request it came with. `Debug` does not show it.
#[derive(Clone)]
pub struct Once {
    /// Whose key it is: keys of two callers have nothing to do with each other.
    pub caller: String,
    /// The key.
    pub key: String,
    /// Path and body.
    pub request: Vec<u8>,
}

impl RequestSource {
    /// The line of the audit log for one act.
    pub fn entry(&self, act: &Act) -> Entry {
        Entry {
            namespace: act.namespace.clone(),
            actor: self.actor.clone(),
            token_id: self.caller.as_ref().map(Caller::token_id),
            action: act.action.to_owned(),
            resource: act.resource.clone(),
            address: self.address.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Once");
        shown.field("caller", &self.caller).finish_non_exhaustive()
    }
}
