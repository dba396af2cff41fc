//! The Kafka wire protocol as a producer's endpoint needs it: sans-IO, borrowed, bounded.
//!
//! Everything in here turns bytes that a peer wrote into values that borrow from those bytes. Three rules
//! hold throughout:
//!
//! - Nothing is allocated by a number that a peer wrote. Array counts are checked against the bytes that
//!   remain and against a budget for the whole request; decompression grows as output is really produced.
//! - Every error carries what was found and the offset at which it was found.
//! - There is no I/O, clock, configuration or logging. Limits come in as arguments, outcomes go out as values.
//!
//! The way of a request: [`frame::body_length`] says how many bytes to read, [`RequestHeader::decode`] says
//! what they are, one of [`requests`] decodes the body. The records of a Produce request go through
//! [`RecordBatch::parse`], [`Decompressor::decompress`] and [`Records`].

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod api_key;
pub mod compression;
pub mod error_code;
pub mod frame;
pub mod header;
pub mod limits;
pub mod reader;
pub mod record_batch;
pub mod records;
pub mod requests;

pub use api_key::ApiKey;
pub use compression::{Compression, DecompressError, Decompressor};
pub use error_code::ErrorCode;
pub use frame::FrameError;
pub use header::{RequestHeader, response_header_version};
pub use reader::{DecodeError, DecodeErrorKind, Reader};
pub use record_batch::{BatchError, BatchHeader, RecordBatch, TimestampType};
pub use records::{Headers, Record, Records};
pub use requests::Request;
