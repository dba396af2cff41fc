//! More than is good for a gateway, from peers that mean no good: its memory stays within its limits, and everybody else is
//! served meanwhile.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::{MetadataRequest, ProduceRequest};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::batches::{Batch, produce};
use support::{Gateway, QuestDbServer, Wire, frame, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;

const PATIENCE: Duration = Duration::from_secs(60);
const VERSION: i16 = 9;
const MIB: u64 = 1 << 20;

/// One at a time: each of them is a load for the machine.
static TURN: Mutex<()> = Mutex::const_new(());

/// Rows of somebody who is well behaved, each answered and in QuestDB in the end.
struct Guest<'a> {
    wire: Wire,
    questdb: &'a QuestDbServer,
    table: &'static str,
    rows: u64,
}

impl<'a> Guest<'a> {
    async fn new(gateway: &Gateway, questdb: &'a QuestDbServer, table: &'static str) -> Self {
        let mut guest = Self { wire: Wire::connect(gateway.bootstrap()).await, questdb, table, rows: 0 };
        guest.is_served().await;
        guest
    }

    async fn is_served(&mut self) {
        let request = produce(self.table, 0, Batch::of([r#"{"v":1}"#]).encode());
        let answer = tokio::time::timeout(PATIENCE, self.wire.call(&request, VERSION)).await;
        let answer = answer.unwrap_or_else(|_| panic!("not served any more after {} rows", self.rows));
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "{answer:?}");
        self.rows += 1;
    }

    async fn has_all_rows(self) {
        self.questdb.wait_for_rows(self.table, self.rows, PATIENCE).await;
    }
}

/// A connection from this address of the machine.
async fn connect_from(from: [u8; 4], gateway: &Gateway) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(gateway.bootstrap().parse().unwrap()).await.unwrap()
}

fn allow_open_files(needed: u64) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(hard >= needed, "this test needs {needed} open files, and the hard limit is {hard} (ulimit -Hn)");
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(needed), hard).unwrap();
}

/// 9,900 connections that say nothing, from ten addresses, under the default limits; and the gateway was started with the
/// usual soft limit of open files.
#[tokio::test]
async fn ten_thousand_idle_connections_cost_little() {
    const ADDRESSES: u8 = 10;
    const EACH: usize = 990;
    let _turn = TURN.lock().await;
    allow_open_files(11_000);
    let questdb = QuestDbServer::start().await;
    let soft_limit = ["sh", "-c", "ulimit -Sn 1024 && exec \"$@\"", "sh"].map(str::to_owned);
    let gateway = Gateway::start_within(&soft_limit, "", &questdb.http_conf()).await;
    let mut guest = Guest::new(&gateway, questdb, "idle_guest").await;
    let before = gateway.resident_bytes();
    let mut idle = Vec::new();
    for address in 0..ADDRESSES {
        for _ in 0..EACH {
            idle.push(connect_from([127, 0, 1, address], &gateway).await);
        }
        guest.is_served().await;
    }
    let all = idle.len() as u64;
    until("all are accepted", PATIENCE, async || gateway.sample("quafka_connections_open").await == all + 1)
        .await;
    guest.is_served().await;
    let grown = gateway.peak_resident_bytes() - before;
    println!("{all} idle connections take {} MiB, {} bytes each", grown / MIB, grown / all);
    assert!(grown < 192 * MIB, "{grown} bytes");
    // The first of them is as good as any other.
    let metadata = frame(&MetadataRequest::default().with_topics(None), VERSION, 1);
    idle[0].write_all(&metadata).await.unwrap();
    assert!(idle[0].read_u32().await.unwrap() > 0);
    drop(idle);
    until("they are gone", PATIENCE, async || gateway.sample("quafka_connections_open").await == 1).await;
    guest.has_all_rows().await;
}

