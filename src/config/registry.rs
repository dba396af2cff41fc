//! `[registry]`: where the schemas are that records are written with.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::HostPort;
use super::file::{Report, Section};
use super::units::Span;

/// A schema registry that speaks Confluent's API.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryConfig {
    /// Where it is; the next is asked where one does not answer. Never empty.
    pub urls: Vec<RegistryUrl>,
    /// For HTTP Basic.
    pub username: Option<String>,
    /// For HTTP Basic.
    pub password: Option<Secret>,
    /// For HTTP Bearer.
    pub token: Option<Secret>,
    /// A PEM file with the certificates that are trusted; where absent, Mozilla's.
    pub tls_roots: Option<PathBuf>,
    /// Whether the registry's certificate is checked at all.
    pub tls_verify: bool,
    /// How long connecting may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
}

/// A text that is not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `http://HOST:PORT/PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryUrl {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Where it listens; the port is 80 or 443 where none is given.
    pub addr: HostPort,
    /// What all paths begin with, without a slash at the end; often empty.
    pub path: String,
}

impl FromStr for RegistryUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Never the text itself: somebody may have written a password into it.
        let wrong = || "is no URL such as https://registry.example.com:8081".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (tls, port) = match scheme {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => return Err("is no URL with http:// or https://".to_owned()),
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        if authority.contains('@') {
            return Err("has a user in its URL; that is `username` and `password`".to_owned());
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains(['?', '#']) {
            return Err(
                "has something behind its path; a URL such as https://h:8081/path is wanted".to_owned()
            );
        }
        let has_port = match authority.rsplit_once(']') {
            Some((_, rest)) => !rest.is_empty(),
            None => authority.contains(':'),
        };
        let addr = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
        let addr = addr.parse().map_err(|_| wrong())?;
        Ok(Self { tls, addr, path: path.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.addr, self.path)
    }
}

impl RegistryConfig {
    /// Of these addresses, with defaults.
    pub fn new(urls: Vec<RegistryUrl>) -> Self {
        Self {
            urls,
            username: None,
            password: None,
            token: None,
            tls_roots: None,
            tls_verify: true,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        }
    }

    /// Reads `[registry]`, where the file has it.
    pub(super) fn load(top: &mut Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let mut section = top.section("registry", report);
        let exists = section.exists();
        let urls = section.value::<Vec<String>>("urls", report);
        let mut config = Self::new(Vec::new());
        for url in urls.iter().flatten() {
            match url.parse() {
                Ok(url) => config.urls.push(url),
                Err(reason) => report.error("registry.urls", reason),
            }
        }
        if exists && !report.is_given("registry.urls") {
            report
                .error("registry.urls", "is missing, such as urls = [\"https://registry.example.com:8081\"]");
        } else if urls.is_some_and(|urls| urls.is_empty()) {
            report.error("registry.urls", "is empty; name a registry, or leave `[registry]` out");
        }
        config.username = section.value("username", report);
        config.password = section.value("password", report).map(Secret);
        config.token = section.value("token", report).map(Secret);
        config.tls_roots = section.value("tls_roots", report);
        config.tls_verify = section.value("tls_verify", report).unwrap_or(config.tls_verify);
        let span = |section: &mut Section<'_>, key, report: &mut Report<'_>| {
            section.value::<Span>(key, report).map(|Span(duration)| duration)
        };
        config.connect_timeout =
            span(&mut section, "connect_timeout", report).unwrap_or(config.connect_timeout);
        config.request_timeout =
            span(&mut section, "request_timeout", report).unwrap_or(config.request_timeout);
        section.finish(report);
        config.check(report);
        exists.then_some(config)
    }

    fn check(&self, report: &mut Report<'_>) {
        match (&self.username, &self.password, &self.token) {
            (Some(username), Some(_), None) if username.contains(':') => {
                report.error("registry.username", "cannot hold a colon: HTTP Basic ends it there");
            }
            (Some(_), None, _) => report.error("registry.username", "needs a `password`"),
            (None, Some(_), _) => report.error("registry.password", "needs a `username`"),
            (Some(_), Some(_), Some(_)) => {
                report.error("registry.token", "goes without `username` and `password`");
            }
            (None, None, Some(Secret(token))) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                report.error("registry.token", "holds a character that no HTTP header can carry");
            }
            _ => {}
        }
        let plain = self.urls.iter().all(|url| !url.tls);
        if plain && !self.urls.is_empty() && report.is_given("registry.tls_roots") {
            report.error("registry.tls_roots", "means nothing: none of `urls` begins with https://");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_back_as_written() {
        for text in ["http://h:8081", "https://[::1]:8081/apis/ccompat/v7", "http://127.0.0.1:1/a"] {
            assert_eq!(text.parse::<RegistryUrl>().unwrap().to_string(), text);
        }
        let port = |text: &str| text.parse::<RegistryUrl>().unwrap().addr.port;
        assert_eq!((port("http://h"), port("https://h/"), port("https://[::1]")), (80, 443, 443));
        assert_eq!("https://h:1/a/".parse::<RegistryUrl>().unwrap().path, "/a");
    }

    #[test]
    fn errors_do_not_tell_the_url() {
        for text in [
            "",
            "h:8081",
            "ftp://h:1",
            "http://",
            "http://ann:hunter2@h:1",
            "http://h:1/?hunter2",
            "http://h:x",
        ] {
            let error = text.parse::<RegistryUrl>().unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret("hunter2".to_owned())), "***");
    }
}
