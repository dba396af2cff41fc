use std::io;
use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A Kafka client of the plainest kind: any request of any version, encoded by `kafka-protocol`, which also has to be
/// able to decode the whole response.
pub struct Wire {
    stream: TcpStream,
    correlation_id: i32,
}

impl Wire {
    pub async fn connect(address: impl tokio::net::ToSocketAddrs) -> Self {
        Self::try_connect(address).await.unwrap()
    }

    /// As [`Wire::connect`], where nobody may be there.
    pub async fn try_connect(address: impl tokio::net::ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, correlation_id: 0 })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends a request and waits for its response.
    pub async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let id = self.send(request, version).await;
        self.receive::<R>(id, version).await
    }

    /// Sends a request and returns its correlation id.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        self.try_send(request, version).await.unwrap()
    }

    /// As [`Wire::send`], where the other side may be gone.
    pub async fn try_send<R: Request>(&mut self, request: &R, version: i16) -> io::Result<i32> {
        self.correlation_id += 1;
        let frame = frame(request, version, self.correlation_id);
        self.send_bytes(&frame).await?;
        Ok(self.correlation_id)
    }

    /// Waits for the next response, which must be the one to this request, and nothing but it.
    pub async fn receive<R: Request>(&mut self, correlation_id: i32, version: i16) -> R::Response {
        self.try_receive::<R>(correlation_id, version).await.unwrap()
    }

    /// The same from a gateway that may be killed meanwhile.
    pub async fn try_receive<R: Request>(
        &mut self,
        correlation_id: i32,
        version: i16,
    ) -> io::Result<R::Response> {
        let mut body = self.receive_bytes().await?;
        let header = ResponseHeader::decode(&mut body, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, correlation_id, "responses come in the order of the requests");
        let response = R::Response::decode(&mut body, version).unwrap();
        assert!(!body.has_remaining(), "{} bytes behind the response", body.remaining());
        Ok(response)
    }

    /// Sends bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next response's header and body.
    pub async fn receive_bytes(&mut self) -> io::Result<Bytes> {
        let length = self.stream.read_u32().await?;
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).await?;
        Ok(body.into())
    }

    /// Waits until the other side ends the connection; panics where it sends something instead.
    pub async fn closed(&mut self) {
        let mut byte = [0];
        match self.stream.read(&mut byte).await {
            Ok(0) => {}
            Ok(_) => panic!("the other side sent something"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}

/// A request's frame: length, header, body.
pub fn frame<R: Request>(request: &R, version: i16, correlation_id: i32) -> BytesMut {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_static_str("test")));
    let mut frame = BytesMut::new();
    frame.put_u32(0);
    header.encode(&mut frame, R::header_version(version)).unwrap();
    request.encode(&mut frame, version).unwrap();
    let length = (frame.len() - 4) as u32;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}
