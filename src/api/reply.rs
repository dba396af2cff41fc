use std::future::Future;
use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ResponseHeader;
use kafka_protocol::protocol::{Encodable, StrBytes};
use quafka_protocol::response_header_version;

use super::{Call, Refusal};

/// What goes back to the client.
#[derive(Debug)]
pub enum Answer {
    /// A response, with its length prefix.
    Send(Bytes),
    /// Nothing: `acks=0` asks for no response.
    Nothing,
    /// The end of the connection, for this reason: all that is left to tell a client that asked for no response.
    Close(String),
}

/// An answer, now or later.
pub enum Reply {
    /// Known already.
    Now(Answer),
    /// To be waited for.
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl Call<'_> {
    /// A response that is known already.
    pub(super) fn reply(&self, response: &impl Encodable) -> Result<Reply, Refusal> {
        Ok(Reply::Now(Answer::Send(self.encode(response)?)))
    }

    /// The response's frame: length, header, body.
    pub(super) fn encode(&self, response: &impl Encodable) -> Result<Bytes, Refusal> {
        self.encode_version(response, self.version)
    }

    /// The response's frame, with a body of another version than the request's.
    pub(super) fn encode_version(&self, response: &impl Encodable, version: i16) -> Result<Bytes, Refusal> {
        let mut frame = begin();
        let header = ResponseHeader::default().with_correlation_id(self.correlation_id);
        header
            .encode(&mut frame, response_header_version(self.api, version))
            .and_then(|()| response.encode(&mut frame, version))
            .map_err(|error| Refusal::Encoding { api: self.api, version, reason: error.to_string() })?;
        Ok(finish(frame))
    }

    /// The response's frame, with a body that is written by hand: for versions so old that `kafka-protocol` has
    /// dropped them.
    pub(super) fn encode_by_hand(&self, body: impl FnOnce(&mut BytesMut)) -> Reply {
        let mut frame = begin();
        frame.put_i32(self.correlation_id);
        body(&mut frame);
        Reply::Now(Answer::Send(finish(frame)))
    }
}

fn begin() -> BytesMut {
    let mut frame = BytesMut::with_capacity(256);
    frame.put_i32(0);
    frame
}

fn finish(mut frame: BytesMut) -> Bytes {
    let length = (frame.len() - 4) as u32;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}

/// A string for a response.
pub(super) fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}
