//! Clients that trigger. They write bytes that were made beforehand and read as little of an
//! answer as they must: what they use of the processors is not there for what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::Times;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections, each with one request at a time.
pub(crate) const CLIENTS: usize = 64;

/// Clients of a gateway.
pub(crate) struct Load {
    address: String,
    requests: Vec<Arc<[u8]>>,
    answered: Arc<AtomicU64>,
}

/// What was triggered at full speed.
pub(crate) struct Triggers {
    pub(crate) times: Times,
}

impl Triggers {
    pub(crate) fn rate(&self, time: Duration) -> f64 {
        crate::as_float(self.times.len()) / time.as_secs_f64()
    }
}

impl Load {
    pub(crate) fn new(origin: &str, requests: &[Vec<u8>]) -> Result<Self> {
        let address = origin.strip_prefix("http://").context("plain HTTP")?;
        Ok(Self {
            address: address.to_owned(),
            requests: requests
                .iter()
                .map(|request| request.as_slice().into())
                .collect(),
            answered: Arc::default(),
        })
    }

    /// How many were answered with 201 so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Each client triggers again as soon as it is answered.
    pub(crate) async fn at_full_speed(&self, time: Duration) -> Result<Triggers> {
        let until = Instant::now() + time;
        let times = self.run(move |mut client: Connection, _| async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let begun = Instant::now();
                client.trigger().await?;
                times.push(begun.elapsed());
            }
            Ok(times)
        });
        Ok(Triggers {
            times: times.await?,
        })
    }

    /// So many a second, each at an instant of its own, from which its time counts.
    pub(crate) async fn at_rate(&self, rate: f64, time: Duration) -> Result<Times> {
        let begun = Instant::now();
        let spacing = Duration::from_secs_f64(crate::as_float(CLIENTS) / rate);
        let offset = spacing / u32::try_from(CLIENTS)?;
        self.run(move |mut client: Connection, number| async move {
            let (mut times, mut planned) = (Vec::new(), begun + offset * number);
            while planned < begun + time {
                tokio::time::sleep_until(planned.into()).await;
                client.trigger().await?;
                times.push(planned.elapsed());
                planned += spacing;
            }
            Ok(times)
        })
        .await
    }

    async fn run<F>(&self, work: impl Fn(Connection, u32) -> F) -> Result<Times>
    where
        F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
    {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let request = self.requests[number % self.requests.len()].clone();
            let connection = Connection::open(&self.address, request, &self.answered).await?;
            clients.spawn(work(connection, u32::try_from(number)?));
        }
        let mut all = Vec::new();
        while let Some(times) = clients.join_next().await {
            all.extend(times??);
        }
        Ok(all.into_iter().collect())
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    request: Arc<[u8]>,
    answered: Arc<AtomicU64>,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str, request: Arc<[u8]>, answered: &Arc<AtomicU64>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            request,
            answered: answered.clone(),
            buffer: Vec::new(),
        })
    }

    /// Sends the request and reads its answer.
    async fn trigger(&mut self) -> Result<()> {
        self.stream.get_mut().write_all(&self.request).await?;
        let mut length = None;
        let mut status = None;
        loop {
            self.buffer.clear();
            let read = self.stream.read_until(b'\n', &mut self.buffer).await?;
            ensure!(read > 0, "the gateway closed a connection");
            let line = self.buffer.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = Some(line.starts_with(b"HTTP/1.1 201"));
            }
            let (name, value) = line.split_at(line.len().min(16));
            if name.eq_ignore_ascii_case(b"content-length: ") {
                length = str::from_utf8(value)?.parse().ok();
            }
        }
        self.buffer
            .resize(length.context("an answer has a length")?, 0);
        self.stream.read_exact(&mut self.buffer).await?;
        if status != Some(true) {
            bail!("refused: {}", String::from_utf8_lossy(&self.buffer));
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
