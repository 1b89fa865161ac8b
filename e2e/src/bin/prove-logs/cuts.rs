//! Connections to the API server that break at random.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rand::RngExt;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Passes connections on to a server, and breaks all of them every now and then.
pub(crate) struct Cuts {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    made: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Cuts {
    /// In front of the server at this address.
    pub(crate) async fn before(server: String) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let living = Arc::new(Mutex::new(CancellationToken::new()));
        let made = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(cut(Arc::clone(&living), Arc::clone(&made)));
        tasks.spawn(accept(listener, server, living));
        Ok(Self {
            address,
            made,
            _tasks: tasks,
        })
    }

    /// Connections that were broken so far.
    pub(crate) fn count(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

/// Every 1 to 3 s.
async fn cut(living: Arc<Mutex<CancellationToken>>, made: Arc<AtomicU64>) {
    loop {
        let pause = rand::rng().random_range(1000..3000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let mut living = living.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *living).cancel();
        made.fetch_add(1, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, server: String, living: Arc<Mutex<CancellationToken>>) {
    let mut passing = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let alive = living
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .child_token();
        let server = server.clone();
        passing.spawn(alive.run_until_cancelled_owned(async move {
            // Whatever breaks is what this is for.
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }));
        while passing.try_join_next().is_some() {}
    }
}
