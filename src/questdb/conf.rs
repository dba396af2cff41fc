use std::time::Duration;

use crate::config::HostPort;
use crate::http::{Credentials, Endpoint, Tls, TrustedRoots};

/// Keys of QuestDB's own clients that have no meaning here, and why.
const IGNORED: &[(&str, &str)] = &[
    ("auto_flush", "rows are written as soon as a lane is free"),
    ("auto_flush_rows", "rows are written as soon as a lane is free"),
    ("auto_flush_bytes", "rows are written as soon as a lane is free"),
    ("auto_flush_interval", "rows are written as soon as a lane is free"),
    ("retry_timeout", "the producer's own timeout decides how long a write is tried"),
    ("retry_max_backoff_millis", "the producer's own timeout decides how long a write is tried"),
    ("init_buf_size", "buffers grow by themselves"),
    ("max_buf_size", "a request's size is limited by the gateway"),
    ("max_name_len", "QuestDB itself checks names"),
    ("in_flight_window", "a lane decides how much it has in flight"),
    ("max_in_flight", "a lane decides how much it has in flight"),
    ("sender_pool_min", "the number of lanes is a setting of its own"),
    ("sender_pool_max", "the number of lanes is a setting of its own"),
    ("query_pool_min", "the gateway pools its own connections"),
    ("query_pool_max", "the gateway pools its own connections"),
    ("acquire_timeout_ms", "the gateway pools its own connections"),
    ("idle_timeout_ms", "the gateway pools its own connections"),
    ("reconnect_max_duration_millis", "the producer's own timeout decides how long a write is tried"),
    ("reconnect_initial_backoff_millis", "the producer's own timeout decides how long a write is tried"),
    ("reconnect_max_backoff_millis", "the producer's own timeout decides how long a write is tried"),
    ("close_flush_timeout_millis", "shutting down has a deadline of its own"),
];

/// The value given with a QuestDB connection string's scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`: plain text, ILP over HTTP.
    Http,
    /// `https`: TLS, ILP over HTTP.
    Https,
    /// `ws`: plain text, QWP over WebSocket.
    Ws,
    /// `wss`: TLS, QWP over WebSocket.
    Wss,
}

impl Scheme {
    /// Whether the connection is encrypted.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// Whether the user asks for QWP.
    pub fn is_qwp(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// A QuestDB connection string, understood.
///
/// The syntax is that of QuestDB's clients, `http::addr=127.0.0.1:9000;username=admin;password=quest;`, in which a
/// doubled `;` stands for one within a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Conf {
    /// What is spoken.
    pub scheme: Scheme,
    /// Where QuestDB's HTTP server is; the port is 9000 where none is given.
    pub addr: HostPort,
    /// How the gateway shows who it is.
    pub credentials: Option<Credentials>,
    /// `tls_verify`: false for `unsafe_off`.
    pub tls_verify: bool,
    /// `tls_ca` and `tls_roots`.
    pub tls_roots: TrustedRoots,
    /// How long a request may take, besides what its size adds.
    pub request_timeout: Duration,
    /// What its size adds: a request may take its bytes divided by this many bytes a second longer.
    pub request_min_throughput: u64,
    /// How long connecting may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// `protocol_version`, where it is not `auto`: 1, 2 or 3.
    pub protocol_version: Option<u8>,
    /// What the user should know about keys that are accepted without having a meaning here.
    pub warnings: Vec<String>,
}

/// What is wrong with a connection string. It never holds a value, so no secret can leak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("QuestDB connection string, position {position}: {message}")]
pub struct ConfError {
    /// The byte within the string at which the trouble begins.
    pub position: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Conf {
    /// Understands a connection string.
    ///
    /// # Errors
    /// Says which key is wrong, where it is, and what is accepted.
    pub fn parse(text: &str) -> Result<Self, ConfError> {
        let parsed = questdb_confstr::parse_conf_str(text)
            .map_err(|error| ConfError { position: error.position(), message: error.kind().to_string() })?;
        let scheme = match parsed.service() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "ws" => Scheme::Ws,
            "wss" => Scheme::Wss,
            other => {
                let message = format!("the scheme `{other}` is not http, https, ws or wss");
                return Err(ConfError { position: 0, message });
            }
        };
        let mut conf = Self {
            scheme,
            addr: HostPort { host: String::new(), port: 9000 },
            credentials: None,
            tls_verify: true,
            tls_roots: TrustedRoots::Webpki,
            request_timeout: Duration::from_secs(10),
            request_min_throughput: 100 << 10,
            connect_timeout: Duration::from_secs(5),
            protocol_version: None,
            warnings: Vec::new(),
        };
        let mut secrets = Secrets::default();
        let mut params: Vec<_> = parsed.params().iter().collect();
        params.sort_by_key(|(key, _)| position_of(text, key));
        for (key, value) in params {
            conf.set(key, value, &mut secrets)
                .map_err(|message| ConfError { position: position_of(text, key), message })?;
        }
        if conf.addr.host.is_empty() {
            let message = "`addr` is missing, such as addr=127.0.0.1:9000;".to_owned();
            return Err(ConfError { position: text.len(), message });
        }
        conf.credentials = secrets.credentials().map_err(|(key, message)| ConfError {
            position: position_of(text, key),
            message: message.to_owned(),
        })?;
        Ok(conf)
    }

