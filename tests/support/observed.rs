//! What can be seen of a running gateway from outside: metrics, log, memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Gateway;

/// Asks again and again until it holds; panics when it does not after `patience`.
pub async fn until(what: &str, patience: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds().await {
        assert!(Instant::now() < deadline, "not after {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Gateway {
    /// The body of `GET path` from the admin address, and the status line before it.
    pub async fn admin_get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.admin()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    /// A sample of `/metrics`, by name and labels as they are written there; 0 where there is none.
    pub async fn sample(&self, name: &str) -> u64 {
        let (status, metrics) = self.admin_get("/metrics").await;
        assert!(status.contains("200"), "{status}");
        let sample = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        sample.map_or(0, |value| value.parse().unwrap())
    }

    /// How many connections were closed for this reason.
    pub async fn closed_for(&self, reason: &str) -> u64 {
        self.sample(&format!("quafka_connections_closed_total{{reason=\"{reason}\"}}")).await
    }

    /// The lines of the log about a peer.
    pub fn log_of(&self, peer: SocketAddr) -> Vec<String> {
        let peer = format!("peer={peer} ");
        self.log().lines().filter(|line| line.contains(&peer)).map(str::to_owned).collect()
    }

    /// The resident memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory that there ever was, in bytes.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let kib: u64 = value.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1024
    }
}
