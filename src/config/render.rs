//! The effective configuration as a TOML file, each value with where it came from.

use std::fmt::{self, Display};

use super::load_topics::table_key;
use super::units::{Size, Span};
use super::{Config, Loaded, TopicSettings, masked};

/// Where the comments start, where the values leave room.
const COMMENT_COLUMN: usize = 44;

/// A configuration file that says the same, with passwords masked.
impl Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page { loaded: self, text: String::new() };
        let config = &self.config;
        page.top(config);
        page.questdb(config);
        page.spool(config);
        page.registry(config);
        page.limits(config);
        page.topics(config);
        f.write_str(&page.text)
    }
}

struct Page<'a> {
    loaded: &'a Loaded,
    text: String,
}

impl Page<'_> {
    fn top(&mut self, config: &Config) {
        self.value("", "listen", &quoted(&config.listen));
        match &config.advertise {
            Some(advertise) => self.value("", "advertise", &quoted(advertise)),
            None if config.listen.is_wildcard() => {
                self.line("# advertise", "not set: each client is told the address that it connected to");
            }
            None => self.line("# advertise", "not set: clients are told what is listened on"),
        }
        self.value("", "admin", &quoted(&config.admin));
        match &config.pandaproxy {
            Some(pandaproxy) => self.value("", "pandaproxy", &quoted(pandaproxy)),
            None => self.line("# pandaproxy", "not set: no records are taken over HTTP"),
        }
        match &config.data_dir {
            Some(path) => self.value("", "data_dir", &quoted(&path.display())),
            None => self.line("# data_dir", "not set: producer ids and offsets start from the clock"),
        }
        self.value("", "durability", &quoted(&config.durability));
    }

    fn questdb(&mut self, config: &Config) {
        let questdb = &config.questdb;
        self.heading("questdb");
        self.value("questdb.", "conf", &quoted(&masked(&questdb.conf)));
        self.value("questdb.", "transport", &quoted(&questdb.transport));
        self.value("questdb.", "lanes", &questdb.lanes);
        self.value("questdb.", "exactly_once", &questdb.exactly_once);
    }

    fn spool(&mut self, config: &Config) {
        let spool = &config.spool;
        self.heading("spool");
        self.value("spool.", "bytes", &size(spool.bytes));
        self.value("spool.", "segment_bytes", &size(spool.segment_bytes));
        self.value("spool.", "overflow_after", &quoted(&Span(spool.overflow_after)));
    }

    fn registry(&mut self, config: &Config) {
        let Some(registry) = &config.registry else { return };
        self.heading("registry");
        let urls: Vec<_> = registry.urls.iter().map(|url| quoted(url)).collect();
        self.value("registry.", "urls", &format!("[{}]", urls.join(", ")));
        if let Some(username) = &registry.username {
            self.value("registry.", "username", &quoted(username));
        }
        for (key, secret) in [("password", &registry.password), ("token", &registry.token)] {
            if secret.is_some() {
                self.value("registry.", key, &quoted(&"***"));
            }
        }
        if let Some(path) = &registry.tls_roots {
            self.value("registry.", "tls_roots", &quoted(&path.display()));
        }
        self.value("registry.", "tls_verify", &registry.tls_verify);
        self.value("registry.", "connect_timeout", &quoted(&Span(registry.connect_timeout)));
        self.value("registry.", "request_timeout", &quoted(&Span(registry.request_timeout)));
    }

    fn limits(&mut self, config: &Config) {
        let limits = &config.limits;
        self.heading("limits");
        self.value("limits.", "request_bytes", &size(limits.request_bytes));
        self.value("limits.", "batch_bytes", &size(limits.batch_bytes));
        self.value("limits.", "decompressed_bytes", &size(limits.decompressed_bytes));
        self.value("limits.", "memory", &size(limits.memory));
        self.value("limits.", "connections", &limits.connections);
        self.value("limits.", "connections_per_address", &limits.connections_per_address);
        self.value("limits.", "topics", &limits.topics);
        self.value("limits.", "stalled_request", &quoted(&Span(limits.stalled_request)));
        self.value("limits.", "idle_connection", &quoted(&Span(limits.idle_connection)));
    }

    /// A topic that is named has all its settings, whichever tables they are from; a pattern has its own. The
    /// tables stand in the reverse order of precedence, in which they mean the same when read again.
    fn topics(&mut self, config: &Config) {
        for (pattern, own) in config.topics.entries().iter().rev() {
            let name = pattern.as_str();
            self.heading(&table_key(name));
            if !pattern.is_exact() {
                self.topic(own, |_| table_key(name));
                continue;
            }
            let merged = TopicSettings::complete(&config.topics.of(name));
            self.topic(&merged, |key| {
                let setter = config.topics.covering(name).find(|(_, settings)| settings.sets(key));
                table_key(setter.map_or(name, |(pattern, _)| pattern.as_str()))
            });
        }
    }

    /// `table_of` finds the table that a key's value is from.
    fn topic(&mut self, topic: &TopicSettings, table_of: impl Fn(&str) -> String) {
        for (key, value) in topic.to_toml() {
            self.value(&(table_of(key) + "."), key, &value);
        }
    }

    fn heading(&mut self, name: &str) {
        self.text += &format!("\n[{name}]\n");
    }

    /// A value with its origin; `prefix` and `key` make the full key.
    fn value(&mut self, prefix: &str, key: &str, value: &dyn Display) {
        let origin = self.loaded.origin(&format!("{prefix}{key}"));
        self.line(&format!("{key} = {value}"), &origin.to_string());
    }

    fn line(&mut self, text: &str, comment: &str) {
        self.text += &format!("{text:COMMENT_COLUMN$}  # {comment}\n");
    }
}

fn quoted(value: &dyn Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

/// A plain number where no unit fits.
fn size(bytes: usize) -> String {
    let text = Size(bytes).to_string();
    if text.ends_with('B') { quoted(&text) } else { text }
}
