//! A peer that speaks as much of QWP as a sink needs. It stores nothing and is no QuestDB: no release that speaks QWP
//! can be had for the tests yet.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the peer does with a message.
pub enum Reply {
    Ok,
    Error(u8, &'static str),
    Close,
}

/// Starts a peer on a port of 127.0.0.1, which is returned. It asks `reply` for an answer to each message, with the
/// message's number, from 1 on, over all connections. Messages are at most `max_message_bytes` long, as it tells.
///
/// To a question in SQL it answers that there is no such table.
pub fn start(max_message_bytes: usize, reply: impl Fn(&[u8], usize) -> Reply + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let numbers = Arc::new(AtomicUsize::new(0));
    let reply = Arc::new(reply);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let (numbers, reply) = (numbers.clone(), reply.clone());
            std::thread::spawn(move || serve(socket, max_message_bytes, &numbers, &*reply));
        }
    });
    port
}

/// How many rows a message has for its one table.
pub fn rows(message: &[u8]) -> u64 {
    // Magic, version, flags, number of tables, length.
    let mut rest = &message[12..];
    let _first_new_symbol = varint(&mut rest);
    for _ in 0..varint(&mut rest) {
        skip_text(&mut rest);
    }
    skip_text(&mut rest); // the table's name
    varint(&mut rest)
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, after) = rest.split_first().unwrap();
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn skip_text(rest: &mut &[u8]) {
    let length = varint(rest) as usize;
    *rest = &rest[length..];
}

fn serve(
    mut socket: TcpStream,
    max_message_bytes: usize,
    numbers: &AtomicUsize,
    reply: &dyn Fn(&[u8], usize) -> Reply,
) {
    let head = loop {
        let Some(head) = read_head(&mut socket) else { return };
        if !head.starts_with("GET /exec?") {
            break head;
        }
        let body = r#"{"error":"table does not exist","position":0}"#;
        let answer = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        socket.write_all(answer.as_bytes()).unwrap();
    };
    assert!(head.starts_with("GET /api/v4/write "), "{head}");
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accept = base64(&sha1(format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.unwrap()).as_bytes()));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nX-QWP-Version: 1\r\nX-QWP-Max-Batch-Size: {max_message_bytes}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).unwrap();
    let mut sequence = 0_u64;
    while let Some(message) = read_message(&mut socket) {
        let mut body = Vec::new();
        match reply(&message, numbers.fetch_add(1, Ordering::Relaxed) + 1) {
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
        if socket.write_all(&frame).is_err() {
            return;
        }
    }
}

/// The head of an HTTP request; no body is expected.
fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
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
    for chunk in body.chunks_mut(4) {
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
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
