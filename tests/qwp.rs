//! QWP against a peer that speaks as much of it as the sink's questions need: no QuestDB that speaks QWP can be had
//! here.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Float64Array};
use quafka::config::Transport;
use quafka::memory::MemoryBudget;
use quafka::questdb::QuestDb;
use quafka::rows::{Block, Column, ColumnValues, TableName, TimeUnit, Timestamps};
use quafka::sink::{Outcome, Sink, SinkMetrics, SinkOptions, Submission, Ticket, ticket};

/// What the peer does with a message.
enum Reply {
    Ok,
    Error(u8, &'static str),
    Close,
}

type Messages = Arc<Mutex<Vec<Vec<u8>>>>;

/// A peer on a port of its own; the messages that it was sent.
fn peer(reply: impl Fn(&[u8], usize) -> Reply + Send + Sync + 'static) -> (u16, Messages) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let messages: Messages = Arc::default();
    let seen = messages.clone();
    let reply = Arc::new(reply);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let (seen, reply) = (seen.clone(), reply.clone());
            std::thread::spawn(move || serve(socket, &seen, &*reply));
        }
    });
    (port, messages)
}

fn serve(mut socket: TcpStream, seen: &Messages, reply: &dyn Fn(&[u8], usize) -> Reply) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if socket.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("GET /api/v4/write "), "{head}");
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accept = base64(&sha1(format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.unwrap()).as_bytes()));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nX-QWP-Version: 1\r\nX-QWP-Max-Batch-Size: 65536\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).unwrap();
    let mut sequence = 0_u64;
    while let Some(message) = read_message(&mut socket) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(message.clone());
            seen.len()
        };
        let mut body = Vec::new();
        match reply(&message, number) {
            Reply::Ok => {
                body.push(0);
                body.extend(sequence.to_le_bytes());
                body.extend([0, 0]);
            }
            Reply::Error(status, text) => {
                body.push(status);
                body.extend(sequence.to_le_bytes());
                body.extend((text.len() as u16).to_le_bytes());
                body.extend(text.as_bytes());
            }
            Reply::Close => return,
        }
        sequence += 1;
        let mut frame = vec![0x82, body.len() as u8];
        frame.extend(body);
        socket.write_all(&frame).unwrap();
    }
}

/// The next binary message, unmasked.
fn read_message(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).ok()?;
    let length = match head[1] & 0x7f {
        126 => {
            let mut length = [0; 2];
            socket.read_exact(&mut length).ok()?;
            u64::from(u16::from_be_bytes(length))
        }
        127 => {
            let mut length = [0; 8];
            socket.read_exact(&mut length).ok()?;
            u64::from_be_bytes(length)
        }
        short => u64::from(short),
    };
    let mut mask = [0; 4];
    socket.read_exact(&mut mask).ok()?;
    let mut body = vec![0; length as usize];
    socket.read_exact(&mut body).ok()?;
    body.iter_mut().enumerate().for_each(|(index, byte)| *byte ^= mask[index % 4]);
    (head[0] & 0x0f == 2).then_some(body)
}

/// RFC 3174; the handshake of RFC 6455 needs it, and no dependency of the tests has it to offer.
fn sha1(data: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = data.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((data.len() as u64 * 8).to_be_bytes());
    for chunk in padded.chunks_exact(64) {
        let mut words: Vec<u32> =
            chunk.chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for index in 16..80 {
            let word = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16];
            words.push(word.rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (index, word) in words.iter().enumerate() {
            let (mix, constant) = match index / 20 {
                0 => (b & c | !b & d, 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next =
                a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (word, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *word = word.wrapping_add(add);
        }
    }
    let mut digest = [0; 20];
    digest
        .chunks_exact_mut(4)
        .zip(state)
        .for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_be_bytes()));
    digest
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * digit)) as usize & 63];
            text.push(if digit <= chunk.len() { letter.into() } else { '=' });
        }
    }
    text
}

fn block(table: &str, prices: &[f64], symbol: &str) -> Block {
    let rows = prices.len();
    let symbols: DictionaryArray<Int32Type> = (0..rows).map(|_| Some(symbol)).collect();
    Block {
        table: TableName::new(table),
        timestamp: Timestamps {
            name: "timestamp".into(),
            unit: TimeUnit::Micros,
            values: (0..rows as i64).collect(),
        },
        columns: vec![
            Column { name: "symbol".into(), values: ColumnValues::Symbol(symbols) },
            Column {
                name: "price".into(),
                values: ColumnValues::Double(Float64Array::from(prices.to_vec())),
            },
        ],
        origin: (0..rows as u32).collect(),
    }
}

async fn sink(port: u16, transport: Transport) -> Sink {
    let scheme = if transport == Transport::Auto { "http" } else { "ws" };
    let questdb =
        QuestDb::from_conf(&format!("{scheme}::addr=127.0.0.1:{port};request_timeout=2000;")).unwrap();
    let options = SinkOptions { transport, lanes: 1, ..SinkOptions::default() };
    Sink::start(options, questdb, SinkMetrics::default()).await.unwrap()
}

async fn submit(sink: &Sink, block: Block, patience: Duration) -> Ticket {
    let (resolver, ticket) = ticket();
    let charge = MemoryBudget::new(1 << 30).decode_turn().await.charge(1);
    let deadline = Instant::now() + patience;
    sink.submit(Submission { block, partition: 0, deadline, fence: None, label: None, charge, resolver })
        .await;
    ticket
}

