//! DescribeConfigs, versions 0 to 4.
//!
//! 1 (KIP-226): synonyms. 3 (KIP-569): documentation. 4 (KIP-482): flexible.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeConfigsRequest<'a> {
    /// In the order of the request.
    pub resources: Vec<ConfigResource<'a>>,
    /// Tell where else the values could come from? Since version 1.
    pub include_synonyms: bool,
    /// Tell what the settings mean? Since version 3.
    pub include_documentation: bool,
}

/// Whose settings are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigResource<'a> {
    /// 2: topic, 4: broker, 8: broker logger; others exist.
    pub resource_type: i8,
    /// A topic's name or a broker's id.
    pub resource_name: &'a str,
    /// Which settings; `None`: all.
    pub configuration_keys: Option<Vec<&'a str>>,
}

impl<'a> DescribeConfigsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DescribeConfigs, reader, version)?;
        let resources = reader.array(flexible, 4, |reader| {
            let resource_type = reader.i8()?;
            let resource_name = reader.string(flexible)?;
            let configuration_keys = reader.nullable_array(flexible, 1, |reader| reader.string(flexible))?;
            reader.skip_tagged_fields(flexible)?;
            Ok(ConfigResource { resource_type, resource_name, configuration_keys })
        })?;
        let include_synonyms = if version >= 1 { reader.bool()? } else { false };
        let include_documentation = if version >= 3 { reader.bool()? } else { false };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { resources, include_synonyms, include_documentation })
    }
}
