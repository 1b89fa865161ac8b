//! The end of a log, found from its end.

use std::sync::Arc;

use store::logs;

use crate::logs::LogReader;
use crate::logs::lines::Content;
use crate::reply::error::ApiError;

impl LogReader {
    /// Takes away what comes before the last `count` lines.
    pub(super) async fn keep_last(&mut self, count: u32) -> Result<(), ApiError> {
        let mut parts: Vec<_> = self.parts.by_ref().collect();
        let mut missing = usize::try_from(count).unwrap_or(usize::MAX);
        for index in (0..parts.len()).rev() {
            if missing == 0 {
                for part in parts.drain(..=index) {
                    self.position = part.passed(self.position);
                }
                break;
            }
            let attempt = parts[index].attempt;
            match &mut parts[index].content {
                Content::Platform { .. } => missing -= 1,
                Content::Program { from_seq, .. } => {
                    let found;
                    (*from_seq, found) = self.last(attempt, missing).await?;
                    missing -= found;
                }
            }
        }
        self.parts = parts.into_iter();
        Ok(())
    }

    /// Where the last `count` lines of an attempt's program begin, and how many there are.
    async fn last(&self, attempt: i32, count: usize) -> Result<(i64, usize), ApiError> {
        let key = self.stream(attempt);
        let (mut before, mut found) = (None, 0);
        loop {
            let filter = Arc::clone(&self.filter);
            let missing = count - found;
            let tail = self.context.aside(move |context| async move {
                let mut conn = context.connection().await?;
                Ok(logs::tail(&mut conn, key, before, &filter, missing).await?)
            });
            let tail = tail.await?;
            found += tail.found;
            if !tail.more {
                return Ok((tail.from_seq, found));
            }
            before = Some(tail.from_seq);
        }
    }
}
