use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// `HOST:PORT`, an IPv6 host in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostPort {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// Port 0 lets the system choose a free one.
    pub port: u16,
}

impl HostPort {
    /// Whether it stands for all of this machine's addresses. One can listen on that, but not connect to it.
    pub fn is_wildcard(&self) -> bool {
        self.host.parse().is_ok_and(|address: IpAddr| address.is_unspecified())
    }
}

impl TryFrom<String> for HostPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not HOST:PORT, such as 127.0.0.1:9092");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6,
            None if host.contains(':') => {
                return Err(format!("`{text}`: an IPv6 host goes in brackets, such as [::1]:9092"));
            }
            None => host,
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in ["127.0.0.1:9092", "gateway.example.com:1", "[::1]:9092", "0.0.0.0:0"] {
            assert_eq!(text.parse::<HostPort>().map(|address| address.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "9092", ":9092", "host", "host:", "host:65536", "host:-1", "::1:9092", "http://h:1", "a b:1"]
        {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
    }

    #[test]
    fn wildcards_are_known_in_both_families() {
        let wildcard = |text: &str| text.parse::<HostPort>().unwrap().is_wildcard();
        assert!(wildcard("0.0.0.0:1") && wildcard("[::]:1") && wildcard("[0:0::0]:1"));
        assert!(!wildcard("127.0.0.1:1") && !wildcard("localhost:1"));
    }
}
