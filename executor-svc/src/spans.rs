//! What an exec's life looks like in a trace, from its rows: recorded once, by whoever
//! commits its end.

use chassis::traces::{Span, SpanKind, Traces};
use chrono::{DateTime, Utc};
use shared_types::trace::{Traceparent, attempt_span_id, span_id};
use shared_types::{ExecId, ExecState};
use store::lifecycle::{Attempt, End, Tracked};

/// The exec as a whole, in its caller's trace or in one of its own.
fn root(exec: ExecId, caller: Option<Traceparent>) -> Traceparent {
    let root = Traceparent::of_exec(exec);
    caller.map_or(root, |caller| caller.at(root.span))
}

/// What the program of an attempt is a part of: its `TRACEPARENT`. None where nobody is
/// interested in traces.
pub(crate) fn of_program(traces: &Traces, exec: &Tracked, attempt: i32) -> Option<Traceparent> {
    (traces.are_on() || exec.traceparent.is_some()).then(|| {
        let run = attempt_span_id(exec.id, "run", attempt);
        root(exec.id, exec.traceparent).at(run)
    })
}

/// Records the spans of an exec that has ended.
pub(crate) fn record(traces: &Traces, exec: &Tracked, end: &End, state: ExecState) {
    if !traces.are_on() {
        return;
    }
    let parts = Parts { exec, end };
    for span in parts.whole(state).into_iter().chain(parts.attempts()) {
        traces.record(span);
    }
}

struct Parts<'a> {
    exec: &'a Tracked,
    end: &'a End,
}

impl Parts<'_> {
    /// The exec, and how long it waited for an executor.
    fn whole(&self, state: ExecState) -> [Span; 2] {
        let (exec, end) = (self.exec, self.end);
        let root = root(exec.id, exec.traceparent);
        let mut whole = self.part("exec", None, (exec.created_at, end.at));
        whole.id = root;
        whole.parent = exec.traceparent.map(|caller| caller.span);
        whole.kind = SpanKind::Consumer;
        whole.attributes = vec![
            ("escapement.exec.id", exec.id.to_string().into()),
            ("escapement.job.id", exec.job_id.0.into()),
            ("escapement.namespace", exec.namespace.clone().into()),
            ("escapement.region", exec.region.clone().into()),
            ("escapement.state", state.as_str().into()),
            ("escapement.reason", end.reason.as_str().into()),
        ];
        whole.failure = (state != ExecState::Succeeded).then(|| end.message.clone());
        let taken = exec
            .attempts
            .first()
            .map_or(end.at, |first| first.created_at);
        [whole, self.part("queue", None, (exec.created_at, taken))]
    }

    fn attempts(&self) -> impl Iterator<Item = Span> {
        self.exec
            .attempts
            .iter()
            .flat_map(|attempt| self.attempt(attempt))
    }

    /// From the decision to make a Job to the program's end, and of that what was the
    /// cluster's and what the program's.
    fn attempt(&self, attempt: &Attempt) -> Vec<Span> {
        let (number, is_last) = (Some(attempt.attempt), attempt.attempt == self.end.attempt);
        let to = attempt.ended_at.unwrap_or(self.end.at);
        let mut whole = self.part("attempt", number, (attempt.created_at, to));
        whole.attributes = vec![("escapement.attempt", i64::from(attempt.attempt).into())];
        let pod = attempt
            .pod_name
            .clone()
            .map(|pod| ("k8s.pod.name", pod.into()));
        let node = attempt
            .node
            .clone()
            .map(|node| ("k8s.node.name", node.into()));
        whole.attributes.extend(pod.into_iter().chain(node));
        if !is_last {
            // Only a failed attempt is followed by another.
            whole.failure = Some(attempt.message.clone().unwrap_or_default());
        }
        let mut spans = vec![whole];
        let of_end = self.end.start.as_ref().filter(|_| is_last);
        let Some(started) = of_end.map(|start| start.at).or(attempt.started_at) else {
            return spans;
        };
        let claimed = attempt.claimed_at.unwrap_or(started);
        // Before is the pause after a failed attempt.
        let begun = attempt.not_before.unwrap_or(attempt.created_at);
        spans.push(self.part("create", number, (begun, claimed)));
        spans.push(self.part("start", number, (claimed, started)));
        let mut run = self.part("run", number, (started, to));
        if let Some(code) = self.end.exit_code.filter(|_| is_last) {
            run.attributes
                .push(("process.exit.code", i64::from(code).into()));
        }
        spans.push(run);
        spans
    }

    /// A part of an attempt, or of the exec.
    fn part(
        &self,
        name: &'static str,
        attempt: Option<i32>,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Span {
        let exec = self.exec.id;
        let of = |name: &str| match attempt {
            Some(number) => attempt_span_id(exec, name, number),
            None => span_id(exec, name),
        };
        let root = root(exec, self.exec.traceparent);
        Span {
            id: root.at(of(name)),
            parent: Some(if attempt.is_some() && name != "attempt" {
                of("attempt")
            } else {
                root.span
            }),
            kind: SpanKind::Internal,
            name: name.into(),
            from: from.into(),
            to: to.into(),
            attributes: Vec::new(),
            failure: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared_types::JobId;

    use super::*;

    fn exec(traceparent: Option<Traceparent>) -> Tracked {
        Tracked {
            id: ExecId::new(),
            job_id: JobId(1),
            namespace: "demo".to_owned(),
            region: "r".to_owned(),
            created_at: Utc::now(),
            cancel_requested_at: None,
            state: ExecState::Waiting,
            attempt: 0,
            traceparent,
            ended_at: None,
            attempts: Vec::new(),
        }
    }

    #[test]
    fn an_exec_that_nobody_traces_has_a_trace_of_its_own_id() {
        let exec = exec(None);
        let root = root(exec.id, None);
        assert_eq!(
            (root.trace, root.sampled),
            (exec.id.0.as_u128(), true),
            "so it can be looked up"
        );
    }

    #[test]
    fn programs_are_told_of_a_trace_where_there_is_one() {
        let off = Traces::default();
        assert_eq!(of_program(&off, &exec(None), 1), None);
        let caller = Traceparent {
            trace: 7,
            span: 9,
            sampled: false,
        };
        let told = of_program(&off, &exec(Some(caller)), 1).unwrap();
        assert_eq!((told.trace, told.sampled), (7, false));
        assert_ne!(told.span, caller.span, "a place of its own in it");
    }
}
