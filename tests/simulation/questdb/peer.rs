//! QuestDB's side of an HTTP connection, and what goes wrong there.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quafka::config::HostPort;
use quafka::http::{Dial, Dialling, Incoming, Line};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::sleep;

use super::{QuestDb, ilp, sql};
use crate::setup::Outage;
use crate::world::World;

/// A request whose answer comes later than that may have been given up before.
const SURE_TO_BE_WAITED_FOR: Duration = Duration::from_secs(9);
const PIPE_BYTES: usize = 1 << 16;

/// The way to QuestDB.
pub struct Network(pub Arc<World>);

impl Dial for Network {
    fn dial<'a>(&'a self, _: &'a HostPort) -> Dialling<'a> {
        Box::pin(async move {
            let world = &self.0;
            if outage(world).is_some_and(|outage| !outage.frozen) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let number = {
                let mut questdb = world.questdb.lock();
                questdb.next_connection += 1;
                questdb.next_connection
            };
            let (near, far) = duplex(PIPE_BYTES);
            let closed = Arc::new(AtomicBool::new(false));
            let peer = Peer { world: world.clone(), stream: far, number, closed: closed.clone() };
            world.spawn(peer.run());
            let incoming = move || match closed.load(Ordering::Relaxed) {
                true => Incoming::End,
                false => Incoming::Nothing,
            };
            Ok(Line { stream: Box::new(near), incoming: Box::new(incoming) })
        })
    }
}

/// What is the matter with QuestDB at this moment.
fn outage(world: &World) -> Option<Outage> {
    let now = world.elapsed();
    world.life().outages.iter().find(|outage| outage.from <= now && now < outage.until).copied()
}

struct Peer {
    world: Arc<World>,
    stream: DuplexStream,
    number: u64,
    closed: Arc<AtomicBool>,
}

/// What becomes of a request with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Written,
    /// Committed and answered late.
    Late(Duration),
    /// The connection is lost before it is committed, and it never is.
    Lost,
    /// The connection is lost, and it is committed all the same.
    LostAndWritten(Duration),
    /// It is committed, and the connection is lost in the middle of the answer.
    HalfAnswered,
    /// No answer ever, and committed or not.
    Silent(bool),
    /// Refused for a while.
    Unavailable,
    /// An error of which nobody knows whether it was before or after the commit.
    Error(bool),
    /// One of its rows is refused, for no reason that the gateway can know.
    Refused,
}

impl Peer {
    async fn run(mut self) {
        let next = self.world.life().outages.iter().find(|outage| !outage.frozen).map(|outage| outage.from);
        let until = next.and_then(|from| from.checked_sub(self.world.elapsed()));
        // It is gone with all connections when it goes.
        let gone = async {
            match until {
                Some(until) => sleep(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = gone => {}
            ended = self.converse() => drop(ended),
        }
        self.closed.store(true, Ordering::Relaxed);
    }

    async fn converse(&mut self) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let (head, body) = match self.request(&mut buffer).await? {
                Some(request) => request,
                None => return Ok(()),
            };
            while let Some(Outage { until, frozen: true, .. }) = outage(&self.world) {
                sleep(until.saturating_sub(self.world.elapsed())).await;
            }
            if head.starts_with("POST /write") {
                self.write(&body).await?;
            } else if let Some(path) = head.strip_prefix("GET ") {
                let path = path.split(' ').next().unwrap_or_default();
                self.read(path).await?;
            } else {
                self.world.is_wrong(format!("questdb is asked {head:?}"));
            }
            let closes = !self.world.is_calm() && self.world.questdb.lock().random.percent(3);
            if closes {
                return Ok(());
            }
        }
    }

