use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What stands before a real server and does to requests what networks do to them.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Half of it arrives, then the connection is gone.
    CutRequest,
    /// All of it arrives, and the connection is gone before the reply, which the server may not even have begun.
    CutAfterRequest,
    /// The server answers, and the connection is gone instead of the reply.
    SwallowReply,
    /// The reply comes late.
    DelayReply(Duration),
}

struct Shared {
    server: u16,
    /// What requests begin with that are meant; all where it is empty.
    prefix: &'static [u8],
    /// The trouble, and that every so-manieth request is in it.
    trouble: Mutex<Option<(Trouble, u64)>>,
    requests: AtomicU64,
    troubled: AtomicU64,
}

impl Proxy {
    /// Before the server at this port of 127.0.0.1. Only requests that begin with `prefix` get into trouble.
    pub async fn before(server: u16, prefix: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            prefix,
            trouble: Mutex::default(),
            requests: AtomicU64::default(),
            troubled: AtomicU64::default(),
        });
        let proxy = Self { port, shared: shared.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, shared.clone()));
            }
        });
        proxy
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on every so-manieth request is in this trouble; or none.
    pub fn trouble(&self, trouble: Option<(Trouble, u64)>) {
        *self.shared.trouble.lock() = trouble;
    }

    /// How many requests were in trouble so far.
    pub fn troubled(&self) -> u64 {
        self.shared.troubled.load(Ordering::Acquire)
    }
}

impl Shared {
    fn trouble_of(&self, chunk: &[u8]) -> Option<Trouble> {
        if !chunk.starts_with(self.prefix) {
            return None;
        }
        let (trouble, every) = (*self.trouble.lock())?;
        if !self.requests.fetch_add(1, Ordering::AcqRel).is_multiple_of(every) {
            return None;
        }
        self.troubled.fetch_add(1, Ordering::AcqRel);
        Some(trouble)
    }
}

/// Returns when one of the two is gone, or is to be; both connections end with that.
async fn pass(mut client: TcpStream, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", shared.server)).await else { return };
    let (mut request, mut reply) = (vec![0; 256 << 10], vec![0; 256 << 10]);
    let mut pending = None;
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(bytes @ 1..) = read else { return };
                let trouble = shared.trouble_of(&request[..bytes]);
                let arrives = if trouble == Some(Trouble::CutRequest) { bytes / 2 } else { bytes };
                if server.write_all(&request[..arrives]).await.is_err() {
                    return;
                }
                match trouble {
                    Some(Trouble::CutRequest | Trouble::CutAfterRequest) => return,
                    Some(trouble) => pending = Some(trouble),
                    None => {}
                }
            }
            read = server.read(&mut reply) => {
                let Ok(bytes @ 1..) = read else { return };
                match pending.take() {
                    Some(Trouble::DelayReply(delay)) => tokio::time::sleep(delay).await,
                    Some(_) => return,
                    None => {}
                }
                if client.write_all(&reply[..bytes]).await.is_err() {
                    return;
                }
            }
        }
    }
}
