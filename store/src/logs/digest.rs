//! The digest of a log, made line by line while it is written. Its state is stored with
//! the lines, so that whoever goes on writing need not read them.

use sha2::Digest as _;
use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

use super::LogLine;

/// SHA-256 of the lines so far, each with a newline unless the next one continues it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest(Box<Sha256>);

impl Digest {
    pub(crate) fn push(&mut self, line: &LogLine) {
        self.0.update(&line.bytes);
        if !line.continued {
            self.0.update(b"\n");
        }
    }

    /// What is stored of it: which line comes next, and the state.
    pub(crate) fn save(&self, next_seq: i64) -> Vec<u8> {
        [&next_seq.to_le_bytes()[..], &self.0.serialize()[..]].concat()
    }

    /// The digest before line `next_seq`; `None` if what was saved is of another place: a
    /// writer that knows no digests wrote on.
    pub(crate) fn restore(saved: Option<&[u8]>, next_seq: i64) -> Option<Self> {
        let Some(saved) = saved else {
            return (next_seq == 0).then(Self::default);
        };
        let state = saved.strip_prefix(&next_seq.to_le_bytes())?;
        let state = SerializedState::<Sha256>::try_from(state).ok()?;
        let digest = Sha256::deserialize(&state).ok()?;
        Some(Self(Box::new(digest)))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn line((bytes, continued): (Vec<u8>, bool)) -> LogLine {
        LogLine {
            at: DateTime::UNIX_EPOCH,
            continued,
            gap_before: false,
            bytes,
        }
    }

    proptest! {
        #[test]
        fn it_is_that_of_the_text_wherever_another_writer_goes_on(
            lines in prop::collection::vec((any::<Vec<u8>>(), any::<bool>()), 0..20),
            cut in 0_usize..20,
        ) {
            let lines: Vec<_> = lines.into_iter().map(line).collect();
            let (mut text, mut digest) = (Vec::new(), Digest::default());
            for (next_seq, line) in (0_i64..).zip(&lines) {
                if next_seq == i64::try_from(cut).unwrap() {
                    let saved = digest.save(next_seq);
                    prop_assert!(Digest::restore(Some(&saved), next_seq + 1).is_none());
                    digest = Digest::restore(Some(&saved), next_seq).unwrap();
                }
                digest.push(line);
                text.extend_from_slice(&line.bytes);
                text.extend_from_slice(if line.continued { b"" } else { b"\n" });
            }
            prop_assert_eq!(digest.finish(), Sha256::digest(&text).to_vec());
        }
    }

    #[test]
    fn what_was_written_without_a_digest_has_none() {
        assert!(Digest::restore(None, 0).is_some());
        assert!(Digest::restore(None, 1).is_none());
        assert!(Digest::restore(Some(b"x"), 0).is_none());
    }

    /// Other versions of the service read it.
    #[test]
    #[rustfmt::skip]
    fn a_saved_state_never_changes() {
        let mut digest = Digest::default();
        digest.push(&line((b"a".to_vec(), false)));
        // FIPS 180-4, 5.3.3: no block of 64 bytes is full yet.
        let start = [
            0x6a09_e667_u32, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
            0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
        ];
        let (next_seq, blocks) = (1_i64.to_le_bytes(), 0_u64.to_le_bytes());
        let mut golden = [next_seq.to_vec(), start.map(u32::to_le_bytes).concat()].concat();
        golden.extend(blocks);
        golden.extend(b"\x02a\n");
        golden.resize(8 + 32 + 8 + 64, 0);
        assert_eq!(digest.save(1), golden);
    }
}