    /// The next request's head and body.
    async fn request(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<(String, Vec<u8>)>> {
        loop {
            if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
                });
                let whole = end + 4 + length.unwrap_or(0_usize);
                if buffer.len() >= whole {
                    let body = buffer[end + 4..whole].to_vec();
                    buffer.drain(..whole);
                    return Ok(Some((head, body)));
                }
            }
            if self.stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn read(&mut self, path: &str) -> io::Result<()> {
        let latency = self.world.questdb.lock().random.millis(0..5);
        sleep(latency).await;
        let (status, body) = match path.strip_prefix("/exec?query=") {
            Some(query) => sql::answer(&self.world.questdb.lock(), &decode(query)),
            None if path == "/settings" => {
                (200, r#"{"config":{"line.proto.support.versions":[1,2,3]}}"#.to_owned())
            }
            None => (404, String::new()),
        };
        if body.contains("this model does not know") {
            self.world.is_wrong(body.clone());
        }
        let lost = !self.world.is_calm() && {
            let faults = self.world.setup.write_faults;
            self.world.questdb.lock().random.percent(faults / 4)
        };
        if lost {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.answer(status, &body).await
    }

    async fn write(&mut self, body: &[u8]) -> io::Result<()> {
        let world = self.world.clone();
        let rows = match ilp::rows(body) {
            Ok(rows) => rows,
            Err(error) => {
                world.is_wrong(format!("questdb cannot read rows {error}"));
                return self.answer(400, "").await;
            }
        };
        let now = world.now();
        // Producer, partition and number of each.
        let names =
            rows.iter().map(|row| ["who", "part", "seq"].map(|name| row.get(name).unwrap_or("?")).join("/"));
        let names = names.collect::<Vec<_>>().join(" ");
        let (number, fate, latency) = {
            let mut questdb = world.questdb.lock();
            let number = questdb.begin(rows, self.number, now);
            (number, Fate::draw(&world, &mut questdb), questdb.random.millis(0..15))
        };
        let table = world.questdb.lock().writes[number].table.clone();
        world.note(format!("questdb: request {number} for {table} with {names}: {fate:?}"));
        let refused = world.questdb.lock().judge(number, fate == Fate::Refused);
        if let Some((row, message)) = refused {
            let line = row + 1;
            world.note(format!("questdb: request {number} is refused for row {line}"));
            sleep(latency).await;
            let body = format!(r#"{{"code":"invalid","message":"{message}","line":{line},"errorId":"x"}}"#);
            return self.answer(400, &body).await;
        }
        match fate {
            Fate::Lost | Fate::Silent(false) | Fate::Unavailable | Fate::Error(false) | Fate::Refused => {}
            Fate::LostAndWritten(after) | Fate::Late(after) => QuestDb::commit_later(&world, number, after),
            Fate::Written | Fate::HalfAnswered | Fate::Silent(true) | Fate::Error(true) => {
                world.questdb.lock().under_way.insert(number);
                sleep(latency).await;
                world.questdb.lock().commit(number, world.bug);
            }
        }
        match fate {
            Fate::Lost | Fate::LostAndWritten(_) => Err(io::ErrorKind::ConnectionReset.into()),
            Fate::HalfAnswered => {
                self.stream.write_all(b"HTTP/1.1 204 No").await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            // Until the gateway has enough of it.
            Fate::Silent(_) => self.stream.read_u8().await.map(drop),
            Fate::Unavailable => self.answer(503, "").await,
            Fate::Error(_) => self.answer(500, r#"{"code":"internal error","message":"commit error"}"#).await,
            Fate::Written => {
                self.answer(204, "").await?;
                world.questdb.lock().writes[number].answered = Some(world.now());
                Ok(())
            }
            Fate::Late(after) => {
                sleep(after + Duration::from_millis(1)).await;
                self.answer(204, "").await?;
                if after < SURE_TO_BE_WAITED_FOR {
                    world.questdb.lock().writes[number].answered = Some(world.now());
                }
                Ok(())
            }
            Fate::Refused => Ok(()),
        }
    }

    async fn answer(&mut self, status: u16, body: &str) -> io::Result<()> {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\n");
        let length = if status == 204 { String::new() } else { format!("Content-Length: {length}\r\n") };
        self.stream.write_all(format!("{head}{length}\r\n{body}").as_bytes()).await
    }
}

impl Fate {
    fn draw(world: &World, questdb: &mut QuestDb) -> Self {
        if world.is_calm() || !questdb.random.percent(world.setup.write_faults) {
            return Self::Written;
        }
        let latest = world.setup.latest_commit.as_millis() as u64;
        let random = &mut questdb.random;
        match random.within(0..10) {
            0 => Self::Late(random.millis(20..900)),
            1 => Self::Late(random.millis(900..latest)),
            2 => Self::Lost,
            3 => Self::LostAndWritten(random.millis(0..800)),
            4 => Self::LostAndWritten(Duration::ZERO),
            5 => Self::HalfAnswered,
            6 => Self::Silent(random.percent(50)),
            7 => Self::Unavailable,
            8 => Self::Error(random.percent(50)),
            // `exactly_once` does not cover batches with bad records.
            _ if world.setup.exactly_once => Self::Lost,
            _ => Self::Refused,
        }
    }
}

/// What was percent-encoded.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let Some(hex) = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok())
            && let Ok(value) = u8::from_str_radix(hex, 16)
        {
            bytes.push(value);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
