//! What is no Kafka request, and requests that lie: the connection ends with the reason, one line is logged, one closed
//! connection is counted, and memory follows what came, not what was announced. No QuestDB is needed.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::MetadataRequest;
use quafka_protocol::ApiKey;
use support::batches::{Batch, produce};
use support::{Gateway, Wire, frame, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a connection that does nothing but fail may cost: buffers and the allocator's own.
const SLACK_BYTES: u64 = 8 << 20;

async fn gateway(config: &str) -> Gateway {
    let gateway = Gateway::start_with_conf(config, "http::addr=127.0.0.1:9;").await;
    // The connection that found out that it listens.
    until("no connection is open", PATIENCE, async || gateway.sample("quafka_connections_open").await == 0)
        .await;
    gateway
}

/// Sends bytes on a new connection and expects its end, for this reason, with these words in the one line of the log.
async fn is_refused(gateway: &Gateway, bytes: &[u8], reason: &str, words: &str) {
    let before = gateway.closed_for(reason).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let peer = wire.local_addr();
    // It may be over before all has been sent.
    let _ = wire.send_bytes(bytes).await;
    let closed = tokio::time::timeout(PATIENCE, wire.closed()).await;
    assert!(closed.is_ok(), "the connection stays open after {:02x?}", &bytes[..bytes.len().min(40)]);
    until(&format!("counted as {reason}: {words}"), PATIENCE, async || {
        gateway.closed_for(reason).await == before + 1
    })
    .await;
    until("it is in the log", PATIENCE, async || !gateway.log_of(peer).is_empty()).await;
    let log = gateway.log_of(peer);
    assert_eq!(log.len(), 1, "{log:#?}");
    assert!(log[0].contains(words), "{words:?} is not in: {}", log[0]);
}

/// Sends bytes on a new connection and yields what comes before its end.
async fn farewell(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(gateway.bootstrap()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// A frame around a body.
fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

/// A request header (the flexible one too, where no tagged fields are meant) and what follows it.
fn request(api: ApiKey, version: i16, rest: &[u8]) -> Vec<u8> {
    let mut body = BytesMut::new();
    body.put_i16(api.code());
    body.put_i16(version);
    body.put_i32(7);
    body.put_i16(-1);
    if api.is_flexible(version) {
        body.put_u8(0);
    }
    body.put_slice(rest);
    framed(&body)
}

#[tokio::test]
async fn what_is_not_kafka_is_told_so() {
    let gateway = gateway("").await;
    let tls_hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0xab; 500]].concat();
    let strangers: [(&[u8], &str); 6] = [
        (&[0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4], "negative request length"),
        (&[0xff; 64], "negative request length -1"),
        (&[0x80, 0, 0, 0], "negative request length"),
        (&[0; 16], "request of 0 bytes"),
        (&[0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7], "request of 7 bytes"),
        (&104_857_601_u32.to_be_bytes(), "larger than the limit of 104857600"),
    ];
    for (bytes, words) in strangers {
        is_refused(&gateway, bytes, "not_kafka", words).await;
    }
    // A browser and curl show what they are told.
    for request in ["GET / HTTP/1.1\r\nHost: gateway\r\n\r\n", "POST /v1/data HTTP/1.1\r\n\r\n"] {
        let answer = farewell(&gateway, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 400 Bad Request\r\n") && body.contains("Kafka protocol"),
            "{answer}"
        );
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer}");
    }
    let answer = farewell(&gateway, &tls_hello).await;
    assert!(answer.starts_with("This Kafka listener is plaintext"), "{answer}");
    until("they are counted, too", PATIENCE, async || gateway.closed_for("not_kafka").await == 9).await;
    assert_eq!(gateway.log().matches("looks like HTTP").count(), 2);
    assert_eq!(gateway.log().matches("looks like TLS, and this listener is plaintext").count(), 1);
    until("all are gone", PATIENCE, async || gateway.sample("quafka_connections_open").await == 0).await;
    // None of that disturbs the next one.
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    wire.call(&MetadataRequest::default().with_topics(None), 9).await;
}

