use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use quafka_protocol::Decompressor;

use super::{Connection, Spooling, Unfinished};
use crate::config::{Config, HostPort};
use crate::dead_letters::KafkaLetters;
use crate::memory::MemoryBudget;
use crate::ops::{Cluster, LogLimit, Metrics, PartitionState, TopicState};
use crate::registry::Registry;
use crate::schema::Schemas;
use crate::sink::Sink;
use crate::topics::{Numbers, Topic, Topics};

/// The one node that this gateway says it is.
pub const NODE_ID: i32 = 1;

/// What all connections share.
pub struct Gateway {
    /// The settings.
    pub config: Config,
    /// The address that the listener really has.
    pub listening: HostPort,
    /// The topics.
    pub topics: Topics,
    /// Producer ids and offsets.
    pub numbers: Arc<Numbers>,
    /// What QuestDB's tables look like.
    pub schemas: Schemas,
    /// The schemas that records are written with.
    pub registry: Option<Registry>,
    /// The way to QuestDB.
    pub sink: Sink,
    /// The way to the spool, unless `durability` is `direct`.
    pub spooling: Option<Arc<Spooling>>,
    /// The bytes between the sockets and QuestDB.
    pub memory: MemoryBudget,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The way to the topics that dead letters are sent to.
    pub kafka_letters: KafkaLetters,
    /// Batches of which only a part is done.
    pub unfinished: Unfinished,
    /// Log lines about batches that were not written.
    pub refusals: LogLimit,
    /// Log lines about clients that speak another protocol.
    pub strangers: LogLimit,
    /// Idle decompressors. Decoding does not wait for anything, so there are never more than worker threads.
    pub decompressors: Mutex<Vec<Decompressor>>,
}

impl Gateway {
    /// The cluster id that clients see. It need not be unique: no client talks to two clusters in one session.
    pub const CLUSTER_ID: &'static str = "quafka";

    /// Whether the next life of the gateway asks QuestDB what has become of this one's requests.
    pub(super) fn asks_later(&self) -> bool {
        self.config.questdb.exactly_once && self.config.data_dir.is_some()
    }

    /// The address at which clients are told to connect: `advertise`; else the listener's; where that stands for all
    /// of the machine's addresses, the one at which this client came in.
    pub fn address_for(&self, connection: &Connection) -> HostPort {
        if let Some(advertise) = &self.config.advertise {
            return advertise.clone();
        }
        match self.listening.host.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() => HostPort {
                host: connection.local.ip().to_canonical().to_string(),
                port: connection.local.port(),
            },
            _ => self.listening.clone(),
        }
    }

    /// The node and its topics, for those who ask over HTTP.
    pub fn cluster(&self) -> Cluster {
        let address = self.config.advertise.as_ref().unwrap_or(&self.listening);
        let describe = |topic: &Arc<Topic>| TopicState {
            name: topic.name().clone(),
            partitions: topic.partitions().len(),
            written: (0..)
                .zip(topic.partitions())
                .map(|(index, partition)| {
                    let (records, bytes) = partition.written();
                    PartitionState { index, records, bytes, next_offset: partition.next_offset() }
                })
                .filter(|partition| partition.records > 0)
                .collect(),
        };
        let topics = self.topics.list().iter().map(describe).collect();
        Cluster { node_id: NODE_ID, host: address.host.clone(), port: address.port, topics }
    }

    /// Runs `work` with a decompressor that is idle, or a new one.
    pub fn with_decompressor<T>(&self, work: impl FnOnce(&mut Decompressor) -> T) -> T {
        let idle = self.decompressors.lock().pop();
        let mut decompressor = idle.unwrap_or_default();
        let result = work(&mut decompressor);
        decompressor.shrink();
        self.decompressors.lock().push(decompressor);
        result
    }
}
