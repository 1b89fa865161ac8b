//! A log on its way to a client: block by block, compressed for who takes that.

use std::io::{self, Write as _};
use std::mem;

use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::logs::LogReader;
use crate::logs::entry::LineWriter;
use crate::reply::error::{ApiError, causes};

/// Blocks of an answer, as gzip or as they are.
#[derive(Debug)]
pub struct Encoder(Option<GzEncoder<Vec<u8>>>);

impl Encoder {
    /// Before the first block.
    pub fn new(as_gzip: bool) -> Self {
        // The fastest level: others wait for the same thread.
        Self(as_gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())))
    }

    /// A block of its own, so that what is there can be read before the next one.
    fn block(&mut self, block: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some(gzip) = &mut self.0 else {
            return Ok(block);
        };
        gzip.write_all(&block)?;
        gzip.flush()?;
        Ok(mem::take(gzip.get_mut()))
    }

    /// After the last block.
    fn end(&mut self) -> io::Result<Vec<u8>> {
        self.0
            .take()
            .map_or_else(|| Ok(Vec::new()), GzEncoder::finish)
    }

    /// An answer of one block.
    pub fn whole(mut self, block: Vec<u8>) -> Result<Vec<u8>, ApiError> {
        let whole = self.block(block).and_then(|mut block| {
            block.extend(self.end()?);
            Ok(block)
        });
        whole.map_err(|error| ApiError::Internal(error.into()))
    }
}

/// What is left to be sent of a log that is read while it is sent.
#[derive(Debug)]
pub struct Body {
    log: LogReader,
    lines: LineWriter,
    encoder: Encoder,
    ended: bool,
}

impl Body {
    /// The whole log.
    pub fn new(log: LogReader, lines: LineWriter, encoder: Encoder) -> Self {
        Self {
            log,
            lines,
            encoder,
            ended: false,
        }
    }

    /// The next block; `None` after the last.
    pub async fn block(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.ended {
            return Ok(None);
        }
        let internal = |error: io::Error| ApiError::Internal(error.into());
        let Some(entries) = self.log.step(usize::MAX).await? else {
            self.ended = true;
            self.lines.close();
            let mut last = self.encoder.block(self.lines.take()).map_err(internal)?;
            last.extend(self.encoder.end().map_err(internal)?);
            return Ok(Some(last.into()));
        };
        if entries.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        for entry in &entries {
            self.lines
                .push(entry)
                .map_err(|error| internal(error.into()))?;
        }
        let block = self.encoder.block(self.lines.take()).map_err(internal)?;
        Ok(Some(block.into()))
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
