//! The pod-log endpoint of one container.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cluster::names::MAIN_CONTAINER;
use futures::AsyncBufRead;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::LogParams;

/// The answer to a read of what is there begins at once; that to a follow
/// begins with the program's first line, whenever that is.
const READ_OPENS_WITHIN: Duration = Duration::from_secs(30);

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such log, says the API server or the node.
    #[error("there is no such log: {0}")]
    Missing(String),
    /// Anything else; another try may work.
    #[error("the log could not be opened")]
    Unavailable(#[source] Box<kube::Error>),
    /// No answer in time.
    #[error("the log could not be opened within {READ_OPENS_WITHIN:?}")]
    Timeout,
}

/// Reads the main container of one pod.
#[derive(Debug, Clone)]
pub struct PodLog {
    api: Api<Pod>,
    pod: String,
}

impl PodLog {
    /// `api` should belong to [`cluster::Clients::logs`].
    pub fn new(api: Api<Pod>, pod: String) -> Self {
        Self { api, pod }
    }

    /// What was printed since, and whatever will be.
    pub async fn follow(
        &self,
        since: Option<DateTime<Utc>>,
    ) -> Result<impl AsyncBufRead + Unpin + Send + use<>, SourceError> {
        self.open(since, true).await
    }

    /// What was printed since, to the end of the file as it is.
    pub async fn read(
        &self,
        since: Option<DateTime<Utc>>,
    ) -> Result<impl AsyncBufRead + Unpin + Send + use<>, SourceError> {
        tokio::time::timeout(READ_OPENS_WITHIN, self.open(since, false))
            .await
            .map_err(|_| SourceError::Timeout)?
    }

    async fn open(
        &self,
        since: Option<DateTime<Utc>>,
        follow: bool,
    ) -> Result<impl AsyncBufRead + Unpin + Send + use<>, SourceError> {
        let params = LogParams {
            container: Some(MAIN_CONTAINER.to_owned()),
            follow,
            timestamps: true,
            // Whole seconds, or kube would round up and skip lines.
            since_time: since.and_then(|since| Timestamp::from_second(since.timestamp()).ok()),
            ..LogParams::default()
        };
        match self.api.log_stream(&self.pod, &params).await {
            Ok(stream) => Ok(Box::pin(stream)),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => {
                Err(SourceError::Missing(status.message.clone()))
            }
            Err(error) => Err(SourceError::Unavailable(Box::new(error))),
        }
    }
}
