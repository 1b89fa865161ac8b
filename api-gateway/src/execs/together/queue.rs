//! What waits, by whom it is of: everybody with something in it has their turn.

use std::collections::{HashMap, VecDeque};

use thiserror::Error;

/// Too much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many triggers wait to be written")]
pub(super) struct Full;

/// A bounded queue of what several owners wait for.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    limit: usize,
    limit_each: usize,
    length: usize,
    of_owners: HashMap<i64, VecDeque<T>>,
    /// The owners that have something in it, in the order of their turns.
    turns: VecDeque<i64>,
}

impl<T> FairQueue<T> {
    /// At most so much, and so much of one owner.
    pub(super) fn new(limit: usize, limit_each: usize) -> Self {
        Self {
            limit,
            limit_each,
            length: 0,
            of_owners: HashMap::new(),
            turns: VecDeque::new(),
        }
    }

    /// Adds an owner's item after their others.
    pub(super) fn push(&mut self, owner: i64, item: T) -> Result<(), Full> {
        let own = self.of_owners.get(&owner).map_or(0, VecDeque::len);
        if self.length == self.limit || own == self.limit_each {
            return Err(Full);
        }
        if own == 0 {
            self.turns.push_back(owner);
        }
        self.of_owners.entry(owner).or_default().push_back(item);
        self.length += 1;
        Ok(())
    }

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Takes up to so many, of each owner one in turn.
    pub(super) fn take(&mut self, count: usize) -> Vec<T> {
        let mut taken = Vec::with_capacity(count.min(self.length));
        while taken.len() < count
            && let Some(owner) = self.turns.pop_front()
        {
            let Some(own) = self.of_owners.get_mut(&owner) else {
                continue;
            };
            taken.extend(own.pop_front());
            if own.is_empty() {
                self.of_owners.remove(&owner);
            } else {
                self.turns.push_back(owner);
            }
        }
        self.length -= taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn owners_take_turns() {
        let mut queue = FairQueue::new(100, 100);
        for item in ["a1", "a2", "a3", "a4"] {
            queue.push(1, item).unwrap();
        }
        queue.push(2, "b1").unwrap();
        queue.push(3, "c1").unwrap();
        queue.push(3, "c2").unwrap();
        assert_eq!(queue.take(4), ["a1", "b1", "c1", "a2"]);
        queue.push(2, "b2").unwrap();
        assert_eq!(queue.take(10), ["c2", "a3", "b2", "a4"]);
        assert!(queue.take(1).is_empty());
        assert!(queue.of_owners.is_empty(), "nothing is kept of them");
    }

    #[test]
    fn it_is_bounded_and_nobody_fills_it_alone() {
        let mut queue = FairQueue::new(5, 3);
        let pushed = (0..4).map(|item| queue.push(1, item).is_ok());
        assert_eq!(pushed.collect::<Vec<_>>(), [true, true, true, false]);
        let pushed = (0..3).map(|item| queue.push(2, item).is_ok());
        assert_eq!(pushed.collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(queue.take(1).len(), 1);
        assert_eq!(queue.push(3, 0), Ok(()));
        assert_eq!(queue.push(3, 0), Err(Full));
    }

    proptest! {
        #[test]
        fn all_comes_out_once_and_each_owners_in_order(
            steps in prop::collection::vec((0_i64..4, 0_usize..5), 0..60),
        ) {
            let mut queue = FairQueue::new(40, 15);
            let (mut pushed, mut taken) = (Vec::new(), Vec::new());
            for (number, (owner, count)) in steps.into_iter().enumerate() {
                if queue.push(owner, (owner, number)).is_ok() {
                    pushed.push((owner, number));
                }
                taken.extend(queue.take(count));
            }
            taken.extend(queue.take(usize::MAX));
            for owner in 0..4 {
                let of = |all: &[(i64, usize)]| {
                    all.iter().copied().filter(|item| item.0 == owner).collect::<Vec<_>>()
                };
                prop_assert_eq!(of(&taken), of(&pushed));
            }
            prop_assert_eq!((queue.length, queue.turns.len()), (0, 0));
        }
    }
}
