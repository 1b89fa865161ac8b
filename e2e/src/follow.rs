//! Following a log, as a client does that knows server-sent events.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Response;
use serde_json::Value;

/// The gateway sends something more often than this.
const SILENCE: Duration = Duration::from_secs(30);

/// An event with data.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `message`, or `end` for the last one.
    pub kind: String,
    /// What to go on after.
    pub id: String,
    /// A line, or the exec.
    pub data: Value,
}

/// A log being followed.
#[derive(Debug)]
pub struct Following {
    answer: Response,
    received: Vec<u8>,
}

impl Following {
    pub(crate) fn new(answer: Response) -> Self {
        Self {
            answer,
            received: Vec::new(),
        }
    }

    /// The next event that has data; `None` when the answer has ended.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            while let Some(length) = self.received.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.received.drain(..length + 2).collect();
                if let Some(event) = parse(&String::from_utf8(event)?)? {
                    return Ok(Some(event));
                }
            }
            let more = tokio::time::timeout(SILENCE, self.answer.chunk()).await;
            match more.context("the stream is silent")?? {
                Some(more) => self.received.extend(more),
                None => return Ok(None),
            }
        }
    }
}

fn parse(event: &str) -> Result<Option<Event>> {
    let (mut kind, mut id, mut data) = ("message", "", None);
    for (name, value) in event.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "event" => kind = value,
            "id" => id = value,
            "data" => data = Some(value),
            _ => {}
        }
    }
    let Some(data) = data else {
        return Ok(None);
    };
    Ok(Some(Event {
        kind: kind.to_owned(),
        id: id.to_owned(),
        data: serde_json::from_str(data)?,
    }))
}