/// A client that speaks another protocol comes again and again: it is counted each time, and logged now and then.
#[tokio::test]
async fn strangers_do_not_fill_the_log() {
    let gateway = gateway("").await;
    for _ in 0..50 {
        farewell(&gateway, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await;
    }
    until("all are counted", PATIENCE, async || gateway.closed_for("not_kafka").await == 50).await;
    assert_eq!(gateway.log().matches("looks like TLS").count(), 20);
}

/// kcat with settings that do not fit this listener: it hears what is wrong, and does not flood the gateway while it
/// tries again.
#[tokio::test]
async fn a_client_with_another_security_protocol_hears_what_is_wrong() {
    let gateway = gateway("").await;
    for (protocol, reported, logged) in [
        (
            "sasl_plaintext",
            "not valid in current SASL state",
            "this listener has no SASL; set security.protocol=PLAINTEXT",
        ),
        ("ssl", "wrong version number", "this listener is plaintext"),
    ] {
        let mut kcat = tokio::process::Command::new("kcat");
        kcat.args([
            "-L",
            "-m",
            "3",
            "-b",
            &gateway.bootstrap(),
            "-X",
            &format!("security.protocol={protocol}"),
        ]);
        kcat.args(["-X", "sasl.mechanisms=PLAIN", "-X", "sasl.username=ann", "-X", "sasl.password=hunter2"]);
        let output = tokio::time::timeout(PATIENCE, kcat.kill_on_drop(true).output()).await.unwrap();
        let output = output.expect("kcat is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(reported), "{protocol}: {said}");
        let lines: Vec<_> =
            gateway.log().lines().filter(|line| line.contains(logged)).map(str::to_owned).collect();
        assert!((1..20).contains(&lines.len()), "{protocol}: {lines:#?}");
        println!("{protocol}: {} attempts in 3 s\n{said}", lines.len());
    }
    assert!(!gateway.log().contains("hunter2"));
}

#[tokio::test]
async fn requests_that_nobody_advertised_end_the_connection() {
    let gateway = gateway("").await;
    let bad = "bad_request";
    is_refused(&gateway, &framed(&[0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]), bad, "API key 32767").await;
    is_refused(&gateway, &framed(&[0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]), bad, "API key -1").await;
    is_refused(&gateway, &framed(&[0, 36, 0, 0, 0, 0, 0, 1, 0xff, 0xff]), bad, "API key 36").await;
    is_refused(
        &gateway,
        &framed(&[0, 0, 0, 99, 0, 0, 0, 1, 0xff, 0xff]),
        bad,
        "Produce request of version 99",
    )
    .await;
    is_refused(
        &gateway,
        &framed(&[0, 3, 0x80, 0, 0, 0, 0, 1, 0xff, 0xff]),
        bad,
        "Metadata request of version",
    )
    .await;
    // Half a request is not worth a word to its client, but is to the operator.
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let peer = wire.local_addr();
    wire.send_bytes(&[0, 0, 1, 0, 0, 3]).await.unwrap();
    drop(wire);
    until("the lost connection is counted", PATIENCE, async || gateway.closed_for("lost").await == 1).await;
    assert_eq!(gateway.log_of(peer).len(), 1);
}

#[tokio::test]
async fn counts_sizes_and_texts_that_lie_end_the_connection_and_cost_no_memory() {
    let gateway = gateway("").await;
    // Once the honest way, so that what a connection needs is there.
    Wire::connect(gateway.bootstrap()).await.call(&MetadataRequest::default().with_topics(None), 9).await;
    let before = gateway.peak_resident_bytes();
    let most = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let endless = [0xff; 11];
    // Up to the topics, in the old and in the flexible encoding.
    let old =
        |rest: &[u8]| request(ApiKey::Produce, 3, &[&[0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0], rest].concat());
    let flexible = |rest: &[u8]| request(ApiKey::Produce, 9, &[&[0, 0xff, 0xff, 0, 0, 1, 0], rest].concat());
    let one_topic = [2, 2, b't'];
    let lies: Vec<(&str, Vec<u8>)> = vec![
        ("2^31 - 1 topics", old(&i32::MAX.to_be_bytes())),
        ("-2 topics", old(&(-2_i32).to_be_bytes())),
        ("2^32 - 2 topics", flexible(&most)),
        ("a number of topics without an end", flexible(&endless)),
        ("a topic's name of -5 bytes", old(&[0, 0, 0, 1, 0xff, 0xfb])),
        ("a topic's name of 32767 bytes", old(&[0, 0, 0, 1, 0x7f, 0xff, b't'])),
        ("a topic's name that is null", flexible(&[2, 0])),
        ("a topic's name that is not UTF-8", old(&[0, 0, 0, 1, 0, 2, 0xc3, 0x28, 0, 0, 0, 0])),
        ("2^31 - 1 partitions", old(&[0, 0, 0, 1, 0, 1, b't', 0x7f, 0xff, 0xff, 0xff])),
        ("2^32 - 2 partitions", flexible(&[&one_topic[..], &most].concat())),
        ("2 GiB of records", old(&[0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])),
        (
            "-7 bytes of records",
            old(&[0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf9]),
        ),
        ("4 GiB of records", flexible(&[&one_topic[..], &[2, 0, 0, 0, 0], &most].concat())),
        ("2^32 - 1 tags", flexible(&[&[1], &most[..]].concat())),
        ("a tag of 4 GiB", flexible(&[&[1, 1, 0], &most[..]].concat())),
        ("tags without an end", flexible(&[&[1], &endless[..]].concat())),
        ("bytes behind the request", flexible(&[1, 0, 1, 2, 3])),
        ("a client id that is not UTF-8", framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0, 2, 0xc3, 0x28, 0, 0, 0, 0])),
        ("tags of the header", framed(&[&[0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff], &most[..], &[0]].concat())),
        ("Metadata of 2^31 - 1 topics", request(ApiKey::Metadata, 1, &i32::MAX.to_be_bytes())),
        ("Fetch of 2^31 - 1 topics", {
            let head = [&[0xff; 4][..], &[0; 4], &[0; 4], &[0; 4], &[0]].concat();
            request(ApiKey::Fetch, 4, &[&head[..], &i32::MAX.to_be_bytes()].concat())
        }),
        ("CreateTopics of 2^31 - 1 topics", request(ApiKey::CreateTopics, 2, &i32::MAX.to_be_bytes())),
        ("JoinGroup cut short", request(ApiKey::JoinGroup, 5, &[0, 1, b'g'])),
        (
            "an old Produce of 2^31 - 1 topics",
            framed(&{
                let head = [0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0, 1, 0, 0, 1, 0];
                [&head[..], &i32::MAX.to_be_bytes()].concat()
            }),
        ),
    ];
    for (lie, bytes) in lies {
        println!("{lie}");
        is_refused(&gateway, &bytes, "bad_request", "request: ").await;
    }
    let grown = gateway.peak_resident_bytes() - before;
    println!("peak memory grew by {grown} bytes");
    assert!(grown <= SLACK_BYTES, "peak memory grew by {grown} bytes");
}

