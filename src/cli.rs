//! The command line.

pub mod check;
pub mod dlq;
pub mod import_connector;
pub mod spool;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use quafka::config::{ConfigErrors, Given, HostPort, Loaded, Origin, Overrides, load};

/// Kafka in, QuestDB out: takes Kafka producers' records and writes them to QuestDB as rows.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// How log lines are written to stderr; which of them is said by QUAFKA_LOG or RUST_LOG, such as
    /// `info,quafka=debug`
    #[arg(
        long,
        global = true,
        display_order = 100,
        env = "QUAFKA_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// An object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take records until told to stop
    Serve(Settings),
    /// Try it out: a producer's records on their way into QuestDB
    Demo(Demo),
    /// Say what `serve` would run with, and whether it can reach QuestDB
    Check(Settings),
    /// Look at dead letters, the records that could not become rows, and send them again
    Dlq(dlq::Dlq),
    /// Turn the configuration of QuestDB's Kafka connector into quafka's, printed to stdout
    ImportConnector(import_connector::ImportConnector),
    /// Look at the batches that wait on disk for QuestDB, or write them
    Spool(spool::SpoolCommand),
}

/// The settings that are flags; all but `config` are keys of the configuration file, too.
#[derive(Debug, Args)]
pub struct Settings {
    /// The configuration file
    #[arg(long, env = "QUAFKA_CONFIG", value_name = "FILE")]
    config: Option<OsString>,

    /// Where Kafka clients connect [default: 127.0.0.1:9092]
    #[arg(long, env = "QUAFKA_LISTEN", value_name = "HOST:PORT")]
    listen: Option<String>,

    /// The address that clients are told to connect to [default: what is listened on]
    #[arg(long, env = "QUAFKA_ADVERTISE", value_name = "HOST:PORT")]
    advertise: Option<String>,

    /// QuestDB, as its clients' configuration string [default: http::addr=127.0.0.1:9000;]
    #[arg(long, env = "QUAFKA_QUESTDB", value_name = "CONF", hide_env_values = true)]
    questdb: Option<String>,

    /// Where producer ids and offsets survive a restart
    #[arg(long, env = "QUAFKA_DATA_DIR", value_name = "DIR")]
    data_dir: Option<String>,

    /// Where metrics and health are served over HTTP [default: 127.0.0.1:9644]
    #[arg(long, env = "QUAFKA_ADMIN", value_name = "HOST:PORT")]
    admin: Option<String>,

    /// Filled in by [`Cli::read`], as only clap's matches tell a flag from a variable.
    #[arg(skip)]
    sources: Sources,
}

/// Which of the settings are from the environment.
#[derive(Clone, Debug, Default)]
struct Sources(Vec<&'static str>);

/// What `quafka demo` takes.
#[derive(Debug, Args)]
pub struct Demo {
    /// How long to run; for ever where absent
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub run_for: Option<Duration>,

    /// A QuestDB that is there already, as its clients' configuration string
    #[arg(long, env = "QUAFKA_QUESTDB", value_name = "CONF", hide_env_values = true)]
    pub questdb: Option<String>,

    /// Records a second
    #[arg(long, value_name = "N")]
    pub rate: Option<u64>,

    /// Where Kafka clients connect
    #[arg(long, env = "QUAFKA_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<HostPort>,

    /// Where metrics and health are served over HTTP
    #[arg(long, env = "QUAFKA_ADMIN", value_name = "HOST:PORT")]
    pub admin: Option<HostPort>,
}

impl Cli {
    /// Reads the command line and the environment; answers `--help`, `--version` and mistakes itself, and exits.
    pub fn read() -> Self {
        Self::try_from_matches(&Self::command().get_matches()).unwrap_or_else(|error| error.exit())
    }

    fn try_from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut cli = Self::from_arg_matches(matches)?;
        let matches = matches.subcommand().map(|(_, matches)| matches);
        let settings = match &mut cli.command {
            Command::Serve(settings) | Command::Check(settings) => Some((settings, matches)),
            Command::Spool(command) => {
                let matches = matches.and_then(ArgMatches::subcommand).map(|(_, matches)| matches);
                Some((command.settings_mut(), matches))
            }
            _ => None,
        };
        if let Some((settings, Some(matches))) = settings {
            let ids = ["config", "listen", "advertise", "questdb", "data_dir", "admin"];
            let from_environment = |id: &&str| matches.value_source(id) == Some(ValueSource::EnvVariable);
            settings.sources = Sources(ids.into_iter().filter(from_environment).collect());
        }
        Ok(cli)
    }
}

impl Settings {
    /// Of a command that only needs to know the file and the QuestDB. What is empty counts as absent.
    fn of(config: Option<&OsString>, questdb: Option<&String>) -> Self {
        Self {
            config: config.filter(|file| !file.is_empty()).cloned(),
            questdb: questdb.filter(|conf| !conf.is_empty()).cloned(),
            listen: None,
            advertise: None,
            data_dir: None,
            admin: None,
            sources: Sources::default(),
        }
    }

    /// The configuration: flags over environment over file over default.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        load(self.file().as_deref(), &self.overrides())
    }

    /// An empty variable counts as one that is not set: that is what `QUAFKA_CONFIG=` in a compose file means.
    fn file(&self) -> Option<PathBuf> {
        let file = self.config.as_ref()?;
        let unset = file.is_empty() && self.is_from_environment("config");
        (!unset).then(|| Path::new(file).to_owned())
    }

    fn overrides(&self) -> Overrides {
        let given = |id, value: &Option<String>, flag, variable| {
            let text = value.clone()?;
            let origin = match self.is_from_environment(id) {
                true if text.is_empty() => return None,
                true => Origin::Environment(variable),
                false => Origin::Flag(flag),
            };
            Some(Given { text, origin })
        };
        Overrides {
            listen: given("listen", &self.listen, "--listen", "QUAFKA_LISTEN"),
            advertise: given("advertise", &self.advertise, "--advertise", "QUAFKA_ADVERTISE"),
            admin: given("admin", &self.admin, "--admin", "QUAFKA_ADMIN"),
            data_dir: given("data_dir", &self.data_dir, "--data-dir", "QUAFKA_DATA_DIR"),
            questdb: given("questdb", &self.questdb, "--questdb", "QUAFKA_QUESTDB"),
        }
    }

    fn is_from_environment(&self, id: &str) -> bool {
        self.sources.0.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Cli {
        let matches = Cli::command().try_get_matches_from(line.split(' ')).unwrap();
        Cli::try_from_matches(&matches).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_contract_of_the_command_line() {
        read("quafka serve");
        let all =
            "--config f --listen h:1 --advertise h:2 --questdb http::addr=h:3; --data-dir d --admin h:4";
        for command in ["serve", "check"] {
            let cli = read(&format!("quafka {command} {all}"));
            let (Command::Serve(settings) | Command::Check(settings)) = cli.command else { panic!() };
            assert_eq!(settings.file().as_deref(), Some(Path::new("f")));
            let listen = Given { text: "h:1".to_owned(), origin: Origin::Flag("--listen") };
            assert_eq!(settings.overrides().listen, Some(listen));
        }
        let demo =
            "--for 20s --questdb http::addr=h:3; --rate 1000 --listen h:1 --admin h:4 --log-format json";
        let cli = read(&format!("quafka demo {demo}"));
        assert_eq!(cli.log_format, LogFormat::Json);
        let Command::Demo(demo) = cli.command else { panic!() };
        assert_eq!(demo.run_for, Some(Duration::from_secs(20)));
        assert_eq!(demo.rate, Some(1000));
    }
}
