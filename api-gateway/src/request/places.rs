//! Places of requests that take long without doing much: so many at a time, and not all
//! of them to one account.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many requests may hold a place at a time.
#[derive(Debug, Clone, Copy)]
pub struct Rooms {
    /// Of everybody.
    pub all: usize,
    /// Of one account, so that it cannot take everybody's.
    pub account: usize,
}

/// Which room is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// That of everybody.
    All,
    /// The account's own.
    Account,
}

/// The places there are.
#[derive(Debug, Clone)]
pub struct Places {
    rooms: Rooms,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Only of accounts that have any.
    accounts: HashMap<i64, usize>,
}

/// One request's place, given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    account: i64,
    places: Places,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Entry::Occupied(mut own) = taken.accounts.entry(self.account) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

impl Places {
    /// Room for this many requests.
    pub fn new(rooms: Rooms) -> Self {
        Self {
            rooms,
            taken: Arc::default(),
        }
    }

    /// A place of this account.
    pub fn take(&self, account: i64) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.all >= self.rooms.all {
            return Err(Full::All);
        }
        let own = taken.accounts.get(&account).copied().unwrap_or_default();
        if own >= self.rooms.account {
            return Err(Full::Account);
        }
        taken.accounts.insert(account, own + 1);
        taken.all += 1;
        let places = self.clone();
        Ok(Place { account, places })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_takes_all_places_and_each_is_given_back() {
        let places = Places::new(Rooms { all: 3, account: 2 });
        let (first, _second) = (places.take(1).unwrap(), places.take(1).unwrap());
        assert_eq!(places.take(1).unwrap_err(), Full::Account);
        let _third = places.take(2).unwrap();
        assert_eq!(places.take(3).unwrap_err(), Full::All);
        drop(first);
        assert!(places.take(1).is_ok());
        let _again = places.take(1).unwrap();
        assert_eq!(places.taken().accounts.len(), 2);
    }
}
