//! Spans for a collector of OpenTelemetry's, off unless `[traces]` names one.
//!
//! A span is recorded when its part is over, by whoever writes the end of it: its times
//! are those of the rows, and its id is derived from the exec's
//! ([`shared_types::trace`]). So no span is open while a process dies, and none has to be
//! handed from one service to another. Recording one never waits: while a collector is
//! away, spans are dropped.
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `escapement_spans_total` | counter | `outcome` | spans that a collector has taken (`sent`) or not (`failed`) |

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use opentelemetry::trace::SpanKind;
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SpanData, SpanEvents, SpanExporter as Export, SpanLinks, SpanProcessor,
};
use serde::Deserialize;
use shared_types::trace::Traceparent;

use crate::config::ConfigError;

/// How long a collector may take for a batch.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);

/// `[traces]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Where a collector takes OTLP over HTTP, such as `http://collector:4318`; without
    /// it, no span is made.
    pub endpoint: Option<String>,
}

/// Where spans go. Clones send to the same collector.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<BatchSpanProcessor>>);

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.are_on() { "on" } else { "off" };
        f.debug_tuple("Traces").field(&state).finish()
    }
}

/// A part of what happened, and when.
#[derive(Debug, Clone)]
pub struct Span {
    /// Which it is: a trace and its own id. Nothing is recorded of a trace that is not sampled.
    pub id: Traceparent,
    /// The span that it is a part of.
    pub parent: Option<u64>,
    /// Whether another system, or another service, waits for it or has asked for it.
    pub kind: SpanKind,
    /// A word or two of a small set.
    pub name: Cow<'static, str>,
    /// When it began.
    pub from: SystemTime,
    /// When it was over.
    pub to: SystemTime,
    /// What else is known, by names of OpenTelemetry's or `escapement.…`.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

impl Traces {
    /// As configured, for this service.
    pub fn new(service: &'static str, config: &TracesConfig) -> Result<Self, ConfigError> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(Self::default());
        };
        if !endpoint.starts_with("http://") {
            let why =
                "must begin with http://; a collector on the same node or network may go on by TLS";
            return Err(ConfigError::invalid("traces.endpoint", why));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(EXPORT_LIMIT)
            .build()
            .map_err(|error| ConfigError::invalid("traces.endpoint", error))?;
        let mut processor = BatchSpanProcessor::builder(Counted(exporter)).build();
        let resource = Resource::builder_empty().with_service_name(service);
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        processor.set_resource(&resource.with_attribute(version).build());
        Ok(Self(Some(Arc::new(processor))))
    }

    /// Whether anybody will see a span.
    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Takes a span that is over; it is sent with others, later.
    pub fn record(&self, span: Span) {
        if let (Some(processor), true) = (&self.0, span.id.sampled) {
            processor.on_end(span.into());
        }
    }

    /// Sends what was recorded, within this time. Blocks.
    pub(crate) fn flush(&self, limit: Duration) {
        if let Some(processor) = &self.0
            && let Err(error) = processor.shutdown_with_timeout(limit)
        {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

impl From<Span> for SpanData {
    fn from(span: Span) -> Self {
        let id = |id: u64| SpanId::from_bytes(id.to_be_bytes());
        let attributes = span.attributes.into_iter();
        Self {
            span_context: SpanContext::new(
                TraceId::from_bytes(span.id.trace.to_be_bytes()),
                id(span.id.span),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: span.parent.map_or(SpanId::INVALID, id),
            parent_span_is_remote: false,
            span_kind: span.kind,
            name: span.name,
            start_time: span.from,
            // Clocks of two machines may differ by more than a short span is long.
            end_time: span.to.max(span.from),
            attributes: attributes
                .map(|(name, value)| KeyValue::new(name, value))
                .collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.failure.map_or(Status::Unset, Status::error),
            instrumentation_scope: InstrumentationScope::builder("escapement").build(),
        }
    }
}

/// Counts what is sent.
#[derive(Debug)]
struct Counted(SpanExporter);

impl Export for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let result = self.0.export(batch).await;
        let outcome = if result.is_ok() { "sent" } else { "failed" };
        metrics::counter!("escapement_spans_total", "outcome" => outcome).increment(spans);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_without_tls_or_none() {
        let traces = |endpoint: Option<&str>| {
            let endpoint = endpoint.map(str::to_owned);
            Traces::new("scheduler-svc", &TracesConfig { endpoint })
        };
        assert!(!traces(None).unwrap().are_on());
        assert!(traces(Some("http://127.0.0.1:4318/")).unwrap().are_on());
        for wrong in [
            "https://collector:4318",
            "collector:4318",
            "http://",
            "http://a b",
        ] {
            let said = traces(Some(wrong)).unwrap_err().to_string();
            assert!(said.contains("traces.endpoint"), "{wrong}: {said}");
        }
    }
}
