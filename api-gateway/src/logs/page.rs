//! A page of a log, which is read before it is answered: its end is told in a header.

use crate::logs::LogReader;
use crate::logs::entry::LineWriter;
use crate::logs::position::Position;
use crate::reply::error::ApiError;

/// Bytes of lines after which a page ends.
const BYTES_MAX: usize = 1024 * 1024;

/// Bytes looked at after which a page ends, also without a line: what is sought may be
/// rare.
const SCAN_MAX: usize = 32 * 1024 * 1024;

/// What of a page is not used up.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    lines: usize,
    bytes: usize,
    scan: usize,
}

impl Room {
    /// A page of so many lines.
    pub fn of(lines: u32) -> Self {
        Self {
            lines: usize::try_from(lines).unwrap_or(usize::MAX),
            bytes: BYTES_MAX,
            scan: SCAN_MAX,
        }
    }

    /// Whether there is room for more.
    pub fn is_left(self) -> bool {
        self.lines > 0 && self.bytes > 0 && self.scan > 0
    }

    /// Writes what there is room for; tells where the log goes on, if it does.
    pub async fn fill(
        &mut self,
        log: &mut LogReader,
        lines: &mut LineWriter,
    ) -> Result<Option<Position>, ApiError> {
        while self.is_left() {
            let before = log.scanned();
            let Some(entries) = log.step(self.lines).await? else {
                break;
            };
            self.scan = self.scan.saturating_sub(log.scanned() - before);
            self.lines = self.lines.saturating_sub(entries.len());
            for entry in &entries {
                self.bytes = self.bytes.saturating_sub(entry.bytes.len());
                lines
                    .push(entry)
                    .map_err(|error| ApiError::Internal(error.into()))?;
            }
        }
        Ok(log.may_go_on().then_some(log.position()))
    }
}
