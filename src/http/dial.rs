use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::config::HostPort;

/// How a server is reached: over TCP, except in tests that have no network.
pub trait Dial: Send + Sync {
    /// Opens a connection.
    fn dial<'a>(&'a self, addr: &'a HostPort) -> Dialling<'a>;
}

/// A connection that is being opened.
pub type Dialling<'a> = Pin<Box<dyn Future<Output = io::Result<Line>> + Send + 'a>>;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection.
pub struct Line {
    /// Its bytes.
    pub stream: Box<dyn Stream>,
    /// What has come, as it is known at this moment; looked at, not read.
    pub incoming: Box<dyn Fn() -> Incoming + Send>,
}

/// What has come over a connection and is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Nothing.
    Nothing,
    /// Bytes.
    Bytes,
    /// The end, in whatever way.
    End,
}

/// TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Dial for Tcp {
    fn dial<'a>(&'a self, addr: &'a HostPort) -> Dialling<'a> {
        Box::pin(async move {
            let stream = TcpStream::connect((addr.host.as_str(), addr.port)).await?;
            stream.set_nodelay(true)?;
            // A duplicate shares the original's state, so it does not block either.
            let stream = stream.into_std()?;
            let socket = stream.try_clone()?;
            let incoming = move || match socket.peek(&mut [0]) {
                Ok(0) => Incoming::End,
                Ok(_) => Incoming::Bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Incoming::Nothing,
                Err(_) => Incoming::End,
            };
            Ok(Line { stream: Box::new(TcpStream::from_std(stream)?), incoming: Box::new(incoming) })
        })
    }
}