    /// The HTTP server, and how to connect to it.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            name: "QuestDB",
            addr: self.addr.clone(),
            tls: self.scheme.is_tls().then(|| Tls { verify: self.tls_verify, roots: self.tls_roots.clone() }),
            credentials: self.credentials.clone(),
            request_timeout: self.request_timeout,
            request_min_throughput: self.request_min_throughput,
            connect_timeout: self.connect_timeout,
        }
    }

    fn set(&mut self, key: &str, value: &str, secrets: &mut Secrets) -> Result<(), String> {
        match key {
            "addr" => self.addr = parse_addr(value)?,
            "username" | "user" => secrets.username = Some(value.to_owned()),
            "password" | "pass" => secrets.password = Some(value.to_owned()),
            "token" => secrets.token = Some(value.to_owned()),
            "tls_verify" => {
                self.tls_verify = match value {
                    "on" => true,
                    "unsafe_off" => false,
                    _ => return Err("`tls_verify` is `on` or `unsafe_off`".to_owned()),
                }
            }
            "tls_ca" => match (value, &self.tls_roots) {
                ("pem_file", _) => {}
                (_, TrustedRoots::PemFile(_)) => {
                    return Err(
                        "`tls_roots` already says which file is trusted; `tls_ca` can only be `pem_file`"
                            .into(),
                    );
                }
                ("webpki_roots", _) => self.tls_roots = TrustedRoots::Webpki,
                ("os_roots", _) => self.tls_roots = TrustedRoots::Os,
                ("webpki_and_os_roots", _) => self.tls_roots = TrustedRoots::WebpkiAndOs,
                _ => {
                    return Err(
                        "`tls_ca` is webpki_roots, os_roots, webpki_and_os_roots or pem_file".to_owned()
                    );
                }
            },
            "tls_roots" => self.tls_roots = TrustedRoots::PemFile(value.into()),
            "tls_roots_password" => {
                return Err("`tls_roots_password`: keystores are not supported, give `tls_roots` a PEM file"
                    .to_owned());
            }
            "request_timeout" => self.request_timeout = millis(key, value)?,
            "connect_timeout" => self.connect_timeout = millis(key, value)?,
            "request_min_throughput" => {
                self.request_min_throughput = value
                    .parse()
                    .map_err(|_| "`request_min_throughput` is a number of bytes a second".to_owned())?;
            }
            "protocol_version" => {
                self.protocol_version = match value {
                    "auto" => None,
                    "1" => Some(1),
                    "2" => Some(2),
                    "3" => Some(3),
                    _ => return Err("`protocol_version` is auto, 1, 2 or 3".to_owned()),
                }
            }
            _ => match IGNORED.iter().find(|(ignored, _)| *ignored == key) {
                Some((_, why)) => self.warnings.push(format!("`{key}` has no effect: {why}")),
                None => {
                    return Err(format!(
                        "unknown key `{key}`; known are addr, username, password, token, tls_verify, tls_ca, tls_roots, \
                         request_timeout, request_min_throughput, connect_timeout and protocol_version"
                    ));
                }
            },
        }
        Ok(())
    }
}

#[derive(Default)]
struct Secrets {
    username: Option<String>,
    password: Option<String>,
    token: Option<String>,
}

impl Secrets {
    fn credentials(self) -> Result<Option<Credentials>, (&'static str, &'static str)> {
        match (self.username, self.password, self.token) {
            (None, None, None) => Ok(None),
            (Some(username), Some(password), None) => {
                if username.contains(':') {
                    return Err(("username", "`username` cannot hold a colon: HTTP Basic ends it there"));
                }
                Ok(Some(Credentials::Basic { username, password }))
            }
            (None, None, Some(token)) if token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(Credentials::Token(token)))
            }
            (None, None, Some(_)) => {
                Err(("token", "`token` holds a character that no HTTP header can carry"))
            }
            (Some(_), None, None) => Err(("username", "`username` needs a `password`")),
            (None, Some(_), None) => Err(("password", "`password` needs a `username`")),
            (_, _, Some(_)) => Err(("token", "`token` goes without `username` and `password`")),
        }
    }
}

