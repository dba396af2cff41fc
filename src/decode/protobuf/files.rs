//! From a schema's files to descriptors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, FileDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use protox::{Compiler, Error};

use super::{Import, ProtobufSchemaError};

/// What a registry's schema is called, which has no name of its own.
const REGISTERED: &str = "schema.proto";

/// The files that Confluent's serializers take for granted beside those of `google/protobuf`, so that schemas import
/// them without a reference.
const GRANTED: [(&str, &str); 15] = [
    ("confluent/meta.proto", include_str!("granted/confluent_meta.proto")),
    ("confluent/type/decimal.proto", include_str!("granted/confluent_decimal.proto")),
    ("google/type/calendar_period.proto", include_str!("granted/calendar_period.proto")),
    ("google/type/color.proto", include_str!("granted/color.proto")),
    ("google/type/date.proto", include_str!("granted/date.proto")),
    ("google/type/datetime.proto", include_str!("granted/datetime.proto")),
    ("google/type/dayofweek.proto", include_str!("granted/dayofweek.proto")),
    ("google/type/expr.proto", include_str!("granted/expr.proto")),
    ("google/type/fraction.proto", include_str!("granted/fraction.proto")),
    ("google/type/latlng.proto", include_str!("granted/latlng.proto")),
    ("google/type/money.proto", include_str!("granted/money.proto")),
    ("google/type/month.proto", include_str!("granted/month.proto")),
    ("google/type/postal_address.proto", include_str!("granted/postal_address.proto")),
    ("google/type/quaternion.proto", include_str!("granted/quaternion.proto")),
    ("google/type/timeofday.proto", include_str!("granted/timeofday.proto")),
];

/// Files that are given as texts.
struct Given(HashMap<String, String>);

struct Granted;

impl FileResolver for Given {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        match self.0.get(name) {
            Some(text) => file(name, text),
            None => Err(Error::file_not_found(name)),
        }
    }
}

impl FileResolver for Granted {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        match GRANTED.iter().find(|(granted, _)| *granted == name) {
            Some((_, text)) => File::from_source(name, text),
            None => Err(Error::file_not_found(name)),
        }
    }
}

/// The file of a registry's schema.
pub(super) fn registered(text: &str, imports: &[Import]) -> Result<FileDescriptor, ProtobufSchemaError> {
    let mut given: HashMap<_, _> =
        imports.iter().map(|import| (import.name.clone(), import.text.clone())).collect();
    // Nothing is imported under the name of what imports it.
    let mut name = REGISTERED.to_owned();
    while given.contains_key(&name) {
        name.insert(0, '_');
    }
    given.insert(name.clone(), text.to_owned());
    let mut resolver = ChainFileResolver::new();
    // Google's first: what its messages stand for must not depend on somebody's copy.
    resolver.add(GoogleFileResolver::new());
    resolver.add(Given(given));
    resolver.add(Granted);
    compiled(resolver, Path::new(&name), &name)
}

/// The file at a path, or that of a set of descriptors which has the message.
pub(super) fn local(
    path: &Path,
    include: Option<&Path>,
    message: Option<&str>,
) -> Result<FileDescriptor, ProtobufSchemaError> {
    // Told by the system, rather than that no folder has it.
    path.metadata().map_err(|error| ProtobufSchemaError(error.to_string()))?;
    let is_text = path.extension().is_some_and(|extension| extension == "proto");
    if !is_text {
        return of_descriptors(path, message);
    }
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut resolver = ChainFileResolver::new();
    let folders: Vec<PathBuf> = include.into_iter().chain([beside]).map(Path::to_owned).collect();
    // It is called as other files import it.
    let name = folders.iter().find_map(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
    let name = name.to_string_lossy().into_owned();
    for folder in folders {
        resolver.add(IncludeFileResolver::new(folder));
    }
    resolver.add(GoogleFileResolver::new());
    resolver.add(Granted);
    compiled(resolver, path, &name)
}

fn compiled(
    resolver: ChainFileResolver,
    path: &Path,
    name: &str,
) -> Result<FileDescriptor, ProtobufSchemaError> {
    let mut compiler = Compiler::with_file_resolver(resolver);
    // Its other form has no place.
    compiler.open_file(path).map_err(|error| ProtobufSchemaError(format!("{error:?}")))?;
    let found = compiler.descriptor_pool().get_file_by_name(name);
    found.ok_or_else(|| ProtobufSchemaError(format!("{name} is not among the files that it imports")))
}

/// A file's text, or its descriptor in Base64, which serializers for Python and Go register.
fn file(name: &str, text: &str) -> Result<File, Error> {
    match descriptor(text) {
        Some(mut descriptor) => {
            descriptor.name = Some(name.to_owned());
            Ok(File::from_file_descriptor_proto(descriptor))
        }
        None => File::from_source(name, text),
    }
}

fn descriptor(text: &str) -> Option<FileDescriptorProto> {
    use base64::Engine as _;
    // A text that declares anything has a bracket or a semicolon.
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()?;
    let descriptor = FileDescriptorProto::decode(bytes.as_slice()).ok()?;
    (!descriptor.message_type.is_empty() || !descriptor.enum_type.is_empty()).then_some(descriptor)
}

fn of_descriptors(path: &Path, message: Option<&str>) -> Result<FileDescriptor, ProtobufSchemaError> {
    let wrong = |error: &dyn std::fmt::Display| ProtobufSchemaError(error.to_string());
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    let no_set = |error: &dyn std::fmt::Display| {
        ProtobufSchemaError(format!(
            "it is neither a .proto nor a set of descriptors, as `protoc --include_imports --descriptor_set_out` writes it: \
             {error}"
        ))
    };
    let set = FileDescriptorSet::decode(bytes.as_slice()).map_err(|error| no_set(&error))?;
    let names: Vec<String> = set.file.iter().map(|file| file.name().to_owned()).collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(protox::file::DescriptorSetFileResolver::new(set));
    // For sets without imports.
    resolver.add(GoogleFileResolver::new());
    resolver.add(Granted);
    let mut compiler = Compiler::with_file_resolver(resolver);
    for name in &names {
        compiler.open_file(name).map_err(|error| ProtobufSchemaError(format!("{error:?}")))?;
    }
    let pool: DescriptorPool = compiler.descriptor_pool();
    let found = match message {
        Some(message) => {
            pool.get_message_by_name(message.trim_start_matches('.')).map(|message| message.parent_file())
        }
        // protoc puts the files that were named behind those that they import.
        None => names.last().and_then(|name| pool.get_file_by_name(name)),
    };
    found.ok_or_else(|| match message {
        Some(message) => ProtobufSchemaError(format!("it has no message {message}")),
        None => ProtobufSchemaError("it has no file".to_owned()),
    })
}