/// 1,000 connections send the first half of a Produce request of 64 KiB: 32 MiB against a budget of 64 MiB. Others are
/// served meanwhile; with the other half each of them is, too.
#[tokio::test]
async fn a_thousand_half_frames_hold_nobody_up() {
    const CONNECTIONS: usize = 1_000;
    let _turn = TURN.lock().await;
    allow_open_files(3_000);
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[limits]\nmemory = \"64MiB\"", questdb).await;
    let mut guest = Guest::new(&gateway, questdb, "half_guest").await;
    let record = format!(r#"{{"text":"{}"}}"#, "x".repeat(64 << 10));
    let request = frame(&produce("half_frames", 0, Batch::of([record]).encode()), VERSION, 1);
    let (first, second) = request.split_at(request.len() / 2);
    let mut halves = Vec::new();
    for number in 0..CONNECTIONS {
        // From two addresses: the limit for one is as high as this.
        let mut stream = connect_from([127, 0, 2, (number % 2) as u8], &gateway).await;
        stream.write_all(first).await.unwrap();
        halves.push(stream);
    }
    let charged = (CONNECTIONS * first.len()) as u64;
    until("all halves are there", PATIENCE, async || {
        gateway.sample("quafka_memory_used_bytes").await >= charged
    })
    .await;
    for _ in 0..20 {
        guest.is_served().await;
    }
    let peak = gateway.peak_resident_bytes();
    println!("{CONNECTIONS} half frames: {} MiB charged, {} MiB resident", charged / MIB, peak / MIB);
    assert!(peak < 160 * MIB, "{peak} bytes");
    for mut stream in halves.drain(..) {
        stream.write_all(second).await.unwrap();
        let length = tokio::time::timeout(PATIENCE, stream.read_u32()).await.unwrap().unwrap();
        let mut answer = vec![0; length as usize];
        stream.read_exact(&mut answer).await.unwrap();
    }
    questdb.wait_for_rows("half_frames", CONNECTIONS as u64, PATIENCE).await;
    guest.has_all_rows().await;
}

