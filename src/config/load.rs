use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::de::DeTable;

use super::file::{Report, Section};
use super::questdb_conf;
use super::{
    Config, ConfigError, ConfigErrors, Durability, HostPort, Limits, Origin, QuestDbConfig, RegistryConfig,
    SpoolConfig, Transport, load_topics,
};

/// What the command line and the environment say. It wins over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `HOST:PORT` for [`Config::listen`].
    pub listen: Option<Given>,
    /// `HOST:PORT` for [`Config::advertise`].
    pub advertise: Option<Given>,
    /// `HOST:PORT` for [`Config::admin`].
    pub admin: Option<Given>,
    /// A path for [`Config::data_dir`].
    pub data_dir: Option<Given>,
    /// A QuestDB configuration string for [`QuestDbConfig::conf`].
    pub questdb: Option<Given>,
}

/// A value that is not parsed yet, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As it was written.
    pub text: String,
    /// A flag or an environment variable.
    pub origin: Origin,
}

/// A configuration that is right as far as one can tell without QuestDB.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where they came from, by full key; what is not in here is a default.
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// An error about a setting that only showed later, such as a QuestDB that cannot be reached.
    pub fn error(&self, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError { key: key.to_owned(), origin: self.origin(key), reason: reason.into() }
    }

    /// Where a setting's value came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_default()
    }
}

/// Reads the file, where one is given, and what wins over it.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, ConfigErrors> {
    let Some(path) = file else { return parse(Path::new(""), "", overrides) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        let reason = format!("cannot read {}: {error}", path.display());
        ConfigErrors(vec![ConfigError { key: "config".to_owned(), origin: Origin::Default, reason }])
    })?;
    parse(path, &text, overrides)
}

/// Like [`load`], of a file that has been read already. `path` is what errors call it.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub fn parse(path: &Path, text: &str, overrides: &Overrides) -> Result<Loaded, ConfigErrors> {
    let mut report = Report::new(path.into(), text);
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            report.syntax_error(&error);
            return Err(ConfigErrors(report.errors));
        }
    };
    let mut top = Section::top(&table);
    let config = config(&mut top, overrides, &mut report);
    top.finish(&mut report);
    if report.errors.is_empty() {
        Ok(Loaded { config, origins: report.origins })
    } else {
        Err(ConfigErrors(report.errors))
    }
}

fn config(top: &mut Section<'_>, overrides: &Overrides, report: &mut Report<'_>) -> Config {
    let default = Config::default();
    let listen = pick(top, "listen", &overrides.listen, report).unwrap_or(default.listen);
    let advertise = pick(top, "advertise", &overrides.advertise, report);
    let admin = pick(top, "admin", &overrides.admin, report).unwrap_or(default.admin);
    let pandaproxy: Option<HostPort> = top.value("pandaproxy", report);
    let data_dir: Option<PathBuf> = pick(top, "data_dir", &overrides.data_dir, report);
    if data_dir.as_deref() == Some(Path::new("")) {
        report.error("data_dir", "is empty");
    }
    check_addresses(&listen, advertise.as_ref(), &admin, pandaproxy.as_ref(), report);
    let durability = durability(top, data_dir.as_deref(), report);
    let registry = RegistryConfig::load(top, report);
    let topics = load_topics::topics(top, registry.is_some(), report);
    Config {
        listen,
        advertise,
        admin,
        pandaproxy,
        data_dir,
        durability,
        spool: SpoolConfig::load(top, report),
        questdb: questdb(top, overrides, report),
        registry,
        limits: Limits::load(top, report),
        topics,
    }
}

/// The value that counts: the override's, else the file's. The file's is checked in any case.
fn pick<T>(
    section: &mut Section<'_>,
    key: &'static str,
    given: &Option<Given>,
    report: &mut Report<'_>,
) -> Option<T>
where
    T: FromStr<Err: ToString> + for<'de> serde::Deserialize<'de>,
{
    let from_file = section.value(key, report);
    let Some(given) = given else { return from_file };
    let full = section.full(key);
    report.origins.insert(full.clone(), given.origin.clone());
    match given.text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            report.error(&full, error.to_string());
            None
        }
    }
}

fn check_addresses(
    listen: &HostPort,
    advertise: Option<&HostPort>,
    admin: &HostPort,
    pandaproxy: Option<&HostPort>,
    report: &mut Report<'_>,
) {
    if let Some(advertise) = advertise {
        if advertise.is_wildcard() {
            let reason = format!("clients cannot connect to {}; name a host that they reach", advertise.host);
            report.error("advertise", reason);
        }
        if advertise.port == 0 {
            report.error("advertise", "clients cannot connect to port 0");
        }
    }
    let same = |one: &HostPort, other: &HostPort| {
        let same_host = one.host == other.host || one.is_wildcard() || other.is_wildcard();
        one.port != 0 && one.port == other.port && same_host
    };
    if same(listen, admin) {
        report.error("admin", format!("{admin} is taken: Kafka clients are listened for on {listen}"));
    }
    if let Some(pandaproxy) = pandaproxy {
        if same(listen, pandaproxy) {
            let reason = format!("{pandaproxy} is taken: Kafka clients are listened for on {listen}");
            report.error("pandaproxy", reason);
        } else if same(admin, pandaproxy) {
            report.error("pandaproxy", format!("{pandaproxy} is taken by the metrics (`admin`)"));
        }
    }
}

fn durability(top: &mut Section<'_>, data_dir: Option<&Path>, report: &mut Report<'_>) -> Durability {
    let durability: Durability = top.value("durability", report).unwrap_or_default();
    if durability != Durability::Direct && data_dir.is_none() {
        let reason = format!("`{durability}` needs `data_dir`: the spool is a folder in it");
        report.error("durability", reason);
    }
    durability
}

fn questdb(top: &mut Section<'_>, overrides: &Overrides, report: &mut Report<'_>) -> QuestDbConfig {
    let default = QuestDbConfig::default();
    let mut section = top.section("questdb", report);
    let conf: String = pick(&mut section, "conf", &overrides.questdb, report).unwrap_or(default.conf);
    let transport = section.value("transport", report).unwrap_or(default.transport);
    let lanes = section.value::<i64>("lanes", report);
    let exactly_once = section.value("exactly_once", report).unwrap_or(default.exactly_once);
    section.finish(report);

    match questdb_conf::scheme(&conf) {
        Ok(scheme) if transport == Transport::Http && scheme.starts_with("ws") => {
            let reason = format!("`http` contradicts questdb.conf, which starts with `{scheme}::`");
            report.error("questdb.transport", reason);
        }
        Ok(scheme) if exactly_once && (transport == Transport::Qwp || scheme.starts_with("ws")) => {
            let reason = "is for ILP over HTTP, `http::` or `https::` in questdb.conf and `transport = \"http\"`: QWP \
                          is not known to keep it";
            report.error("questdb.exactly_once", reason);
        }
        Ok(_) => {}
        Err(reason) => report.error("questdb.conf", reason),
    }
    let lanes = match lanes {
        None => default.lanes,
        Some(lanes @ 1..=64) => lanes as usize,
        Some(lanes) => {
            report.error("questdb.lanes", format!("{lanes} is not between 1 and 64"));
            default.lanes
        }
    };
    QuestDbConfig { conf, transport, lanes, exactly_once }
}
