//! What became of announcements, in counters and, once per outage, in words.

use chrono::Utc;
use lapin::Confirmation;
use metrics::histogram;

use super::{Message, count};

/// Says once per outage that messages are being lost, and once that it is over.
#[derive(Default)]
pub(super) struct Outage {
    lost: u64,
}

impl Outage {
    /// Takes the broker's last word on a message into account.
    pub(super) fn account(&mut self, message: &Message, confirmed: lapin::Result<Confirmation>) {
        let exchange = message.address.exchange();
        match confirmed {
            Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => {
                count(exchange, "confirmed");
                if let Some(due_at) = message.due_at {
                    histogram!("escapement_schedule_lateness_seconds")
                        .record((Utc::now() - due_at).as_seconds_f64());
                }
                if self.lost > 0 {
                    tracing::info!(lost = self.lost, "broker confirms again");
                    self.lost = 0;
                }
            }
            Ok(Confirmation::Ack(Some(_))) => self.failed(exchange, "returned", "no queue took it"),
            Ok(Confirmation::Nack(_)) => self.failed(exchange, "nacked", "the broker refused it"),
            Err(error) => self.lost(exchange, &error.to_string()),
        }
    }

    pub(super) fn lost(&mut self, exchange: &'static str, why: &str) {
        self.failed(exchange, "lost", why);
    }

    fn failed(&mut self, exchange: &'static str, outcome: &'static str, why: &str) {
        count(exchange, outcome);
        if self.lost == 0 {
            tracing::warn!(
                exchange,
                outcome,
                why,
                "announcements are being lost; sweeps will find the rows"
            );
        }
        self.lost += 1;
    }
}
