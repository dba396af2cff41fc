//! QWP against a peer that speaks as much of it as the sink's questions need: no QuestDB that speaks QWP can be had
//! here.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Float64Array};
use quafka::config::Transport;
use quafka::memory::MemoryBudget;
use quafka::questdb::QuestDb;
use quafka::rows::{Block, Column, ColumnValues, TableName, TimeUnit, Timestamps};
use quafka::sink::{Outcome, Sink, SinkMetrics, SinkOptions, Submission, Ticket, ticket};
use support::qwp_peer::{self, Reply};
use tokio::time::Instant;

type Messages = Arc<Mutex<Vec<Vec<u8>>>>;

/// A peer on a port of its own; the messages that it was sent.
fn peer(reply: impl Fn(&[u8], usize) -> Reply + Send + Sync + 'static) -> (u16, Messages) {
    let messages: Messages = Arc::default();
    let seen = messages.clone();
    let port = qwp_peer::start(65_536, move |message, number| {
        seen.lock().unwrap().push(message.to_owned());
        reply(message, number)
    });
    (port, messages)
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
    assert_eq!(messages.iter().map(|message| qwp_peer::rows(message)).sum::<u64>(), 50_000);
}
