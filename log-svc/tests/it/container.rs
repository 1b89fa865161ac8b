//! The output of one container as a node keeps and serves it.

use std::collections::VecDeque;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tokio::sync::watch;

/// When every program starts.
pub(crate) const STARTED: &str = "2026-11-23T14:00:00Z";

/// One line in the node's file.
#[derive(Debug, Clone)]
pub(crate) struct FileLine {
    pub(crate) at: DateTime<Utc>,
    pub(crate) bytes: Vec<u8>,
}

/// How the server treats one answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The answer stops after this many bytes: broken, or as if all was well.
    Cut { after: usize, clean: bool },
    /// The answer is this text instead of the log, with status 200.
    Text(String),
    /// The answer is this status code.
    Refuse(u16),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) lines: Vec<FileLine>,
    /// The last line has no newline.
    pub(crate) unfinished: bool,
    pub(crate) ended: bool,
    /// The node has no inotify instance left to follow it with.
    pub(crate) unwatchable: bool,
    /// Lines before this one are rotated away.
    pub(crate) rotated: usize,
}

/// A container that prints when told to.
#[derive(Debug)]
pub(crate) struct Container {
    file: watch::Sender<File>,
    faults: std::sync::Mutex<VecDeque<Fault>>,
    pub(crate) requests: std::sync::Mutex<Vec<String>>,
}

impl Container {
    pub(crate) fn new() -> Self {
        Self {
            file: watch::Sender::new(File::default()),
            faults: std::sync::Mutex::default(),
            requests: std::sync::Mutex::default(),
        }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut File)) {
        self.file.send_modify(change);
    }

    pub(crate) fn print(&self, lines: impl IntoIterator<Item = FileLine>) {
        self.change(|file| file.lines.extend(lines));
    }

    pub(crate) fn watch(&self) -> watch::Receiver<File> {
        self.file.subscribe()
    }

    pub(crate) fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// Forgets all but the next few that a reader can notice.
    pub(crate) fn keep_noticeable(&self, few: usize) {
        let mut faults = self.faults.lock().unwrap();
        faults.retain(|fault| !matches!(fault, Fault::Cut { clean: true, .. }));
        faults.truncate(few);
    }

    pub(crate) fn next_fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap().pop_front()
    }

    /// How often it was followed.
    pub(crate) fn follows(&self) -> usize {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|query| query.contains("follow=true"))
            .count()
    }
}

impl File {
    /// What the node gives from line `from` on.
    pub(crate) fn rendered(&self, from: usize, since: Option<DateTime<Utc>>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let last = self.lines.len().wrapping_sub(1);
        for (n, line) in self.lines.iter().enumerate().skip(from.max(self.rotated)) {
            if since.is_some_and(|since| line.at < since) {
                continue;
            }
            let stamp = line.at.to_rfc3339_opts(SecondsFormat::Nanos, true);
            bytes.extend_from_slice(stamp.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(&line.bytes);
            if n != last || !self.unfinished {
                bytes.push(b'\n');
            }
        }
        bytes
    }
}

pub(crate) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(STARTED).unwrap().to_utc()
        + TimeDelta::milliseconds(millis)
        + TimeDelta::nanoseconds(17)
}

pub(crate) fn line(millis: i64, text: impl Into<Vec<u8>>) -> FileLine {
    FileLine {
        at: instant(millis),
        bytes: text.into(),
    }
}
