//! Every bound of this crate in one place. Limits that an operator may want to change are arguments of the
//! functions that enforce them; their defaults are here.

/// Elements of all arrays of one request together, nested ones included.
///
/// A null topic name takes a byte or two on the wire and some 40 bytes in memory. This budget keeps the product small
/// (a few MB for the largest request) however the arrays are nested, and is far above what clients ask for.
pub const MAX_ELEMENTS: usize = 100_000;

/// Elements for which an array reserves room before the first one was decoded.
///
/// Beyond it, a vector grows as elements really arrive.
pub const MAX_PREALLOCATED_ELEMENTS: usize = 16;

/// Default for the largest record batch, in bytes, its header included: `message.max.bytes` of Apache Kafka.
pub const MAX_BATCH_BYTES: usize = 1_048_588;

/// Default for the largest request, in bytes, without the length prefix: `socket.request.max.bytes` of Apache Kafka.
pub const MAX_REQUEST_BYTES: usize = 100 * 1024 * 1024;

/// The least that a request has: API key, API version and correlation id.
pub const MIN_REQUEST_BYTES: usize = 8;

/// First size of a decompression buffer, in bytes.
pub const INITIAL_BUFFER_BYTES: usize = 64 * 1024;

/// Size to which an oversized decompression buffer returns, in bytes.
pub const RETAINED_BUFFER_BYTES: usize = 1024 * 1024;

/// Consecutive small batches after which an oversized decompression buffer is given back.
///
/// More than one, so that a producer of steadily large batches does not pay for a new buffer each time.
pub const SMALL_USES_BEFORE_SHRINKING: u32 = 16;
