//! The sink against the real QuestDB, and against peers that behave as badly as a network can.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow_array::types::Int32Type;
use arrow_array::{BooleanArray, DictionaryArray, Float64Array, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use quafka::config::Transport;
use quafka::memory::MemoryBudget;
use quafka::questdb::{HttpError, QuestDb, QuestDbError};
use quafka::rows::{Block, Column, ColumnValues, DoubleArrays, TableName, TimeUnit, Timestamps};
use quafka::schema::Schemas;
use quafka::sink::{
    AnswerKind, AnswerLabel, Outcome, Sink, SinkMetrics, SinkOptions, Submission, Ticket, ticket,
};
use serde_json::{Value, json};
use support::QuestDbServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const SECOND: i64 = 1_000_000;

fn column(name: &str, values: ColumnValues) -> Column {
    Column { name: name.into(), values }
}

fn block(table: &str, timestamps_us: Vec<i64>, columns: Vec<Column>) -> Block {
    let origin = (0..timestamps_us.len() as u32).collect();
    let timestamp =
        Timestamps { name: "timestamp".into(), unit: TimeUnit::Micros, values: timestamps_us.into() };
    Block { table: TableName::new(table), timestamp, columns, origin }
}

fn longs(table: &str, values: &[i64]) -> Block {
    let timestamps = values.iter().map(|value| SECOND + value.abs()).collect();
    block(table, timestamps, vec![column("v", ColumnValues::Long(values.to_vec().into()))])
}

fn texts(table: &str, values: &[&str]) -> Block {
    let timestamps = (0..values.len() as i64).map(|row| SECOND + row).collect();
    block(table, timestamps, vec![column("v", ColumnValues::Varchar(StringArray::from(values.to_vec())))])
}

async fn sink_with(conf: &str, options: SinkOptions) -> (Sink, SinkMetrics) {
    let metrics = SinkMetrics::default();
    let sink = Sink::start(options, QuestDb::from_conf(conf).unwrap(), metrics.clone()).await.unwrap();
    (sink, metrics)
}

async fn sink(conf: &str) -> Sink {
    sink_with(conf, SinkOptions::default()).await.0
}

async fn submit(sink: &Sink, block: Block, partition: i32, patience: Duration) -> Ticket {
    let (resolver, ticket) = ticket();
    let charge = MemoryBudget::new(1 << 30).decode_turn().await.charge(1);
    let deadline = Instant::now() + patience;
    sink.submit(Submission { block, partition, deadline, fence: None, label: None, charge, resolver }).await;
    ticket
}

async fn write(sink: &Sink, block: Block) -> Outcome {
    submit(sink, block, 0, Duration::from_secs(20)).await.outcome().await
}

/// Every value of every type comes back as it was sent.
#[tokio::test]
async fn values_of_every_type_come_back() {
    let server = QuestDbServer::start().await;
    let sink = sink(&server.http_conf()).await;
    let doubles = [1.5, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::MIN, 0.1 + 0.2, 5e-324, 1e22];
    let numbers = [0, -1, i64::MAX, i64::MIN + 1, 42, 7, 8, 9];
    let strings = [
        "",
        "plain",
        "it's \"quoted\" \\ back",
        "two\nlines\r\n",
        "a b,c=d",
        "😀 é ß 漢字",
        "tab\t",
        "\u{1}\u{7f}",
    ];
    let symbols = ["plain", "with space", "a,b", "k=v", "back\\slash", "new\nline", "😀", "'q\"q"];
    let timestamps = [0, 1, -1, -62_135_596_800 * SECOND, 253_402_300_799 * SECOND, 5, 6, 7];
    let rows = doubles.len();
    let block = block(
        "every_type",
        (0..rows as i64).map(|row| row * SECOND + row).collect(),
        vec![
            column(
                "b",
                ColumnValues::Boolean(BooleanArray::from(vec![
                    true, false, true, false, true, true, true, true,
                ])),
            ),
            column("d", ColumnValues::Double(Float64Array::from(doubles.to_vec()))),
            column("l", ColumnValues::Long(numbers.to_vec().into())),
            column("v", ColumnValues::Varchar(StringArray::from(strings.to_vec()))),
            column("s", ColumnValues::Symbol(symbols.into_iter().collect::<DictionaryArray<Int32Type>>())),
            column("t", ColumnValues::Timestamp(timestamps.to_vec().into())),
        ],
    );
    assert_eq!(write(&sink, block).await, Outcome::Committed);
    server.wait_for_rows("every_type", rows as u64, Duration::from_secs(10)).await;
    let found =
        server.sql("select b, d, l, v, s, t::long, timestamp::long from every_type order by timestamp").await;
    for row in 0..rows {
        assert_eq!(found[row][0], json!([true, false, true, false, true, true, true, true][row]));
        let double = found[row][1].as_f64().unwrap();
        assert_eq!(double.to_bits(), doubles[row].to_bits(), "row {row}");
        assert_eq!(found[row][2], json!(numbers[row]));
        assert_eq!(found[row][3], json!(strings[row]));
        assert_eq!(found[row][4], json!(symbols[row]));
        assert_eq!(found[row][5], json!(timestamps[row]));
        assert_eq!(found[row][6], json!(row as i64 * SECOND + row as i64));
    }
}

#[tokio::test]
async fn nulls_arrays_and_what_has_no_null() {
    let server = QuestDbServer::start().await;
    let sink = sink(&server.http_conf()).await;
    let valid = || Some(NullBuffer::from(vec![true, false]));
    let arrays = |dimensions: usize, elements: Vec<f64>, shape: &[u32]| {
        let shapes: Vec<u32> = shape.iter().chain(&vec![0; dimensions]).copied().collect();
        ColumnValues::DoubleArray(DoubleArrays {
            dimensions,
            offsets: OffsetBuffer::from_lengths([elements.len(), 0]),
            elements: ScalarBuffer::from(elements),
            shapes: ScalarBuffer::from(shapes),
            nulls: valid(),
        })
    };
    let block = block(
        "nulls",
        vec![SECOND, 2 * SECOND],
        vec![
            column("always", ColumnValues::Long(vec![1, 2].into())),
            column("b", ColumnValues::Boolean(BooleanArray::from(vec![Some(true), None]))),
            column("d", ColumnValues::Double(Float64Array::from(vec![Some(1.0), None]))),
            column("l", ColumnValues::Long(vec![Some(1), None].into())),
            column("v", ColumnValues::Varchar(StringArray::from(vec![Some("x"), None]))),
            column(
                "s",
                ColumnValues::Symbol([Some("x"), None].into_iter().collect::<DictionaryArray<Int32Type>>()),
            ),
            column("t", ColumnValues::Timestamp(vec![Some(1), None].into())),
            column("a1", arrays(1, vec![1.5, -2.5, 3.0], &[3])),
            column("a2", arrays(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3])),
            column("a3", arrays(3, vec![1.0, 2.0, 3.0, 4.0], &[2, 1, 2])),
            column("empty", arrays(1, vec![], &[0])),
        ],
    );
    assert_eq!(write(&sink, block).await, Outcome::Committed);
    server.wait_for_rows("nulls", 2, Duration::from_secs(10)).await;
    let found =
        server.sql("select b, d, l, v, s, t::long, a1, a2, a3, empty from nulls order by timestamp").await;
    assert_eq!(found[0][..6], [json!(true), json!(1.0), json!(1), json!("x"), json!("x"), json!(1)]);
    assert_eq!(found[0][6], json!([1.5, -2.5, 3.0]));
    assert_eq!(found[0][7], json!([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    assert_eq!(found[0][8], json!([[[1.0, 2.0]], [[3.0, 4.0]]]));
    assert_eq!(found[0][9], json!([]));
    assert_eq!(found[1][0], json!(false));
    assert!(found[1][1..].iter().all(Value::is_null), "{:?}", found[1]);
}

/// Version 1 of the protocol, by text, is as exact.
#[tokio::test]
async fn version_1_writes_the_same_doubles() {
    let server = QuestDbServer::start().await;
    let sink = sink(&format!("{}protocol_version=1;", server.http_conf())).await;
    let doubles =
        vec![1.5, f64::MAX, f64::MIN_POSITIVE, 0.1 + 0.2, 5e-324, 1e22, -1e-7, 123_456_789.123_456_78];
    let timestamps = (0..doubles.len() as i64).map(|row| SECOND + row).collect();
    let columns = vec![column("d", ColumnValues::Double(Float64Array::from(doubles.clone())))];
    assert_eq!(write(&sink, block("version_1", timestamps, columns)).await, Outcome::Committed);
    server.wait_for_rows("version_1", doubles.len() as u64, Duration::from_secs(10)).await;
    let found = server.sql("select d, timestamp::long from version_1 order by timestamp").await;
    for (row, double) in doubles.iter().enumerate() {
        assert_eq!(found[row][0].as_f64().unwrap().to_bits(), double.to_bits(), "{double:?}");
        assert_eq!(found[row][1], json!(SECOND + row as i64));
    }
}

#[tokio::test]
async fn timestamps_that_questdb_does_not_take_are_rejected() {
    let server = QuestDbServer::start().await;
    let sink = sink(&server.http_conf()).await;
    // The last one makes 9.3.4 answer 500 with the line; it is the row's fault all the same.
    for (wrong, why) in
        [(-1, "before 1970-01-01"), (i64::MAX, "overflow"), (253_402_300_800 * SECOND, "9999-12-31")]
    {
        let columns = vec![column("v", ColumnValues::Long(vec![1, 2].into()))];
        match write(&sink, block("out_of_range", vec![1, wrong], columns)).await {
            Outcome::Rejected(errors) => {
                assert_eq!(errors[0].record, 1);
                assert!(errors[0].message.contains(why), "{}", errors[0].message);
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    // A field that is a TIMESTAMP knows no such limit.
    let field = vec![column("t", ColumnValues::Timestamp(vec![-1].into()))];
    assert_eq!(write(&sink, block("early_field", vec![0], field)).await, Outcome::Committed);
}

#[tokio::test]
async fn a_rejected_row_among_many_blocks() {
    let server = QuestDbServer::start().await;
    let options = SinkOptions { lanes: 1, ..SinkOptions::default() };
    let (sink, metrics) = sink_with(&server.http_conf(), options).await;
    assert_eq!(write(&sink, longs("neighbours", &[1])).await, Outcome::Committed);
    let mut tickets = Vec::new();
    for number in 0..200_i64 {
        let block = if number % 50 == 20 {
            // A LONG column takes no text; the second record is to blame because the first has a number.
            let values = StringArray::from(vec!["text", "text"]);
            let mut block = block(
                "neighbours",
                vec![SECOND, SECOND],
                vec![
                    column("w", ColumnValues::Long(vec![Some(1), None].into())),
                    column("v", ColumnValues::Varchar(values)),
                ],
            );
            block.columns[1].values = ColumnValues::Varchar(StringArray::from(vec![None, Some("text")]));
            block
        } else {
            longs("neighbours", &[number, number + 1000])
        };
        tickets.push((number, submit(&sink, block, (number % 7) as i32, Duration::from_secs(20)).await));
    }
    for (number, ticket) in tickets {
        match ticket.outcome().await {
            Outcome::Committed => assert_ne!(number % 50, 20),
            Outcome::Rejected(errors) => {
                assert_eq!(number % 50, 20);
                assert_eq!((errors[0].record, errors[0].column.as_deref()), (1, Some("v")));
                assert!(errors[0].message.contains("is LONG"), "{}", errors[0].message);
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    server.wait_for_rows("neighbours", 1 + 196 * 2, Duration::from_secs(10)).await;
    let rejected = metrics.requests.get_or_create(&AnswerLabel { answer: AnswerKind::rejected }).get();
    let committed = metrics.requests.get_or_create(&AnswerLabel { answer: AnswerKind::committed }).get();
    assert_eq!(rejected, 4);
    assert!(committed < 60, "{committed}");
}

/// Lanes share tables: what several of them create at the same time is created once, and no row is lost over it.
#[tokio::test]
async fn lanes_that_create_the_same_table_and_columns_at_once() {
    let server = QuestDbServer::start().await;
    let options = SinkOptions { lanes: 4, ..SinkOptions::default() };
    let (sink, _) = sink_with(&server.http_conf(), options).await;
    for round in 0..5 {
        let table = format!("together_{round}");
        for wave in 0..4 {
            let mut tickets = Vec::new();
            for partition in 0..16 {
                let mut block = longs(&table, &[partition.into()]);
                for number in 0..5 {
                    let name = format!("wave_{wave}_{number}");
                    block.columns.push(column(&name, ColumnValues::Long(vec![i64::from(partition)].into())));
                }
                tickets.push(submit(&sink, block, partition, Duration::from_secs(20)).await);
            }
            for ticket in tickets {
                assert_eq!(ticket.outcome().await, Outcome::Committed);
            }
        }
        server.wait_for_rows(&table, 64, Duration::from_secs(10)).await;
        let sums = format!("select sum(wave_0_0), sum(wave_1_1), sum(wave_2_2), sum(wave_3_4) from {table}");
        let sums = server.sql(&sums).await;
        assert_eq!(sums[0], [json!(120), json!(120), json!(120), json!(120)]);
    }
}

#[tokio::test]
async fn a_table_that_needs_escaping_and_its_schema() {
    let server = QuestDbServer::start().await;
    let questdb = QuestDb::from_conf(&server.http_conf()).unwrap();
    let schemas = Schemas::new(questdb.clone());
    let name = TableName::new("odd name=1");
    assert!(schemas.table(&name).await.unwrap().columns.is_empty());
    assert!(schemas.table(&TableName::new("it's')); drop table x; --")).await.unwrap().columns.is_empty());
    let sink = sink(&server.http_conf()).await;
    assert_eq!(write(&sink, longs("odd name=1", &[1])).await, Outcome::Committed);
    schemas.invalidate(&name).await;
    let schema = schemas.table(&name).await.unwrap();
    assert_eq!(schema.designated.as_deref(), Some("timestamp"));
    assert_eq!(&*schema.columns["v"].type_name, "LONG");
    let settings = questdb.settings().await.unwrap();
    assert!(settings.version.is_some() && settings.ilp_versions.contains(&2));
    assert!(matches!(questdb.sql("selec").await, Err(QuestDbError::Sql { .. })));
}

/// A port where nobody listens until the returned listener is bound again.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn refused_until_the_deadline_is_unavailable() {
    let sink = sink(&format!("http::addr=127.0.0.1:{};", free_port().await)).await;
    let begun = Instant::now();
    let outcome = submit(&sink, longs("t", &[1]), 0, Duration::from_millis(700)).await.outcome().await;
    assert!(matches!(&outcome, Outcome::Unavailable(why) if why.contains("cannot connect")), "{outcome:?}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(700) && took < Duration::from_millis(1200), "{took:?}");
}

#[tokio::test]
async fn a_restart_of_questdb_is_invisible_to_who_can_wait() {
    let mut server = QuestDbServer::start_own().await;
    let sink = sink(&server.http_conf()).await;
    assert_eq!(write(&sink, longs("restarted", &[1])).await, Outcome::Committed);
    server.kill();
    let mut tickets = Vec::new();
    for number in 2..50 {
        tickets
            .push(submit(&sink, longs("restarted", &[number]), number as i32, Duration::from_secs(60)).await);
    }
    server.restart().await;
    for ticket in tickets {
        assert_eq!(ticket.outcome().await, Outcome::Committed);
    }
    server.wait_for_rows("restarted", 49, Duration::from_secs(20)).await;
}

#[tokio::test]
async fn after_kill_9_no_committed_row_is_missing() {
    let mut server = QuestDbServer::start_own().await;
    let sink = sink(&server.http_conf()).await;
    let mut committed: Vec<i64> = Vec::new();
    let mut unknown = Vec::new();
    for round in 0..2_i64 {
        let mut tickets = Vec::new();
        let kill_at = Instant::now() + Duration::from_millis(700);
        let mut number = round * 1_000_000;
        while Instant::now() < kill_at {
            let values: Vec<i64> = (number..number + 50).collect();
            let ticket =
                submit(&sink, longs("killed", &values), (number % 16) as i32, Duration::from_secs(60)).await;
            tickets.push((number, ticket));
            number += 50;
            if number % 1000 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        server.kill();
        server.restart().await;
        for (number, ticket) in tickets {
            match ticket.outcome().await {
                Outcome::Committed => committed.push(number),
                Outcome::Unknown(_) => unknown.push(number),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(write(&sink, longs("killed", &[-1])).await, Outcome::Committed);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let blocks =
        server.sql("select v / 50 * 50 block, count() from killed where v >= 0 order by block").await;
    let found: std::collections::HashMap<i64, i64> =
        blocks.iter().map(|row| (row[0].as_i64().unwrap(), row[1].as_i64().unwrap())).collect();
    println!("{} blocks committed, {} unknown, {} found", committed.len(), unknown.len(), found.len());
    for number in &committed {
        assert_eq!(found.get(number), Some(&50), "block {number} was called committed");
    }
    // A block is there once and as a whole, or not at all, also where nobody knew.
    assert!(found.values().all(|&rows| rows == 50));
    assert!(found.keys().all(|number| committed.contains(number) || unknown.contains(number)));
}

/// A server that answers `/settings`, knows no QWP, and leaves requests to `/write` to the test: the connection and the number of
/// writes before it.
async fn peer<F, Fut>(on_write: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(TcpStream, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Option<TcpStream>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let conf = format!("http::addr={};request_timeout=500;", listener.local_addr().unwrap());
    let writes = Arc::new(AtomicUsize::new(0));
    let counter = writes.clone();
    let on_write = Arc::new(on_write);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (counter, on_write) = (counter.clone(), on_write.clone());
            tokio::spawn(async move {
                while let Some(path) = read_request(&mut socket).await {
                    if path == "/settings" {
                        let body = r#"{"config":{"line.proto.support.versions":[1,2]}}"#;
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
                        continue;
                    }
                    if path != "/write" {
                        socket
                            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                            .await
                            .unwrap();
                        continue;
                    }
                    match on_write(socket, counter.fetch_add(1, Ordering::SeqCst)).await {
                        Some(kept) => socket = kept,
                        None => return,
                    }
                }
            });
        }
    });
    (conf, writes)
}

/// Reads one request with its body; its path.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = socket.read(&mut part).await.ok().filter(|&count| count > 0)?;
        request.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        if request.len() >= head.len() + 4 + length {
            return head.split(' ').nth(1).map(str::to_owned);
        }
    }
}

const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn taken_and_never_answered_is_unknown_and_not_sent_again() {
    let (conf, writes) = peer(|socket, _| async move {
        drop(socket);
        None
    })
    .await;
    let sink = sink(&conf).await;
    let outcome = write(&sink, longs("t", &[1])).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(writes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_answer_in_time_is_unknown() {
    let (conf, writes) = peer(|socket, _| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(socket);
        None
    })
    .await;
    let sink = sink(&conf).await;
    let outcome = write(&sink, longs("t", &[1])).await;
    assert!(matches!(&outcome, Outcome::Unknown(why) if why.contains("within 500 ms")), "{outcome:?}");
    assert_eq!(writes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_between_requests_is_opened_again() {
    let (conf, writes) = peer(|mut socket, _| async move {
        socket.write_all(NO_CONTENT).await.unwrap();
        None
    })
    .await;
    let sink = sink(&conf).await;
    for number in 1..=5 {
        assert_eq!(write(&sink, longs("t", &[number])).await, Outcome::Committed);
        // The FIN has to arrive before the next request, or that one has truly been sent into the void.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(writes.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_peer_that_closes_before_it_is_asked_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let conf = format!("http::addr={};protocol_version=2;", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = accepted.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            if counter.fetch_add(1, Ordering::SeqCst) >= 2 {
                while read_request(&mut socket).await.is_some() {
                    socket.write_all(NO_CONTENT).await.unwrap();
                }
            }
        }
    });
    // Whether the close is seen before the request is written is a race; both are right, a second write is not.
    let options = SinkOptions { transport: Transport::Http, ..SinkOptions::default() };
    let (sink, _) = sink_with(&conf, options).await;
    let mut outcomes = Vec::new();
    for number in 1..=6 {
        outcomes.push(write(&sink, longs("t", &[number])).await);
    }
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::Committed | Outcome::Unknown(_))),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.last(), Some(&Outcome::Committed));
}

#[tokio::test]
async fn a_server_that_says_no_is_unavailable_at_once() {
    for (status, word) in
        [("401 Unauthorized", "credentials"), ("404 Not Found", "line protocol"), ("503 Busy", "503")]
    {
        let (conf, _) = peer(move |mut socket, _| async move {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
            Some(socket)
        })
        .await;
        let sink = sink(&conf).await;
        let outcome = write(&sink, longs("t", &[1])).await;
        assert!(matches!(&outcome, Outcome::Unavailable(why) if why.contains(word)), "{outcome:?}");
    }
}

#[tokio::test]
async fn closing_writes_what_waits_and_then_takes_no_more() {
    let server = QuestDbServer::start().await;
    let sink = sink(&server.http_conf()).await;
    let mut tickets = Vec::new();
    for number in 0..100 {
        tickets.push(submit(&sink, longs("closed", &[number]), 0, Duration::from_secs(20)).await);
    }
    sink.close(Instant::now() + Duration::from_secs(20)).await;
    for ticket in tickets {
        assert_eq!(ticket.outcome().await, Outcome::Committed);
    }
    assert!(matches!(write(&sink, longs("closed", &[1])).await, Outcome::Unavailable(_)));
}

#[tokio::test]
async fn closing_does_not_wait_for_ever() {
    let sink = sink(&format!("http::addr=127.0.0.1:{};", free_port().await)).await;
    let ticket = submit(&sink, longs("t", &[1]), 0, Duration::from_secs(60)).await;
    sink.close(Instant::now() + Duration::from_millis(100)).await;
    assert!(matches!(ticket.outcome().await, Outcome::Unavailable(_)));
}

#[tokio::test]
async fn nobody_there_is_an_error_that_says_so() {
    let questdb = QuestDb::from_conf(&format!("http::addr=127.0.0.1:{};", free_port().await)).unwrap();
    let error = questdb.ping().await.unwrap_err();
    assert!(
        matches!(&error, QuestDbError::Http(HttpError::NotSent(why)) if why.contains("cannot connect")),
        "{error}"
    );
}

#[tokio::test]
async fn a_text_for_a_number_is_explained() {
    let server = QuestDbServer::start().await;
    let sink = sink(&server.http_conf()).await;
    assert_eq!(write(&sink, longs("explained", &[1])).await, Outcome::Committed);
    let Outcome::Rejected(errors) = write(&sink, texts("explained", &["a"])).await else {
        panic!("not rejected")
    };
    let expected = "column `v` of table `explained` is LONG, and this record's value is a text: change the value, or \
                    the column";
    assert_eq!(errors[0].message, expected);
}

/// Blocks of 500 rows of six columns, from 32 partitions at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: cargo test --release --test sink -- --ignored --nocapture throughput"]
async fn throughput() {
    const ROWS: i64 = 500;
    let server = QuestDbServer::start().await;
    for lanes in [1, 2, 4] {
        let options = SinkOptions { lanes, ..SinkOptions::default() };
        let (sink, metrics) = sink_with(&server.http_conf(), options).await;
        let symbols: DictionaryArray<Int32Type> =
            (0..ROWS).map(|row| Some(["BTC-USD", "ETH-USD", "SOL-USD"][row as usize % 3])).collect();
        let sides: DictionaryArray<Int32Type> =
            (0..ROWS).map(|row| Some(["buy", "sell"][row as usize % 2])).collect();
        let doubles = |scale: f64| (0..ROWS).map(|row| Some(row as f64 * scale)).collect::<Float64Array>();
        let begun = Instant::now();
        let until = begun + Duration::from_secs(10);
        let writers: Vec<_> = (0..32)
            .map(|partition| {
                let sink = sink.clone();
                let columns = vec![
                    column("symbol", ColumnValues::Symbol(symbols.clone())),
                    column("side", ColumnValues::Symbol(sides.clone())),
                    column("price", ColumnValues::Double(doubles(1.01))),
                    column("amount", ColumnValues::Double(doubles(0.000_1))),
                    column("id", ColumnValues::Long((0..ROWS).collect::<Vec<_>>().into())),
                ];
                tokio::spawn(async move {
                    let mut rows = 0;
                    let mut latencies = Vec::new();
                    while Instant::now() < until {
                        let first = 1_700_000_000 * SECOND + rows * 10;
                        let timestamps = (0..ROWS).map(|row| first + row * 10).collect();
                        let block = block(&format!("load_{lanes}"), timestamps, columns.clone());
                        let sent = Instant::now();
                        let ticket = submit(&sink, block, partition, Duration::from_secs(20)).await;
                        assert_eq!(ticket.outcome().await, Outcome::Committed);
                        latencies.push(sent.elapsed());
                        rows += ROWS;
                    }
                    (rows, latencies)
                })
            })
            .collect();
        let (mut rows, mut latencies) = (0, Vec::new());
        for writer in writers {
            let (wrote, took) = writer.await.unwrap();
            rows += wrote;
            latencies.extend(took);
        }
        latencies.sort();
        let requests = metrics.requests.get_or_create(&AnswerLabel { answer: AnswerKind::committed }).get();
        println!(
            "{lanes} lanes: {:.0} rows/s committed, {} rows a request, p50 {:?}, p99 {:?}",
            rows as f64 / begun.elapsed().as_secs_f64(),
            rows as u64 / requests,
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100],
        );
    }
}
