use std::sync::Arc;

/// A record that could not become a row, whole, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The topic that it was sent to.
    pub topic: Arc<str>,
    /// The partition that it was sent to.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Its timestamp, in milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
    /// When it arrived, in the same unit.
    pub arrival_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The column that is to blame, where one is.
    pub column: Option<Arc<str>>,
    /// What happened.
    pub error: String,
}

impl DeadLetter {
    /// The bytes that it holds on to.
    pub fn memory_bytes(&self) -> usize {
        let of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + of(value) + 64).sum();
        size_of::<Self>() + of(&self.key) + of(&self.value) + headers + self.error.len()
    }
}
