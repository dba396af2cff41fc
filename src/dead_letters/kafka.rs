use std::collections::BTreeMap;
use std::sync::Arc;

use rskafka::chrono::DateTime;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::DeadLetter;

/// Letters in one batch: well below the 1 MiB that a broker takes by default.
const BATCH_BYTES: usize = 512 << 10;

/// A topic that letters are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KafkaTarget {
    /// `HOST:PORT` of a broker, several divided by commas.
    pub bootstrap: String,
    /// The topic's name; letters go to its partition 0, in order.
    pub topic: String,
}

/// The connections to the topics that letters are sent to.
#[derive(Debug, Default)]
pub struct KafkaLetters(Mutex<BTreeMap<(String, String), Arc<PartitionClient>>>);

impl KafkaLetters {
    /// Sends letters and waits for the brokers' acknowledgement (acks=all). A letter may be there twice where this
    /// fails and is tried again.
    ///
    /// # Errors
    /// Not all of them are known to be there by the deadline.
    pub async fn send(
        &self,
        target: &KafkaTarget,
        letters: &[DeadLetter],
        deadline: Instant,
    ) -> Result<(), String> {
        let says = |reason: String| {
            format!("dead letters cannot be sent to topic {} at {}: {reason}", target.topic, target.bootstrap)
        };
        match timeout_at(deadline, self.try_send(target, letters)).await {
            Ok(sent) => sent.map_err(says),
            Err(_) => Err(says("no answer in time".to_owned())),
        }
    }

    async fn try_send(&self, target: &KafkaTarget, letters: &[DeadLetter]) -> Result<(), String> {
        let client = self.client(target).await?;
        let mut rest = letters;
        while let Some(first) = rest.first() {
            let mut bytes = first.memory_bytes();
            let more = rest.iter().skip(1).take_while(|letter| {
                bytes += letter.memory_bytes();
                bytes <= BATCH_BYTES
            });
            let (batch, others) = rest.split_at(1 + more.count());
            let records = batch.iter().map(record).collect();
            if let Err(error) = client.produce(records, Compression::NoCompression).await {
                // The next attempt connects anew.
                self.0.lock().await.remove(&(target.bootstrap.clone(), target.topic.clone()));
                return Err(error.to_string());
            }
            rest = others;
        }
        Ok(())
    }

    async fn client(&self, target: &KafkaTarget) -> Result<Arc<PartitionClient>, String> {
        let mut clients = self.0.lock().await;
        let key = (target.bootstrap.clone(), target.topic.clone());
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let brokers = target.bootstrap.split(',').map(|broker| broker.trim().to_owned()).collect();
        let client = ClientBuilder::new(brokers).build().await.map_err(|error| error.to_string())?;
        let partition = client
            .partition_client(&target.topic, 0, UnknownTopicHandling::Retry)
            .await
            .map_err(|error| error.to_string())?;
        Ok(clients.entry(key).or_insert(Arc::new(partition)).clone())
    }
}

/// A letter as a record: the bad record's key, value, headers and timestamp, and in more headers what is known besides,
/// by the names that Kafka Connect gives them (KIP-298). A header that comes twice is there once: the client knows no
/// others.
fn record(letter: &DeadLetter) -> Record {
    let own = letter.headers.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()));
    let mut headers: BTreeMap<String, Vec<u8>> = own.collect();
    let mut add = |name: &str, value: String| {
        headers.insert(format!("__connect.errors.{name}"), value.into_bytes());
    };
    add("topic", letter.topic.to_string());
    add("partition", letter.partition.to_string());
    add("offset", letter.offset.to_string());
    add("exception.message", letter.error.clone());
    Record {
        key: letter.key.clone(),
        value: letter.value.clone(),
        headers,
        timestamp: DateTime::from_timestamp_millis(letter.timestamp_ms).unwrap_or_default(),
    }
}
