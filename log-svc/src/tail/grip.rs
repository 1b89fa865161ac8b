//! Who writes the stream: this tail, another replica's, or nobody any more.

use store::StoreError;
use store::logs::{self, Opened, Reload, Writer};
use tokio::time::Instant;

use super::Tail;

/// What a tail remembers of its stream between steps.
#[derive(Debug)]
pub(super) enum Hold {
    /// It was never opened.
    Unopened,
    /// It is ours and stands here.
    Writer(Writer),
    /// We opened it with this epoch; the row knows the rest.
    Unsure(i64),
    /// Another replica writes it; seen since.
    Standby(Standing),
}

/// A stream of another replica as it was last seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    epoch: i64,
    next_seq: i64,
    since: Instant,
}

/// Whether the stream can be written.
#[derive(Debug)]
pub(super) enum Grip {
    Writer(Writer),
    Sealed,
    Standby,
    UnknownExec,
}

impl Tail {
    /// Takes the stream for one step. Whoever still has it for certain after
    /// that keeps it; otherwise the next step asks the row.
    pub(super) async fn grip(&mut self) -> Result<Grip, StoreError> {
        let grip = match std::mem::replace(&mut self.hold, Hold::Unopened) {
            Hold::Writer(writer) => Grip::Writer(writer),
            Hold::Unopened => self.open().await?,
            Hold::Unsure(epoch) => self.reload(epoch).await?,
            Hold::Standby(standing) => self.stand_by(Some(standing)).await?,
        };
        if let Grip::Writer(writer) = &grip {
            self.hold = Hold::Unsure(writer.epoch());
        }
        Ok(grip)
    }

    async fn open(&self) -> Result<Grip, StoreError> {
        let mut conn = self.context.store.connection().await?;
        let region = &self.context.region;
        Ok(
            match logs::open(&mut conn, self.key, region, &self.pod_uid).await? {
                Opened::Writer(writer) => Grip::Writer(writer),
                Opened::Sealed => Grip::Sealed,
                Opened::UnknownExec => {
                    tracing::error!(exec = %self.key.exec, "a pod belongs to an exec that is not in the database");
                    Grip::UnknownExec
                }
            },
        )
    }

    async fn reload(&mut self, epoch: i64) -> Result<Grip, StoreError> {
        // Kept if the read fails: opening again would fence another writer.
        self.hold = Hold::Unsure(epoch);
        let mut conn = self.context.store.connection().await?;
        match logs::reload(&mut conn, self.key, epoch).await? {
            Reload::Writer(writer) => Ok(Grip::Writer(writer)),
            Reload::Sealed => Ok(Grip::Sealed),
            Reload::Fenced => {
                drop(conn);
                metrics::counter!("escapement_log_fenced_total").increment(1);
                self.stand_by(None).await
            }
        }
    }

    async fn stand_by(&mut self, seen: Option<Standing>) -> Result<Grip, StoreError> {
        if let Some(seen) = seen {
            self.hold = Hold::Standby(seen);
        }
        let mut conn = self.context.store.connection().await?;
        let Some(stream) = logs::get(&mut conn, self.key).await? else {
            return Ok(Grip::UnknownExec);
        };
        drop(conn);
        if stream.sealed_at.is_some() {
            return Ok(Grip::Sealed);
        }
        let now = Standing {
            epoch: stream.epoch,
            next_seq: stream.next_seq,
            since: Instant::now(),
        };
        let seen = seen.filter(|seen| (seen.epoch, seen.next_seq) == (now.epoch, now.next_seq));
        if seen.is_some_and(|seen| seen.since.elapsed() >= self.context.config.standby) {
            return self.open().await;
        }
        self.hold = Hold::Standby(seen.unwrap_or(now));
        Ok(Grip::Standby)
    }
}