/// 300 peers send a request byte by byte: each byte is progress, so they may stay, but they hold nobody up and take no
/// more than what they have sent. The one that stops is sent away.
#[tokio::test]
async fn a_slow_loris_holds_nobody_up() {
    const PEERS: usize = 300;
    let _turn = TURN.lock().await;
    allow_open_files(3_000);
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[limits]\nstalled_request = \"2s\"", questdb).await;
    let mut guest = Guest::new(&gateway, questdb, "loris_guest").await;
    let before = gateway.peak_resident_bytes();
    let request = frame(&produce("loris", 0, Batch::of([r#"{"v":1}"#; 20]).encode()), VERSION, 1).freeze();
    let sent = Arc::new(AtomicUsize::new(0));
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut stream = connect_from([127, 0, 3, 1], &gateway).await;
        let (request, sent) = (request.clone(), sent.clone());
        peers.push(tokio::spawn(async move {
            for byte in request.iter() {
                stream.write_all(&[*byte]).await.unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            stream.read_u32().await.unwrap()
        }));
    }
    let mut stopped = connect_from([127, 0, 3, 2], &gateway).await;
    stopped.write_all(&request[..10]).await.unwrap();
    let total = PEERS * request.len();
    let mut longest = Duration::ZERO;
    while sent.load(Ordering::Relaxed) < total {
        let asked = Instant::now();
        guest.is_served().await;
        longest = longest.max(asked.elapsed());
    }
    let grown = gateway.peak_resident_bytes() - before;
    println!("{} rows meanwhile, each within {longest:?}; {} MiB more", guest.rows, grown / MIB);
    assert!(guest.rows > 10 && grown < 64 * MIB, "{} rows, {grown} bytes", guest.rows);
    for peer in peers {
        assert!(tokio::time::timeout(PATIENCE, peer).await.unwrap().unwrap() > 0);
    }
    assert_eq!(tokio::time::timeout(PATIENCE, stopped.read(&mut [0])).await.unwrap().unwrap(), 0);
    assert_eq!(gateway.closed_for("stalled").await, 1);
    questdb.wait_for_rows("loris", 20 * PEERS as u64, PATIENCE).await;
    guest.has_all_rows().await;
}

/// Whoever asks and never reads the answers is not read any more himself, and sent away after a while.
#[tokio::test]
async fn a_peer_that_never_reads_is_sent_away() {
    const PEERS: usize = 20;
    let _turn = TURN.lock().await;
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[limits]\nstalled_request = \"2s\"", questdb).await;
    let mut guest = Guest::new(&gateway, questdb, "deaf_guest").await;
    // Many topics make a large answer to a small question.
    for topic in 0..200 {
        let request = produce(&format!("deaf_{topic}"), 0, Batch::of([""]).encode());
        guest.wire.call(&request, VERSION).await;
    }
    let before = gateway.peak_resident_bytes();
    let mut deaf = Vec::new();
    for _ in 0..PEERS {
        let mut stream = connect_from([127, 0, 4, 1], &gateway).await;
        let metadata = frame(&MetadataRequest::default().with_topics(None), VERSION, 1);
        deaf.push(tokio::spawn(async move {
            let mut asked = 0_u64;
            while stream.write_all(&metadata).await.is_ok() {
                asked += 1;
            }
            asked
        }));
    }
    until("all are sent away", PATIENCE, async || {
        guest.is_served().await;
        gateway.closed_for("stalled").await == PEERS as u64
    })
    .await;
    let mut asked = 0;
    for peer in deaf {
        asked += tokio::time::timeout(PATIENCE, peer).await.unwrap().unwrap();
    }
    let grown = gateway.peak_resident_bytes() - before;
    println!("{asked} requests sent; {} MiB more", grown / MIB);
    assert!(grown < 96 * MIB, "{grown} bytes");
    guest.has_all_rows().await;
}

/// Hundreds of MiB of zeros in a batch of less than one, in every codec that can: refused at the limit, one after the
/// other and all at once.
#[tokio::test]
async fn bombs_do_not_go_off() {
    const LIMIT: u64 = 32 * MIB;
    const GZIP: u8 = 1;
    const SNAPPY: u8 = 2;
    const LZ4: u8 = 3;
    const ZSTD: u8 = 4;
    const MESSAGE_TOO_LARGE: i16 = 10;
    const CORRUPT: i16 = 2;
    let _turn = TURN.lock().await;
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[limits]\nmemory = \"128MiB\"", questdb).await;
    let mut guest = Guest::new(&gateway, questdb, "bomb_guest").await;
    let zeros = vec![0; 160 << 20];
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&zeros).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(&zeros).unwrap();
        encoder.finish().unwrap()
    };
    let bombs = [
        ("gzip", GZIP, gzip, MESSAGE_TOO_LARGE),
        ("lz4", LZ4, lz4, MESSAGE_TOO_LARGE),
        ("zstd", ZSTD, zstd::stream::encode_all(&*zeros, 1).unwrap(), MESSAGE_TOO_LARGE),
        // At best 1:21, so that no batch is large enough for more than the limit.
        ("snappy", SNAPPY, snap::raw::Encoder::new().compress_vec(&zeros[..16 << 20]).unwrap(), 87),
        ("snappy that claims 4 GiB", SNAPPY, vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], CORRUPT),
    ];
    drop(zeros);
    let before = gateway.peak_resident_bytes();
    let mut requests = Vec::new();
    for (what, codec, bytes, error) in bombs {
        println!("{what}: {} bytes", bytes.len());
        assert!(bytes.len() < 1_048_000, "{what} is too large to be sent");
        let request = produce("bombs", 0, with_records(codec, &bytes));
        let answer = guest.wire.call(&request, VERSION).await;
        let code = answer.responses[0].partition_responses[0].error_code;
        assert!(code == error || code == CORRUPT && error != MESSAGE_TOO_LARGE, "{what}: {answer:?}");
        guest.is_served().await;
        requests.push(request);
    }
    let mut wires = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        for request in &requests {
            wire.send(request, VERSION).await;
        }
        wires.push(wire);
    }
    guest.is_served().await;
    for mut wire in wires {
        for id in 1..=requests.len() as i32 {
            let answer = wire.receive::<ProduceRequest>(id, VERSION).await;
            assert_ne!(answer.responses[0].partition_responses[0].error_code, 0);
        }
    }
    let grown = gateway.peak_resident_bytes() - before;
    println!("{} MiB more", grown / MIB);
    // One buffer for each worker thread, and the batches themselves.
    let threads = std::thread::available_parallelism().unwrap().get() as u64;
    assert!(grown < (threads + 1) * LIMIT + 64 * MIB, "{grown} bytes");
    assert_eq!(questdb.count("bombs").await, 0);
    guest.has_all_rows().await;
}

/// A batch whose records are these bytes, said to be compressed.
fn with_records(codec: u8, records: &[u8]) -> Bytes {
    let mut batch = Batch::of([r#"{"v":1}"#]).encode()[..61].to_vec();
    batch.extend_from_slice(records);
    batch[22] |= codec;
    let length = (batch.len() - 12) as u32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.into()
}
