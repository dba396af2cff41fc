//! HTTP/1.1 as a client: connections that are kept alive, over TLS or not.

mod connection;
mod dial;
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::HostPort;

pub use connection::{HttpAnswer, HttpConnection, HttpError, Target};
pub use dial::{Dial, Dialling, Incoming, Line, Stream, Tcp};

/// Where and how to connect.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// What the server is called in messages, such as `QuestDB`.
    pub name: &'static str,
    /// Where it is.
    pub addr: HostPort,
    /// How TLS is spoken, where it is.
    pub tls: Option<Tls>,
    /// How the gateway shows who it is.
    pub credentials: Option<Credentials>,
    /// How long a request may take, besides what its size adds.
    pub request_timeout: Duration,
    /// What its size adds: a request may take its bytes divided by this many bytes a second longer.
    pub request_min_throughput: u64,
    /// How long connecting may take, the TLS handshake included.
    pub connect_timeout: Duration,
}

/// How TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether the server's certificate is checked at all.
    pub verify: bool,
    /// Whose certificates are trusted.
    pub roots: TrustedRoots,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedRoots {
    /// Mozilla's roots, compiled in. The default, as in QuestDB's Rust client: it needs no files.
    Webpki,
    /// The operating system's roots.
    Os,
    /// Both of them.
    WebpkiAndOs,
    /// A PEM file.
    PemFile(PathBuf),
}

/// How the gateway shows who it is. Its `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// HTTP Basic.
    Basic {
        /// The user.
        username: String,
        /// The user's secret.
        password: String,
    },
    /// HTTP Bearer.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => write!(f, "Basic {{ username: {username:?}, .. }}"),
            Self::Token(_) => f.write_str("Token(..)"),
        }
    }
}

/// A text as a part of a URL. RFC 3986: everything but the unreserved characters is escaped.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(byte.into());
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_escaped() {
        assert_eq!(percent_encode("a b'+é&"), "a%20b%27%2B%C3%A9%26");
    }
}
