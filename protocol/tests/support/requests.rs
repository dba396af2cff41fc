//! Requests as the `kafka-protocol` crate encodes them, decoded and compared.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::{Encodable, HeaderVersion, Message, StrBytes};
use proptest::prelude::*;
use quafka_protocol::{ApiKey, DecodeErrorKind, Reader, Request, RequestHeader};

/// A whole request without its length prefix, as another client encodes it.
pub fn encode<R: Encodable + HeaderVersion>(api: ApiKey, version: i16, request: &R) -> Vec<u8> {
    let mut out = BytesMut::new();
    let header = theirs::RequestHeader::default()
        .with_request_api_key(api.code())
        .with_request_api_version(version)
        .with_correlation_id(0x0102_0304)
        .with_client_id(Some(text("oracle")))
        .with_unknown_tagged_fields(tags(R::header_version(version) == 2));
    header.encode(&mut out, R::header_version(version)).unwrap();
    request.encode(&mut out, version).unwrap();
    out.to_vec()
}

/// Those of our versions that the other crate has not dropped.
pub fn encodable<R: Message>(api: ApiKey) -> impl Iterator<Item = i16> {
    api.versions().filter(|version| *version >= R::VERSIONS.min)
}

/// Tagged fields that nobody knows: to be skipped wherever they may stand.
pub fn tags(flexible: bool) -> std::collections::BTreeMap<i32, Bytes> {
    if !flexible {
        return Default::default();
    }
    [(100, Bytes::from_static(b"\0\x01\x02")), (2000, Bytes::new())].into()
}

/// Decodes header and body, and checks the header.
pub fn decode(api: ApiKey, version: i16, bytes: &[u8]) -> Request<'_> {
    let mut reader = Reader::new(bytes);
    let header = RequestHeader::decode(&mut reader).unwrap();
    let expected = RequestHeader {
        api_key: api.code(),
        api_version: version,
        correlation_id: 0x0102_0304,
        client_id: Some("oracle"),
    };
    assert_eq!(header, expected);
    Request::decode(api, &mut reader, version).unwrap_or_else(|error| panic!("{api} {version}: {error}"))
}

pub fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

pub fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{0,12}", "\\PC{0,6}", Just("x".repeat(300))]
}

pub fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A request as they have it for a version, and a copy of the values to compare with.
#[macro_export]
macro_rules! round_trip {
    ($api:expr, $version:expr, $theirs:expr, $ours:expr) => {{
        let bytes = $crate::support::requests::encode($api, $version, &$theirs);
        prop_assert_eq!(
            $crate::support::requests::decode($api, $version, &bytes),
            $ours,
            "{} {}",
            $api,
            $version
        );
        $crate::support::requests::every_cut_fails($api, $version, &bytes);
    }};
}

/// A valid request that is cut anywhere is an error: nothing is left out silently.
pub fn every_cut_fails(api: ApiKey, version: i16, bytes: &[u8]) {
    for end in 0..bytes.len() {
        let mut reader = Reader::new(&bytes[..end]);
        let outcome =
            RequestHeader::decode(&mut reader).and_then(|_| Request::decode(api, &mut reader, version));
        assert!(outcome.is_err(), "{api} {version} cut at {end} of {}", bytes.len());
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    let mut reader = Reader::new(&longer);
    RequestHeader::decode(&mut reader).unwrap();
    let error = Request::decode(api, &mut reader, version).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TrailingBytes { count: 1 }, "{api} {version}");
    assert_eq!(error.offset, bytes.len());
}
