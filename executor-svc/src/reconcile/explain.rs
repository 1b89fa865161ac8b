//! What Kubernetes said of an attempt that the platform ended.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use cluster::instant;
use k8s_openapi::api::core::v1::Event;
use shared_types::Reason;
use store::lifecycle::{End, Tracked};

use super::Reconciler;
use crate::decide::is_platforms;

/// More of it helps nobody.
const MAX_CHARS: usize = 2000;

impl Reconciler {
    /// Adds to an end what Kubernetes said of the attempt, if it is the one to ask.
    pub(super) async fn explain(&self, exec: &Tracked, end: &mut End) {
        let Some(attempt) = exec.current().filter(|_| is_kubernetes_matter(end.reason)) else {
            return;
        };
        let namespace = self.cluster().namespace(&exec.namespace);
        let uids = [&attempt.job_uid, &attempt.pod_uid].into_iter().flatten();
        let mut events = self.events.of(namespace, uids.cloned().collect()).await;
        events.sort_by_key(last_seen);
        for event in &events {
            let (said, times) = (event.message.as_deref(), times(event));
            let reason = event.reason.as_deref();
            tracing::warn!(exec = %exec.id, attempt = end.attempt, reason, times, said,
                "Kubernetes said of an attempt that failed");
        }
        if end.reason == Reason::PodRefused
            && let Some(why) = refusal(&events)
        {
            end.message = format!("{}: {why}", end.message);
            end.line = format!("{}: {why}.", end.line.trim_end_matches('.'));
        }
        end.said = told(&events);
    }
}

/// Whether it was not the program, its user or the order of admission.
fn is_kubernetes_matter(reason: Reason) -> bool {
    use Reason::{ConfigError, ImagePull, StartError, Unschedulable};
    is_platforms(reason) || matches!(reason, Unschedulable | ImagePull | ConfigError | StartError)
}

/// Why the Job has no pod.
fn refusal(events: &[Event]) -> Option<&str> {
    let mut latest = events.iter().rev();
    let refusal = latest.find(|event| event.reason.as_deref() == Some("FailedCreate"));
    refusal?.message.as_deref()
}

/// For who may see the exec: the words that Kubernetes has for what happened, how often, and
/// its sentences where those are about the exec and not about the node.
fn told(events: &[Event]) -> Option<String> {
    let mut text = String::new();
    for event in events {
        let reason = event.reason.as_deref().unwrap_or_default();
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{separator}{reason}");
        if let times @ 2.. = times(event) {
            let _ = write!(text, " ({times} times)");
        }
        if matches!(reason, "FailedScheduling" | "FailedCreate") {
            let _ = write!(text, ": {}", event.message.as_deref().unwrap_or_default());
        }
    }
    let cut = text.char_indices().nth(MAX_CHARS).map(|(at, _)| at);
    text.truncate(cut.unwrap_or(text.len()));
    (!text.is_empty()).then_some(text)
}

/// A series counts for itself.
fn times(event: &Event) -> i32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.count).unwrap_or(1)
}

fn last_seen(event: &Event) -> Option<DateTime<Utc>> {
    let last = event.last_timestamp.as_ref().and_then(instant);
    last.or_else(|| instant(event.metadata.creation_timestamp.as_ref()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(reason: &str, message: &str, more: &Value) -> Event {
        let mut event = json!({
            "metadata": {}, "involvedObject": {}, "reason": reason, "message": message,
        });
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn what_is_about_the_node_is_told_as_a_word() {
        let series = json!({ "series": { "count": 4 } });
        let events = [
            event("FailedScheduling", "0/1 nodes have room", &series),
            event("Pulling", "Pulling image \"i\"", &json!({})),
            event("Failed", "dial 10.0.0.7: refused", &json!({ "count": 3 })),
        ];
        let expected = "FailedScheduling (4 times): 0/1 nodes have room; Pulling; Failed (3 times)";
        assert_eq!(told(&events).as_deref(), Some(expected));
        assert_eq!(told(&[]), None);
        let long = event("FailedCreate", &"ü".repeat(3000), &json!({}));
        assert_eq!(told(&[long]).unwrap().chars().count(), MAX_CHARS);
    }

    #[test]
    fn the_last_refusal_is_the_reason() {
        let events = [
            event("FailedCreate", "first", &json!({})),
            event("FailedCreate", "exceeded quota", &json!({})),
            event("Other", "other", &json!({})),
        ];
        assert_eq!(refusal(&events), Some("exceeded quota"));
        assert_eq!(refusal(&events[2..]), None);
    }
}
