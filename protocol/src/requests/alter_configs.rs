//! AlterConfigs, versions 0 to 2. 2 (KIP-482): flexible.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Replaces all settings of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterConfigsRequest<'a> {
    /// In the order of the request.
    pub resources: Vec<AlteredResource<'a>>,
    /// Checks only, changes nothing.
    pub validate_only: bool,
}

/// Whose settings are changed; also in IncrementalAlterConfigs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredResource<'a> {
    /// 2: topic, 4: broker; others exist.
    pub resource_type: i8,
    /// A topic's name or a broker's id.
    pub resource_name: &'a str,
    /// In the order of the request.
    pub configs: Vec<AlteredConfig<'a>>,
}

/// A setting that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredConfig<'a> {
    /// Such as `retention.ms`.
    pub name: &'a str,
    /// 0: set, 1: delete, 2: append, 3: subtract. AlterConfigs only sets.
    pub operation: i8,
    /// `None`: the default.
    pub value: Option<&'a str>,
}

impl<'a> AlterConfigsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::AlterConfigs, reader, version)?;
        Self::decode_fields(reader, flexible, false)
    }

    /// `with_operations` in IncrementalAlterConfigs.
    pub(super) fn decode_fields(
        reader: &mut Reader<'a>,
        flexible: bool,
        with_operations: bool,
    ) -> Result<Self, DecodeError> {
        let resources = reader.array(flexible, 3, |reader| {
            let resource_type = reader.i8()?;
            let resource_name = reader.string(flexible)?;
            let configs = reader.array(flexible, 2, |reader| {
                let name = reader.string(flexible)?;
                let operation = if with_operations { reader.i8()? } else { 0 };
                let value = reader.nullable_string(flexible)?;
                reader.skip_tagged_fields(flexible)?;
                Ok(AlteredConfig { name, operation, value })
            })?;
            reader.skip_tagged_fields(flexible)?;
            Ok(AlteredResource { resource_type, resource_name, configs })
        })?;
        let validate_only = reader.bool()?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { resources, validate_only })
    }
}
