//! DescribeLogDirs (KIP-113), versions 1 to 4.
//!
//! 2 (KIP-482): flexible. 3 (KIP-784): an error for the whole. 4 (KIP-827): the volume's size. 0 was removed (KIP-896).

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for the sizes of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeLogDirsRequest<'a> {
    /// In the order of the request; `None`: all that there are.
    pub topics: Option<Vec<LogDirsTopic<'a>>>,
}

/// A topic of a DescribeLogDirs request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDirsTopic<'a> {
    /// The topic.
    pub name: &'a str,
    /// The partitions.
    pub partitions: Vec<i32>,
}

impl<'a> DescribeLogDirsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DescribeLogDirs, reader, version)?;
        let topics = reader.nullable_array(flexible, 3, |reader| {
            let name = reader.string(flexible)?;
            let partitions = reader.array(flexible, 4, Reader::i32)?;
            reader.skip_tagged_fields(flexible)?;
            Ok(LogDirsTopic { name, partitions })
        })?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { topics })
    }
}
