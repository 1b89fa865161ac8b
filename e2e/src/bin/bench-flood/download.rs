//! A log as its reader gets it, and what its numbers tell.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::Client;
use e2e::client::Exec;
use sha2::{Digest as _, Sha256};

/// What a download came to.
pub(crate) struct Found {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    /// Numbers that are not there, and in how many stretches.
    pub(crate) missing: u64,
    pub(crate) places: u64,
    pub(crate) sha256: String,
    pub(crate) took: Duration,
}

/// Reads a log of lines that begin with their numbers from 1 to `last`.
pub(crate) async fn read(client: &Client, exec: &Exec, last: u64) -> Result<Found> {
    let began = Instant::now();
    let mut answer = client.download(exec).await?;
    let (mut digest, mut rest, mut numbers) = (Sha256::new(), Vec::new(), Numbers::default());
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        bytes += chunk.len() as u64;
        digest.update(&chunk);
        rest.extend_from_slice(&chunk);
        let whole = rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        for line in rest[..whole].split_inclusive(|byte| *byte == b'\n') {
            numbers.take(line)?;
        }
        rest.drain(..whole);
    }
    ensure!(rest.is_empty(), "the last line has its newline");
    numbers.skip_to(last + 1);
    ensure!(
        numbers.pieces <= numbers.places,
        "a piece of a line where none is missing"
    );
    let sha256 = digest
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    Ok(Found {
        bytes,
        lines: numbers.lines,
        missing: numbers.missing,
        places: numbers.places,
        sha256,
        took: began.elapsed(),
    })
}

#[derive(Default)]
struct Numbers {
    last: u64,
    lines: u64,
    missing: u64,
    places: u64,
    pieces: u64,
}

impl Numbers {
    fn take(&mut self, line: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(line)?;
        self.lines += 1;
        let Some((number, _)) = text.split_once('\t') else {
            // A new file of the log may begin inside of a line; what was before is lost.
            self.pieces += 1;
            return Ok(());
        };
        let number: u64 = number.trim().parse()?;
        ensure!(number > self.last, "{number} after {}", self.last);
        self.skip_to(number);
        self.last = number;
        Ok(())
    }

    fn skip_to(&mut self, next: u64) {
        let missing = next - self.last - 1;
        self.missing += missing;
        self.places += u64::from(missing > 0);
    }
}