async fn write(sink: &Sink, block: Block) -> Outcome {
    submit(sink, block, Duration::from_secs(5)).await.outcome().await
}

fn contains(message: &[u8], part: &[u8]) -> bool {
    message.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_block_arrives_as_one_message_that_commits() {
    let (port, messages) = peer(|_, _| Reply::Ok);
    let sink = sink(port, Transport::Qwp).await;
    assert_eq!(write(&sink, block("trades", &[1.5, -0.0], "BTC-😀")).await, Outcome::Committed);
    assert_eq!(write(&sink, block("trades", &[2.5], "BTC-😀")).await, Outcome::Committed);
    let messages = messages.lock().unwrap();
    assert_eq!(messages.len(), 2);
    let first = &messages[0];
    // Magic, version, flags: the lowest one would defer the commit.
    assert_eq!((&first[..4], first[5] & 1), (&b"QWP1"[..], 0));
    for part in ["trades", "symbol", "price", "BTC-😀"] {
        assert!(contains(first, part.as_bytes()), "{part}");
    }
    let doubles: Vec<u8> = [1.5_f64, -0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert!(contains(first, &doubles));
    // The connection's dictionary has the symbol by now.
    assert!(!contains(&messages[1], "BTC".as_bytes()));
}

#[tokio::test]
async fn auto_asks_the_server() {
    let (port, messages) = peer(|_, _| Reply::Ok);
    let sink = sink(port, Transport::Auto).await;
    assert_eq!(write(&sink, block("trades", &[1.5], "a")).await, Outcome::Committed);
    assert_eq!(messages.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_rejected_block_among_others_is_found() {
    // The first answer is slow, so that the others gather.
    let (port, messages) = peer(|message, number| {
        if number == 1 {
            std::thread::sleep(Duration::from_millis(300));
        }
        if contains(message, &666.0_f64.to_le_bytes()) {
            Reply::Error(3, "column price: no beast")
        } else {
            Reply::Ok
        }
    });
    let sink = sink(port, Transport::Qwp).await;
    let mut tickets = vec![(0, submit(&sink, block("trades", &[0.5], "a"), Duration::from_secs(5)).await)];
    tokio::time::sleep(Duration::from_millis(100)).await;
    for number in 1..=16 {
        let price = if number == 11 { 666.0 } else { f64::from(number) };
        tickets.push((number, submit(&sink, block("trades", &[price], "a"), Duration::from_secs(5)).await));
    }
    for (number, ticket) in tickets {
        match ticket.outcome().await {
            Outcome::Committed => assert_ne!(number, 11),
            Outcome::Rejected(errors) => {
                assert_eq!(number, 11);
                assert!(errors[0].message.contains("no beast"), "{}", errors[0].message);
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    let requests = messages.lock().unwrap().len();
    assert!(requests <= 12, "{requests}");
}

#[tokio::test]
async fn a_message_without_an_answer_is_unknown_and_not_sent_again() {
    let (port, messages) = peer(|_, number| if number == 1 { Reply::Close } else { Reply::Ok });
    let sink = sink(port, Transport::Qwp).await;
    let outcome = write(&sink, block("trades", &[1.0], "a")).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert_eq!(messages.lock().unwrap().len(), 1);
    assert_eq!(write(&sink, block("trades", &[2.0], "a")).await, Outcome::Committed);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_unknown() {
    let (port, messages) = peer(|_, number| {
        if number == 1 {
            std::thread::sleep(Duration::from_secs(4));
        }
        Reply::Ok
    });
    let sink = sink(port, Transport::Qwp).await;
    let outcome = write(&sink, block("trades", &[1.0], "a")).await;
    assert!(matches!(&outcome, Outcome::Unknown(why) if why.contains("within 2000 ms")), "{outcome:?}");
    assert_eq!(write(&sink, block("trades", &[2.0], "a")).await, Outcome::Committed);
    assert_eq!(messages.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_the_server_did_not_take_is_unavailable_and_what_failed_within_is_unknown() {
    let (port, _) =
        peer(|_, number| if number == 1 { Reply::Error(9, "busy") } else { Reply::Error(6, "bug") });
    let sink = sink(port, Transport::Qwp).await;
    let outcome = write(&sink, block("trades", &[1.0], "a")).await;
    assert!(matches!(&outcome, Outcome::Unavailable(why) if why.contains("busy")), "{outcome:?}");
    let outcome = write(&sink, block("trades", &[1.0], "a")).await;
    assert!(matches!(&outcome, Outcome::Unknown(why) if why.contains("bug")), "{outcome:?}");
}

#[tokio::test]
async fn nobody_there_until_the_deadline_is_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sink = sink(port, Transport::Qwp).await;
    let outcome =
        submit(&sink, block("trades", &[1.0], "a"), Duration::from_millis(500)).await.outcome().await;
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_large_block_is_split_into_messages_of_which_only_the_last_commits() {
    let (port, messages) = peer(|_, _| Reply::Ok);
    let sink = sink(port, Transport::Qwp).await;
    let prices: Vec<f64> = (0..50_000).map(f64::from).collect();
    assert_eq!(write(&sink, block("trades", &prices, "a")).await, Outcome::Committed);
    let messages = messages.lock().unwrap();
    let (last, others) = messages.split_last().unwrap();
    assert!(others.len() > 10, "{}", others.len());
    assert_eq!(last[5] & 1, 0);
    assert!(others.iter().all(|message| message[5] & 1 == 1));
}
