//! What an operation is given.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use shared_types::trace::Traceparent;
use store::PgConnection;
use store::access::Access;

use crate::gateway::{Gateway, Lent};
use crate::reply::answer::Answer;
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;
use crate::write::Written;
use crate::write::source::RequestSource;

/// Who asks, from where, and the gateway that does it.
#[derive(Debug, Clone)]
pub struct Context {
    /// The connections, caches and limits of this process.
    pub gateway: Arc<Gateway>,
    /// The account that a token speaks for.
    pub caller: Caller,
    /// Where the request comes from.
    pub source: RequestSource,
    /// What an exec that is triggered now is a part of.
    pub trace: Option<Traceparent>,
}

impl Context {
    /// See [`Caller::may`].
    pub fn may(&self, need: Access, namespace: &str) -> Result<(), ApiError> {
        self.caller.may(need, namespace)
    }

    /// See [`Caller::scoped`].
    pub fn scoped(&self, need: Access) -> Result<(), ApiError> {
        self.caller.scoped(need)
    }

    /// See [`Gateway::connection`].
    pub async fn connection(&self) -> Result<Lent, ApiError> {
        self.gateway.connection(&self.caller).await
    }

    /// See [`Gateway::aside`].
    pub async fn aside<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let work = work(self.clone());
        self.gateway.aside(self.caller.account_id(), work).await
    }

    /// See [`Gateway::write`].
    pub async fn write<F>(&self, work: F) -> Result<Answer, ApiError>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<Written, ApiError>>
            + Send
            + 'static,
    {
        self.gateway.write(self.source.clone(), work).await
    }
}
