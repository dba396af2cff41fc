//! A QuestDB and a gateway of one's own, and streams of rows into them by either way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::records::{Kind, Source};
use crate::results::Measured;
use crate::send::send;
use crate::support::{Gateway, QuestDbServer};
use crate::usage::{Usage, forget_peak};
use crate::{Load, Outcome, direct};

use quafka::demo::questdb_server::Options;

/// How long all rows of a stream may take to become visible.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Both servers, started anew for each part, so that none measures what another has left behind.
pub struct Stage {
    pub questdb: QuestDbServer,
    pub gateway: Gateway,
    pub load: Load,
}

/// A stream of rows.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The table's name, and the beginning of all tables' names where there are several.
    pub name: String,
    pub kind: Kind,
    pub rows: usize,
    /// Records in a batch, or rows in a request of the direct client.
    pub batch: usize,
    /// Batches go to them in turn.
    pub tables: usize,
    /// Kafka connections. The direct client has as many as the gateway has lanes.
    pub connections: usize,
}

impl Stream {
    fn table(&self, batch: usize) -> String {
        match self.tables {
            1 => self.name.clone(),
            tables => format!("{}_{}", self.name, batch % tables),
        }
    }

    /// The rows of each batch, in order: what is left over is the last one's.
    fn batches(&self) -> impl Iterator<Item = (usize, usize)> {
        let (rows, batch) = (self.rows, self.batch);
        (0..rows.div_ceil(batch)).map(move |number| (number, batch.min(rows - number * batch)))
    }

    /// Each table and how many rows it will have.
    fn expected(&self) -> Vec<(String, u64)> {
        let mut expected = vec![0; self.tables];
        for (number, rows) in self.batches() {
            expected[number % self.tables] += rows as u64;
        }
        let named = expected.into_iter().enumerate().map(|(table, rows)| (self.table(table), rows));
        named.filter(|(_, rows)| *rows > 0).collect()
    }

    /// All batches, in order.
    fn encode<T>(&self, mut encode: impl FnMut(&str, usize) -> Outcome<T>) -> Outcome<VecDeque<T>> {
        self.batches().map(|(number, rows)| encode(&self.table(number), rows)).collect()
    }
}

impl Stage {
    pub async fn start(load: &Load, on_error: &str) -> Self {
        let options = Options { heap: load.heap.clone(), ..Options::default() };
        let questdb = QuestDbServer::start_own_with(options).await;
        let gateway = Gateway::start(&gateway_config(load, on_error), &questdb).await;
        Self { questdb, gateway, load: load.clone() }
    }

    /// Lets QuestDB's compiler see both ways before anything counts.
    pub async fn warm_up(&self, kind: Kind) -> Outcome<()> {
        let mut stream = self.stream("warm_up", kind, self.load.warm_up());
        self.by_gateway(&stream).await?;
        stream.name = "warm_up_directly".to_owned();
        self.directly(&stream).await?;
        Ok(())
    }

    /// A stream into one table, as the settings have it.
    pub fn stream(&self, name: &str, kind: Kind, rows: usize) -> Stream {
        let (batch, connections) = (self.load.batch, self.load.connections);
        Stream { name: name.to_owned(), kind, rows, batch, tables: 1, connections }
    }

    /// Batches that are encoded beforehand, through the gateway, until a SELECT sees the last row.
    pub async fn by_gateway(&self, stream: &Stream) -> Outcome<Measured> {
        let mut source = Source::new(stream.kind);
        let batches = stream.encode(|table, rows| Ok((table.to_owned(), source.batch(rows)?)))?;
        let bootstrap = self.gateway.bootstrap();
        let sending = send(&bootstrap, batches, stream.connections, self.load.in_flight);
        self.measure(stream, source.json_bytes, sending).await
    }

    /// The same rows, encoded beforehand in QuestDB's own protocol, straight into QuestDB.
    pub async fn directly(&self, stream: &Stream) -> Outcome<Measured> {
        let mut source = Source::new(stream.kind);
        let requests = stream.encode(|table, rows| source.lines(table, rows))?;
        let conf = self.questdb.http_conf();
        self.measure(stream, source.json_bytes, direct::send(&conf, requests, self.load.lanes)).await
    }

    async fn measure(
        &self,
        stream: &Stream,
        json_bytes: usize,
        sending: impl Future<Output = Outcome<hdrhistogram::Histogram<u64>>>,
    ) -> Outcome<Measured> {
        let processes = [
            ("gateway", self.gateway.id()),
            ("questdb", self.questdb.id()),
            ("generator", std::process::id()),
        ];
        let mut before = Vec::new();
        for (_, pid) in processes {
            forget_peak(pid)?;
            before.push(Usage::of(pid)?);
        }
        let start = Instant::now();
        let acks = sending.await?;
        let acked_seconds = start.elapsed().as_secs_f64();
        for (table, rows) in stream.expected() {
            self.questdb.wait_for_rows(&table, rows, PATIENCE).await;
        }
        let visible_seconds = start.elapsed().as_secs_f64();
        let used = processes.into_iter().zip(before);
        let used = used.map(|((name, pid), before)| Ok((name, Usage::of(pid)? - before)));
        Ok(Measured {
            rows: stream.rows,
            json_bytes,
            acked_seconds,
            visible_seconds,
            acks,
            processes: used.collect::<Outcome<_>>()?,
        })
    }
}

/// The configuration of the gateway that is measured.
pub fn gateway_config(load: &Load, on_error: &str) -> String {
    format!(
        "{}[limits]\nconnections_per_address = 10000\n[questdb]\nlanes = {}\nexactly_once = {}\n[topics.\"*\"]\n\
         timestamp = {{ field = \"ts\", unit = \"micros\" }}\nsymbols = [\"symbol\", \"side\"]\npartitions = {}\n\
         on_error = \"{on_error}\"\n",
        if load.exactly_once { "data_dir = \"data\"\n" } else { "" },
        load.lanes,
        load.exactly_once,
        load.connections.max(16),
    )
}
