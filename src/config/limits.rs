use std::time::Duration;

/// What keeps one peer from harming the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The largest request frame, in bytes; Kafka's `socket.request.max.bytes`.
    pub request_bytes: usize,
    /// The largest record batch as sent, in bytes; Kafka's `max.message.bytes`.
    pub batch_bytes: usize,
    /// The largest record batch after decompression, in bytes.
    pub decompressed_bytes: usize,
    /// All that is held between the sockets and QuestDB, in bytes.
    pub memory: usize,
    /// Open Kafka connections.
    pub connections: usize,
    /// Open Kafka connections from one IP address.
    pub connections_per_address: usize,
    /// Topics that may come into being by being produced to.
    pub topics: usize,
    /// How long an incomplete request may make no progress.
    pub stalled_request: Duration,
    /// How long a connection may be silent; Kafka's `connections.max.idle.ms`.
    pub idle_connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 100 << 20,
            batch_bytes: 1_048_588,
            decompressed_bytes: 32 << 20,
            memory: 256 << 20,
            connections: 10_000,
            connections_per_address: 1_000,
            topics: 10_000,
            stalled_request: Duration::from_secs(30),
            idle_connection: Duration::from_secs(600),
        }
    }
}
