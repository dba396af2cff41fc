use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};

use super::QuestDbServer;

/// What stands between the gateway and the real QuestDB, and lets through all but the rows for one table: to those it
/// answers 503, as a proxy without a server behind it does.
pub struct Obstacle {
    port: u16,
    blocked: Arc<Blocked>,
}

#[derive(Default)]
struct Blocked {
    table: Mutex<Option<String>>,
    requests: AtomicUsize,
}

impl Obstacle {
    pub async fn before(questdb: &QuestDbServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (server, blocked) = (questdb.port(), Arc::new(Blocked::default()));
        let obstacle = Self { port, blocked: blocked.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(pass(client, upstream, blocked.clone()));
            }
        });
        obstacle
    }

    /// The configuration string for the gateway.
    pub fn http_conf(&self) -> String {
        format!("http::addr=127.0.0.1:{};", self.port)
    }

    /// The table whose rows are not let through from now on.
    pub fn block(&self, table: Option<&str>) {
        *self.blocked.table.lock() = table.map(str::to_owned);
    }

    /// How many requests were not let through.
    pub fn blocked(&self) -> usize {
        self.blocked.requests.load(Ordering::Acquire)
    }
}

/// A client has one request under way at a time, so an answer of our own comes between two of the server's.
async fn pass(client: TcpStream, upstream: TcpStream, blocked: Arc<Blocked>) {
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let mut from_client = BufReader::new(from_client);
    let mut answer = vec![0; 64 << 10];
    loop {
        tokio::select! {
            read = from_server.read(&mut answer) => match read {
                Ok(bytes @ 1..) => to_client.write_all(&answer[..bytes]).await.unwrap(),
                _ => return,
            },
            // Between requests; within one the server says nothing.
            more = has_more(&mut from_client) => {
                if !more {
                    return;
                }
                let Some((head, body)) = request(&mut from_client).await else { return };
                if blocked.is_blocked(&head, &body) {
                    blocked.requests.fetch_add(1, Ordering::AcqRel);
                    let refusal = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
                    to_client.write_all(refusal.as_bytes()).await.unwrap();
                } else {
                    to_server.write_all(head.as_bytes()).await.unwrap();
                    to_server.write_all(&body).await.unwrap();
                }
            }
        }
    }
}

async fn has_more(client: &mut BufReader<OwnedReadHalf>) -> bool {
    client.fill_buf().await.is_ok_and(|bytes| !bytes.is_empty())
}

async fn request(client: &mut BufReader<OwnedReadHalf>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

impl Blocked {
    fn is_blocked(&self, head: &str, body: &[u8]) -> bool {
        let table = self.table.lock();
        let rows_of = |table: &String| body.starts_with(format!("{table} ").as_bytes());
        head.starts_with("POST /write") && table.as_ref().is_some_and(rows_of)
    }
}
