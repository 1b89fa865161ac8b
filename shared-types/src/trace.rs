//! Where an exec is in a distributed trace, as W3C's Trace Context writes it.
//!
//! No context travels between the services. A trigger's caller is kept in the exec's row;
//! ids of spans are derived from the exec, so that whoever writes a span, and however
//! often, writes the same one.

use std::fmt;

use uuid::Uuid;

use crate::ExecId;

/// The header, and the variable in a program's environment.
/// <https://www.w3.org/TR/trace-context/#traceparent-header>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace; never zero.
    pub trace: u128,
    /// The span that what follows is part of; never zero.
    pub span: u64,
    /// Whether somebody records it.
    pub sampled: bool,
}

/// The length of the header's text.
const LENGTH: usize = 55;

impl Traceparent {
    /// Reads the header. None where it is not as the specification says: then a new trace
    /// begins, as it says too.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = head.split('-');
        let version = hex(parts.next()?, 2)?;
        // Later versions may add fields behind these; the last one is none.
        if version == 0xff || !(rest.is_empty() || (version > 0 && rest.starts_with('-'))) {
            return None;
        }
        let trace = hex(parts.next()?, 32)?;
        let span = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = hex(parts.next()?, 2)?;
        let is_whole = parts.next().is_none() && trace != 0 && span != 0;
        is_whole.then_some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }

    /// A trace of its own, for an exec that nobody's trace led to.
    pub fn of_exec(exec: ExecId) -> Self {
        Self {
            trace: exec.0.as_u128(),
            span: span_id(exec, "exec"),
            sampled: true,
        }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn at(self, span: u64) -> Self {
        Self { span, ..self }
    }
}

/// The id of a span of an exec: the same for whoever asks.
pub fn span_id(exec: ExecId, name: &str) -> u64 {
    let (high, _) = Uuid::new_v5(&exec.0, name.as_bytes()).as_u64_pair();
    // A hash's version bits are set, so it cannot be zero.
    high
}

/// The id of a span of one of its attempts.
pub fn attempt_span_id(exec: ExecId, name: &str, attempt: i32) -> u64 {
    span_id(exec, &format!("{name} {attempt}"))
}

/// Lower-case hexadecimal digits, so many of them.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(is_hex))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIFIED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn it_reads_what_it_writes() {
        let read = Traceparent::parse(SPECIFIED).unwrap();
        assert_eq!(read.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(read.span, 0x00f0_67aa_0ba9_02b7);
        assert!(read.sampled);
        assert_eq!(read.to_string(), SPECIFIED);
        let unsampled = SPECIFIED.replace("-01", "-00");
        let read = Traceparent::parse(&unsampled).unwrap();
        assert!(!read.sampled);
        assert_eq!(read.to_string(), unsampled);
    }

    #[test]
    fn of_a_later_version_it_reads_what_it_knows() {
        let later = SPECIFIED.replacen("00", "01", 1);
        assert!(Traceparent::parse(&later).is_some());
        assert!(Traceparent::parse(&format!("{later}-what-is-new")).is_some());
        assert!(Traceparent::parse(&format!("{later}x")).is_none());
    }

    #[test]
    fn anything_else_is_none() {
        let (trace, span) = (&SPECIFIED[3..35], &SPECIFIED[36..52]);
        for text in [
            "",
            "00",
            &SPECIFIED[..54],
            &format!("{SPECIFIED}-more"),
            &SPECIFIED.replacen("00", "ff", 1),
            &SPECIFIED.to_uppercase(),
            &SPECIFIED.replace(trace, &"0".repeat(32)),
            &SPECIFIED.replace(span, &"0".repeat(16)),
            &SPECIFIED.replacen('-', "+", 1),
            &SPECIFIED.replace("-01", "-é"),
        ] {
            assert_eq!(Traceparent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_derived_and_differ() {
        let exec = ExecId(Uuid::from_u128(7));
        assert_eq!(span_id(exec, "exec"), span_id(exec, "exec"));
        assert_ne!(span_id(exec, "exec"), span_id(exec, "run 1"));
        assert_ne!(
            span_id(exec, "exec"),
            span_id(ExecId(Uuid::from_u128(8)), "exec")
        );
    }
}
