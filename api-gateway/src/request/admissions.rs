//! How many connections each address has, over all workers: a few that do nothing
//! would otherwise be all there is room for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::ClientAddress;

/// How many connections each address has, over all workers.
#[derive(Debug, Clone)]
pub struct Admissions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that counts, until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    network: IpAddr,
    shared: Arc<Shared>,
}

impl Admissions {
    /// So many for each address.
    pub fn new(limit: usize) -> Self {
        let open = Mutex::default();
        Self(Arc::new(Shared { limit, open }))
    }

    /// One more for this address, if it may have it.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let network = ClientAddress(address.to_canonical()).network();
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.entry(network).or_default();
        if *own >= self.0.limit {
            metrics::counter!("escapement_connections_refused_total").increment(1);
            return None;
        }
        *own += 1;
        let shared = self.0.clone();
        Some(Admitted { network, shared })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let open = self.shared.open.lock();
        let mut open = open.unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut own) = open.entry(self.network) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}