/// A request cut anywhere, with a length that fits what is left: never taken for a request, never the end of the
/// gateway.
#[tokio::test]
async fn a_request_cut_anywhere_is_refused() {
    let gateway = gateway("").await;
    let records = Batch::of([r#"{"v":1}"#]).encode();
    let mut refused = 0;
    for version in [3, 9, 12] {
        let whole = frame(&produce("topic", 0, records.clone()), version, 1).split_off(4);
        for length in 8..whole.len() {
            let mut wire = Wire::connect(gateway.bootstrap()).await;
            wire.send_bytes(&framed(&whole[..length])).await.unwrap();
            let closed = tokio::time::timeout(PATIENCE, wire.closed()).await;
            assert!(closed.is_ok(), "version {version}, {length} of {} bytes: not refused", whole.len());
            refused += 1;
        }
    }
    until("all are counted", PATIENCE, async || gateway.closed_for("bad_request").await == refused).await;
    assert_eq!(gateway.log().matches("connection closed").count() as u64, refused);
}

/// 100 MiB announced by each of 50 connections cost what came of it.
#[tokio::test]
async fn an_announced_length_costs_nothing() {
    let gateway = gateway("").await;
    let before = gateway.peak_resident_bytes();
    let mut wires = Vec::new();
    for _ in 0..50 {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        wire.send_bytes(&104_857_600_u32.to_be_bytes()).await.unwrap();
        wire.send_bytes(&[0; 1000]).await.unwrap();
        wires.push(wire);
    }
    until("all of it has been read", PATIENCE, async || {
        gateway.sample("quafka_memory_used_bytes").await == 50 * 1004
    })
    .await;
    let grown = gateway.peak_resident_bytes() - before;
    println!("peak memory grew by {grown} bytes");
    assert!(grown <= SLACK_BYTES, "peak memory grew by {grown} bytes");
}

#[tokio::test]
async fn stalled_and_idle_connections_are_closed() {
    let gateway = gateway("[limits]\nstalled_request = \"200ms\"\nidle_connection = \"400ms\"").await;
    is_refused(&gateway, &[0, 0, 1, 0, 0, 3], "stalled", "after 6 of 260 bytes").await;
    is_refused(&gateway, &[], "idle", "idle for").await;
}

#[tokio::test]
async fn connections_over_the_limits_are_turned_away() {
    for key in ["connections", "connections_per_address"] {
        let gateway = gateway(&format!("[limits]\n{key} = 3")).await;
        let metadata = MetadataRequest::default().with_topics(None);
        let mut wires = Vec::new();
        for _ in 0..3 {
            let mut wire = Wire::connect(gateway.bootstrap()).await;
            wire.call(&metadata, 9).await;
            wires.push(wire);
        }
        for _ in 0..2 {
            is_refused(&gateway, &[], "turned_away", &format!("limits.{key})")).await;
        }
        assert_eq!(gateway.sample("quafka_connections_open").await, 3);
        // The others go on, and a place that becomes free is given out again.
        for wire in &mut wires {
            wire.call(&metadata, 9).await;
        }
        drop(wires.pop());
        until("there is a place again", PATIENCE, async || {
            gateway.sample("quafka_connections_open").await == 2
        })
        .await;
        Wire::connect(gateway.bootstrap()).await.call(&metadata, 9).await;
    }
}

/// Twenty peers announce 60 MiB each, send 5 MiB and stall: 100 MiB against a budget of 64. The stalest give way, and
/// everybody else is served.
#[tokio::test]
async fn incomplete_requests_do_not_keep_others_from_being_served() {
    let gateway = gateway("[limits]\nmemory = \"64MiB\"").await;
    let mut flood = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        flood.push(tokio::spawn(async move {
            wire.send_bytes(&(60_u32 << 20).to_be_bytes()).await.ok();
            wire.send_bytes(&vec![0; 5 << 20]).await.ok();
            // Until it is told to go.
            wire.receive_bytes().await.ok();
        }));
    }
    // Each of them is a megabyte itself, so it needs room, too.
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let padding = Bytes::from(vec![b' '; 1 << 20]);
    for served in 0..20 {
        let request = {
            let mut request = produce("t", 0, padding.clone());
            request.acks = 5;
            request
        };
        let answer = tokio::time::timeout(PATIENCE, wire.call(&request, 9)).await;
        let answer = answer.unwrap_or_else(|_| panic!("not served any more after {served}"));
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 21);
    }
    until("somebody had to give way", PATIENCE, async || gateway.closed_for("evicted").await > 0).await;
    let evicted = gateway.closed_for("evicted").await;
    let peak = gateway.peak_resident_bytes();
    println!("{evicted} evicted, peak memory {peak} bytes");
    assert!(evicted < 20, "not all of them have to give way");
    assert!(peak < 160 << 20, "peak memory {peak} bytes");
    flood.into_iter().for_each(|task| task.abort());
}
