//! Closing a stream and letting its pod go, in this order.

use std::time::SystemTime;

use chassis::traces::{Span, SpanKind};
use cluster::finalizer;
use cluster::names::{LOGS_FINALIZER, TRACEPARENT};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use shared_types::trace::{Traceparent, attempt_span_id};
use store::logs::{self, LogLine, Seal, Verdict, Writer};
use store::{AsyncConnection, StoreError};

use super::{Step, Tail, TailError};

impl Tail {
    /// The pod cannot be read any more.
    pub(super) async fn give_up(&mut self, writer: Writer) -> Result<Step, TailError> {
        let mut conn = self.context.store.connection().await?;
        let abandoned = logs::abandoned_at(&mut conn, self.key).await?;
        drop(conn);
        let message = match abandoned {
            Some(_) => "the log was given up before it was read to its end",
            None => "the pod was gone before its log was read to its end",
        };
        self.seal(writer, None, &Verdict::Incomplete(message.to_owned()))
            .await
    }

    pub(super) async fn seal(
        &mut self,
        writer: Writer,
        last: Option<LogLine>,
        verdict: &Verdict,
    ) -> Result<Step, TailError> {
        let (writer, last) = (&writer, last.as_slice());
        let mut conn = self.context.store.connection().await?;
        let sealed = conn
            .transaction::<_, StoreError, _>(async |conn| {
                if last.is_empty() {
                    return logs::seal(conn, writer, verdict).await;
                }
                match logs::append(conn, writer, last).await? {
                    logs::Append::Written(writer) => logs::seal(conn, &writer, verdict).await,
                    logs::Append::Fenced => Ok(Seal::Fenced),
                }
            })
            .await?;
        if let Seal::Sealed { complete } = sealed {
            let complete = if complete { "true" } else { "false" };
            metrics::counter!("escapement_log_seals_total", "complete" => complete).increment(1);
            tracing::info!(exec = %self.key.exec, attempt = self.key.attempt, complete, "sealed");
            self.trace(complete);
        }
        // Sealed or fenced: the row tells.
        Ok(Step::Again)
    }

    /// From the first sight of the container to the seal, where the pod says of which
    /// trace it is.
    fn trace(&self, complete: &'static str) {
        let pod = self.shown.borrow();
        let told = pod
            .as_ref()
            .and_then(|pod| pod.annotations().get(TRACEPARENT));
        let Some(program) = told.and_then(|text| Traceparent::parse(text)) else {
            return;
        };
        let span = |name| attempt_span_id(self.key.exec, name, self.key.attempt);
        self.context.traces.record(Span {
            id: program.at(span("log")),
            parent: Some(span("attempt")),
            kind: SpanKind::Internal,
            name: "log".into(),
            from: self.seen_at,
            to: SystemTime::now(),
            attributes: vec![("escapement.log.complete", complete.into())],
            failure: None,
        });
    }

    pub(super) async fn let_go(&self, pod: Option<&Pod>) -> Result<Step, TailError> {
        if let Some(pod) = pod {
            let namespace = pod.namespace().unwrap_or_default();
            let api: Api<Pod> = Api::namespaced(self.context.unary.clone(), &namespace);
            finalizer::remove(&api, pod, LOGS_FINALIZER).await?;
        }
        Ok(Step::Done)
    }
}
