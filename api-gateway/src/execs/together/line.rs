//! When a batch is put together of what waits. One that is alone takes whatever there is. A
//! second one begins beside it once it can be as large: then the processors and the disk have
//! work, and yet each commit is for as many as can be. Nothing ever pauses to fill a batch.

use super::queue::{FairQueue, Full};

/// Items of a batch; larger ones are no faster, and those in them wait longer.
const BATCH_MAX: usize = 256;

/// Batches that may be under way at once. More would only be smaller.
const BATCHES: usize = 2;

/// What waits to be written, and how much is being written.
#[derive(Debug)]
pub(super) struct Line<T> {
    waiting: FairQueue<T>,
    batches: usize,
    under_way: usize,
}

impl<T> Line<T> {
    pub(super) fn new(waiting: FairQueue<T>) -> Self {
        Self {
            waiting,
            batches: 0,
            under_way: 0,
        }
    }

    /// Adds an owner's item after their others. Who adds is to see whether a batch begins.
    pub(super) fn push(&mut self, owner: i64, item: T) -> Result<(), Full> {
        self.waiting.push(owner, item)
    }

    /// The next batch, if one is to begin now. Whoever takes it is to say when it has ended,
    /// and to ask for the next one then.
    pub(super) fn begin(&mut self) -> Option<Vec<T>> {
        let waiting = self.waiting.len();
        if waiting == 0 || waiting < self.under_way || self.batches == BATCHES {
            return None;
        }
        let batch = self.waiting.take(BATCH_MAX);
        self.batches += 1;
        self.under_way += batch.len();
        Some(batch)
    }

    /// A batch of this size has ended.
    pub(super) fn end(&mut self, size: usize) {
        self.batches -= 1;
        self.under_way -= size;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line() -> Line<usize> {
        Line::new(FairQueue::new(10_000, 10_000))
    }

    fn push(line: &mut Line<usize>, count: usize) {
        for item in 0..count {
            line.push(0, item).unwrap();
        }
    }

    fn size(batch: Option<Vec<usize>>) -> usize {
        batch.map_or(0, |batch| batch.len())
    }

    #[test]
    fn a_second_batch_begins_once_it_is_as_large() {
        let mut line = line();
        assert_eq!(line.begin(), None);
        push(&mut line, 3);
        assert_eq!(size(line.begin()), 3, "nothing is under way");
        push(&mut line, 2);
        assert_eq!(line.begin(), None, "it would be smaller");
        push(&mut line, 1);
        assert_eq!(size(line.begin()), 3);
        push(&mut line, 100);
        assert_eq!(line.begin(), None, "two are under way");
        line.end(3);
        assert_eq!(size(line.begin()), 100);
    }

    #[test]
    fn what_waits_is_taken_when_the_last_batch_ends() {
        let mut line = line();
        push(&mut line, 300);
        assert_eq!(size(line.begin()), 256);
        assert_eq!(line.begin(), None);
        line.end(256);
        assert_eq!(size(line.begin()), 44);
    }

    proptest! {
        #[test]
        fn nothing_waits_while_nothing_is_under_way(
            steps in prop::collection::vec((0_usize..600, any::<bool>()), 0..60),
        ) {
            let mut line = Line::new(FairQueue::new(100_000, 100_000));
            let (mut under_way, mut pushed, mut begun) = (Vec::new(), 0, 0);
            for (count, ends) in steps {
                for item in 0..count {
                    line.push(0, item).unwrap();
                    under_way.extend(line.begin().map(|batch| batch.len()));
                }
                pushed += count;
                if ends && let Some(size) = under_way.pop() {
                    begun += size;
                    line.end(size);
                    under_way.extend(line.begin().map(|batch| batch.len()));
                }
                let all = begun + under_way.iter().sum::<usize>();
                prop_assert!(under_way.len() <= 2);
                prop_assert!(all == pushed || !under_way.is_empty(), "{all} of {pushed}");
            }
        }
    }
}
