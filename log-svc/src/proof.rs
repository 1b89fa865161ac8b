//! What `log-proof` writes last on each output of a program, taken out of its log.
//!
//! It follows what was printed before it in the same pipe. So where it was read, all of that
//! was, whatever the node's runtime does with pipes at a container's end; where it was not,
//! something may be missing, and be it only the record.

use shared_types::{ExecId, log_proof};

/// A shorter beginning of a record at the end of a log may be anything.
const MIN_BEGUN_BYTES: usize = 8;

/// The records of an attempt; none if its job asks for no proof.
#[derive(Debug, Clone, Default)]
pub struct Records(Option<[Vec<u8>; 2]>);

impl Records {
    /// Those of an attempt whose job asks for a proof.
    pub fn of(exec: ExecId, attempt: i32) -> Self {
        Self(Some(
            log_proof::records(exec, attempt).map(String::into_bytes),
        ))
    }

    /// How many bytes at the end of a line may be a record.
    pub fn reach(&self) -> usize {
        self.each().map(Vec::len).max().unwrap_or(0)
    }

    /// Takes the record off the end of a line; which output it is of, if there is one. Before
    /// it on the line is what had no newline.
    pub fn take_off(&self, line: &mut Vec<u8>) -> Option<usize> {
        let output = self.each().position(|record| line.ends_with(record))?;
        line.truncate(line.len() - self.each().nth(output)?.len());
        Some(output)
    }

    /// Takes the record, or its beginning, off what a log ends with.
    pub fn take_off_begun(&self, rest: &mut Vec<u8>) {
        let lengths = (MIN_BEGUN_BYTES..=self.reach().min(rest.len())).rev();
        let begun = |length: &usize| {
            let end = &rest[rest.len() - length..];
            self.each().any(|record| record.starts_with(end))
        };
        if let Some(length) = lengths.into_iter().find(begun) {
            rest.truncate(rest.len() - length);
        }
    }

    fn each(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter().flatten()
    }
}

/// What a read has shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The job asks for none.
    NotAsked,
    /// Not both records, or something after them.
    Missing,
    /// Both records, and nothing after them.
    Given {
        /// Whether the last line had no newline.
        ends_mid_line: bool,
    },
}

/// Watches a read for the proof.
#[derive(Debug)]
pub struct Witness {
    is_asked: bool,
    seen: [bool; 2],
    ends_mid_line: bool,
}

impl Witness {
    /// Of a read in which these records may be.
    pub fn new(records: &Records) -> Self {
        Self {
            is_asked: records.0.is_some(),
            seen: [false; 2],
            ends_mid_line: false,
        }
    }

    /// A line of the program was read.
    pub fn line(&mut self) {
        self.ends_mid_line = false;
        if self.seen == [true; 2] {
            self.seen = [false; 2];
        }
    }

    /// The record of an output was read, on the line that was read last or on one of its own.
    pub fn record(&mut self, output: usize, on_a_line: bool) {
        self.seen[output] = true;
        self.ends_mid_line |= on_a_line;
    }

    /// What there is to be said at the end of the read.
    pub fn proof(&self) -> Proof {
        match (self.is_asked, self.seen) {
            (false, _) => Proof::NotAsked,
            (true, [true, true]) => Proof::Given {
                ends_mid_line: self.ends_mid_line,
            },
            (true, _) => Proof::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> ([Vec<u8>; 2], Records) {
        let exec = ExecId::new();
        let records = log_proof::records(exec, 1).map(String::into_bytes);
        (records, Records::of(exec, 1))
    }

    #[test]
    fn a_record_is_taken_off_a_line() {
        let ([stdout, stderr], records) = attempt();
        for (line, expected) in [
            (stdout.clone(), (Some(0), &b""[..])),
            ([b"abc", &stderr[..]].concat(), (Some(1), b"abc")),
            (b"abc".to_vec(), (None, b"abc")),
        ] {
            let mut rest = line.clone();
            assert_eq!((records.take_off(&mut rest), &rest[..]), expected);
            let mut rest = line.clone();
            assert_eq!(Records::default().take_off(&mut rest), None);
            assert_eq!(rest, line);
        }
        // Of another attempt, or with something after it, it is the program's.
        let (_, others) = attempt();
        for line in [others.0.unwrap()[0].clone(), [&stdout[..], b"."].concat()] {
            assert_eq!(records.take_off(&mut line.clone()), None);
        }
    }

    #[test]
    fn a_record_that_was_lost_in_part_is_taken_off_too() {
        let ([stdout, stderr], records) = attempt();
        for record in [stdout, stderr] {
            for length in 0..=record.len() {
                let mut rest = [b"abc", &record[..length]].concat();
                let lost = rest.clone();
                records.take_off_begun(&mut rest);
                let expected = if length < MIN_BEGUN_BYTES {
                    &lost[..]
                } else {
                    b"abc"
                };
                assert_eq!(rest, expected, "{length}");
            }
        }
    }

    #[test]
    fn both_records_and_nothing_after_them_are_a_proof() {
        let (_, records) = attempt();
        let judged = |steps: &[Option<(usize, bool)>]| {
            let mut witness = Witness::new(&records);
            for step in steps {
                match *step {
                    None => witness.line(),
                    Some((output, on_a_line)) => witness.record(output, on_a_line),
                }
            }
            witness.proof()
        };
        let given = |ends_mid_line| Proof::Given { ends_mid_line };
        let (line, out, err) = (None, Some((0, false)), Some((1, false)));
        for (steps, expected) in [
            (&[line, out, err][..], given(false)),
            (&[err, out], given(false)),
            (&[out, line, err], given(false)),
            (&[line, Some((0, true)), err], given(true)),
            (&[line, Some((0, true)), line, err], given(false)),
            (&[line, out], Proof::Missing),
            (&[line, err], Proof::Missing),
            (&[], Proof::Missing),
            (&[out, err, line], Proof::Missing),
        ] {
            assert_eq!(judged(steps), expected, "{steps:?}");
        }
        assert_eq!(Witness::new(&Records::default()).proof(), Proof::NotAsked);
    }
}
