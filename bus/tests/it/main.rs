//! The bus against a real RabbitMQ, a virtual host per test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's set-up may fail loudly"
)]

mod consumer;
mod hints;
mod recovery;
mod refusal;
mod ring;
mod tls;