fn parse_addr(value: &str) -> Result<HostPort, String> {
    if value.contains(',') {
        return Err("`addr` names several servers; the gateway writes to one".to_owned());
    }
    let has_port = match value.rsplit_once(']') {
        Some((_, rest)) => !rest.is_empty(),
        None => value.contains(':'),
    };
    let parsed: Result<HostPort, String> =
        if has_port { value.parse() } else { format!("{value}:9000").parse() };
    parsed.map_err(|_| {
        "`addr` is HOST or HOST:PORT, an IPv6 host in brackets, such as addr=127.0.0.1:9000;".to_owned()
    })
}

fn millis(key: &str, value: &str) -> Result<Duration, String> {
    match value.parse() {
        Ok(millis @ 1..) => Ok(Duration::from_millis(millis)),
        _ => Err(format!("`{key}` is a number of milliseconds above 0")),
    }
}

/// Where `key=` begins. The parser has vouched for the syntax, so a key follows the scheme's `::` or a single `;`.
fn position_of(text: &str, key: &str) -> usize {
    let bytes = text.as_bytes();
    let mut start = text.find("::").map_or(0, |at| at + 2);
    loop {
        let Some(rest) = text.get(start..) else { return 0 };
        if rest.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')) {
            return start;
        }
        let mut at = start;
        loop {
            match (bytes.get(at), bytes.get(at + 1)) {
                (None, _) => return 0,
                (Some(b';'), Some(b';')) => at += 2,
                (Some(b';'), _) => break,
                _ => at += 1,
            }
        }
        start = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Conf::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_string_has_defaults() {
        let conf = Conf::parse("http::addr=localhost;").unwrap();
        assert_eq!(conf.scheme, Scheme::Http);
        assert_eq!(conf.addr, HostPort { host: "localhost".into(), port: 9000 });
        assert_eq!(conf.credentials, None);
        assert!(conf.tls_verify && conf.warnings.is_empty());
    }

    #[test]
    fn every_key_is_understood() {
        let conf = Conf::parse(
            "wss::addr=[::1]:9009;username=admin;password=a;;b;tls_ca=os_roots;tls_verify=unsafe_off;\
             request_timeout=1500;protocol_version=1;auto_flush_rows=100;",
        )
        .unwrap();
        assert_eq!(conf.addr, HostPort { host: "::1".into(), port: 9009 });
        let basic = Credentials::Basic { username: "admin".into(), password: "a;b".into() };
        assert_eq!(conf.credentials, Some(basic));
        assert_eq!(conf.tls_roots, TrustedRoots::Os);
        assert_eq!(conf.request_timeout, Duration::from_millis(1500));
        assert_eq!(conf.protocol_version, Some(1));
        assert_eq!(conf.warnings.len(), 1);
        assert!(conf.warnings[0].contains("auto_flush_rows"));
        assert_eq!(Conf::parse("http::addr=[::1];").unwrap().addr.port, 9000);
    }

    #[test]
    fn errors_name_key_and_place() {
        assert!(
            error("http::addr=a;tokn=secret;")
                .starts_with("QuestDB connection string, position 13: unknown key `tokn`")
        );
        assert!(error("tcp::addr=a;").contains("`tcp`"));
        assert!(error("http::token=x;").contains("`addr` is missing"));
        assert!(error("http::addr=a;username=u;").contains("needs a `password`"));
        assert!(error("http::addr=a;addr=b;").contains("duplicate key"));
        assert!(error("http::addr=a,b;").contains("writes to one"));
        assert!(error("http::addr=a:x;").contains("HOST:PORT"));
        assert!(error("http::password=x;;tls_verify=on;addr=a;tls_verify=no;").contains("position 39"));
    }

    #[test]
    fn secrets_stay_secret() {
        let conf = Conf::parse("http::addr=a;username=admin;password=hunter2;").unwrap();
        assert!(!format!("{conf:?}").contains("hunter2"));
        let conf = Conf::parse("http::addr=a;token=hunter2;").unwrap();
        assert!(!format!("{conf:?}").contains("hunter2"));
        assert!(!error("http::addr=a;token=hunter2;username=u;password=hunter2;").contains("hunter2"));
        assert!(!error("http::addr=a;token=hunter 2;").contains("hunter"));
    }
}
