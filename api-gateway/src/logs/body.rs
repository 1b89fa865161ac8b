//! A log on its way to a client: block by block, compressed for who takes that.

use std::io::{self, Write as _};
use std::mem;

use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::logs::LogReader;
use crate::reply::error::{ApiError, causes};

/// What is left to be sent.
#[derive(Debug)]
pub struct Body {
    log: LogReader,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Body {
    /// The whole log, as gzip or as it is.
    pub fn new(log: LogReader, as_gzip: bool) -> Self {
        // The fastest level: others wait for the same thread.
        let gzip = as_gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        Self { log, gzip }
    }

    /// The next block; `None` after the last.
    pub async fn block(&mut self) -> Result<Option<Bytes>, ApiError> {
        let block = self.log.step().await?;
        let Some(gzip) = &mut self.gzip else {
            return Ok(block.map(Bytes::from));
        };
        let compressed = match block {
            Some(block) => compress(gzip, &block),
            None => self
                .gzip
                .take()
                .map_or_else(|| Ok(Vec::new()), GzEncoder::finish),
        };
        let compressed = compressed.map_err(|error| ApiError::Internal(error.into()))?;
        Ok(Some(compressed.into()))
    }

    /// The same for a stream. The answer has begun, so an error can only cut it off: the
    /// connection ends before the body does.
    pub async fn next(body: Option<Self>) -> Option<(Result<Bytes, ApiError>, Option<Self>)> {
        let mut body = body?;
        match body.block().await {
            Ok(block) => Some((Ok(block?), Some(body))),
            Err(error) => {
                tracing::error!(error = causes(&error), "a log could not be read to its end");
                Some((Err(error), None))
            }
        }
    }
}

/// A block of its own, so that what is there can be read before the next one.
fn compress(gzip: &mut GzEncoder<Vec<u8>>, block: &[u8]) -> io::Result<Vec<u8>> {
    gzip.write_all(block)?;
    gzip.flush()?;
    Ok(mem::take(gzip.get_mut()))
}
