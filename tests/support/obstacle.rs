use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};

use super::QuestDbServer;

/// What stands between the gateway and the real QuestDB, and lets through all but the rows for one table: to those a
/// mishap happens.
pub struct Obstacle {
    port: u16,
    blocked: Arc<Blocked>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It is answered with 503, as a proxy without a server behind it does.
    Refused,
    /// Half of it gets to QuestDB, and both connections are cut.
    CutHalfway,
    /// All of it gets to QuestDB, and when QuestDB has answered both connections are cut.
    ReplySwallowed,
    /// The client's connection is cut, and only then, after half a second, all of it gets to QuestDB.
    DeliveredLate,
    /// All of it gets to QuestDB and is answered, and the client hears nothing until one of them closes its connection.
    ReplyWithheld,
}

#[derive(Default)]
struct Blocked {
    /// With how many more requests it happens to.
    table: Mutex<Option<(String, Mishap, usize)>>,
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
                // Without a server the client's connection is closed.
                let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                tokio::spawn(pass(client, upstream, blocked.clone()));
            }
        });
        obstacle
    }

    /// The configuration string for the gateway.
    pub fn http_conf(&self) -> String {
        format!("http::addr=127.0.0.1:{};", self.port)
    }

    /// The table whose rows are refused from now on.
    pub fn block(&self, table: Option<&str>) {
        *self.blocked.table.lock() = table.map(|table| (table.to_owned(), Mishap::Refused, usize::MAX));
    }

    /// What happens to the next request with rows for a table.
    pub fn next(&self, table: &str, mishap: Mishap) {
        *self.blocked.table.lock() = Some((table.to_owned(), mishap, 1));
    }

    /// How many requests something has happened to, to the end.
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
                Ok(bytes @ 1..) if to_client.write_all(&answer[..bytes]).await.is_ok() => {}
                _ => return,
            },
            // Between requests; within one the server says nothing.
            more = has_more(&mut from_client) => {
                if !more {
                    return;
                }
                let Some((head, body)) = request(&mut from_client).await else { return };
                let mishap = blocked.mishap_of(&head, &body);
                let request = [head.as_bytes(), &body[..]].concat();
                match mishap {
                    None => if to_server.write_all(&request).await.is_err() {
                        return;
                    },
                    Some(Mishap::Refused) => {
                        let refusal = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
                        blocked.has_happened();
                        to_client.write_all(refusal.as_bytes()).await.unwrap();
                    }
                    Some(Mishap::CutHalfway) => {
                        let half = head.len() + body.len() / 2;
                        to_server.write_all(&request[..half]).await.unwrap();
                        blocked.has_happened();
                        return;
                    }
                    Some(Mishap::ReplySwallowed) => {
                        to_server.write_all(&request).await.unwrap();
                        assert!(from_server.read(&mut answer).await.unwrap() > 0, "QuestDB does not answer");
                        blocked.has_happened();
                        return;
                    }
                    Some(Mishap::DeliveredLate) => {
                        drop((from_client, to_client));
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        to_server.write_all(&request).await.unwrap();
                        assert!(from_server.read(&mut answer).await.unwrap() > 0, "QuestDB does not answer");
                        blocked.has_happened();
                        return;
                    }
                    Some(Mishap::ReplyWithheld) => {
                        to_server.write_all(&request).await.unwrap();
                        assert!(from_server.read(&mut answer).await.unwrap() > 0, "QuestDB does not answer");
                        blocked.has_happened();
                        // Until one of them gives up.
                        tokio::select! {
                            _ = has_more(&mut from_client) => return,
                            _ = from_server.read(&mut answer) => return,
                        }
                    }
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
    fn mishap_of(&self, head: &str, body: &[u8]) -> Option<Mishap> {
        let mut table = self.table.lock();
        let (name, mishap, left) = table.as_mut()?;
        if !head.starts_with("POST /write") || !body.starts_with(format!("{name} ").as_bytes()) || *left == 0
        {
            return None;
        }
        *left -= 1;
        Some(*mishap)
    }

    fn has_happened(&self) {
        self.requests.fetch_add(1, Ordering::AcqRel);
    }
}
