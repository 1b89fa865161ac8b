//! A request as a part of its caller's trace.

use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use chassis::traces::{Span, SpanKind, Traces};
use shared_types::trace::Traceparent;
use uuid::Uuid;

const TRACEPARENT: &str = "traceparent";

/// Where a request is in a trace, if anywhere.
#[derive(Debug, Clone, Copy)]
pub struct RequestTrace {
    /// What an exec that it triggers is a part of: this request, where spans of it are
    /// made, and else whatever the client said.
    pub of_execs: Option<Traceparent>,
    client: Option<Traceparent>,
    from: SystemTime,
}

impl RequestTrace {
    /// Of a request that has just come. A client that says nothing of a trace begins one.
    pub fn begin(traces: &Traces, headers: &HeaderMap) -> Self {
        let given = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok());
        let client = given.and_then(Traceparent::parse);
        let own = || Traceparent {
            trace: client.map_or_else(|| Uuid::new_v4().as_u128(), |client| client.trace),
            // Its version bits are set, so it is not zero.
            span: Uuid::new_v4().as_u64_pair().0,
            sampled: client.is_none_or(|client| client.sampled),
        };
        Self {
            of_execs: if traces.are_on() { Some(own()) } else { client },
            client,
            from: SystemTime::now(),
        }
    }

    /// Its answer begins. `route` is the path's pattern, if the path is one of ours.
    pub fn end(&self, traces: &Traces, method: &str, route: Option<&str>, status: StatusCode) {
        let Some(id) = self.of_execs.filter(|_| traces.are_on()) else {
            return;
        };
        let code = i64::from(status.as_u16());
        let mut attributes = vec![
            ("http.request.method", method.to_owned().into()),
            ("http.response.status_code", code.into()),
        ];
        let mut name = method.to_owned();
        if let Some(route) = route {
            attributes.push(("http.route", route.to_owned().into()));
            name = format!("{method} {route}");
        }
        traces.record(Span {
            id,
            parent: self.client.map(|client| client.span),
            kind: SpanKind::Server,
            name: name.into(),
            from: self.from,
            to: SystemTime::now(),
            attributes,
            failure: status.is_server_error().then(String::new),
        });
    }
}
