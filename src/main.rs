//! The `quafka` command.

mod cli;

use std::fmt::Display;
use std::io::IsTerminal;
use std::process::ExitCode;

use quafka::config::Loaded;
use quafka::server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command, Demo, LogFormat};

fn main() -> ExitCode {
    let cli = Cli::read();
    // A demo's screen is no place for a log, unless something is wrong.
    let level = if matches!(cli.command, Command::Demo(_)) { "warn" } else { "info" };
    if let Err(reason) = start_log(cli.log_format, level) {
        return fail(&reason);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    runtime.block_on(run(cli.command))
}

async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Demo(demo) => run_demo(demo).await,
        Command::Check(settings) => match settings.load() {
            Ok(loaded) => return cli::check::run(&loaded).await,
            Err(errors) => return fail(&errors),
        },
        Command::Dlq(command) => return cli::dlq::run(&command).await,
        Command::ImportConnector(command) => return cli::import_connector::run(&command),
        Command::Spool(command) => match command.settings().load() {
            Ok(loaded) => return cli::spool::run(&command, loaded).await,
            Err(errors) => return fail(&errors),
        },
        Command::Serve(settings) => match settings.load() {
            Ok(loaded) => serve(loaded).await,
            Err(errors) => return fail(&errors),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&format!("quafka: {reason}")),
    }
}

/// Runs the gateway until SIGTERM or Ctrl-C.
async fn serve(loaded: Loaded) -> Result<(), String> {
    cli::check::topics(&loaded)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| format!("SIGTERM: {error}"))?;
    let server = Server::start(loaded.config).await.map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: finishing what is in flight"),
        _ = tokio::signal::ctrl_c() => tracing::info!("Ctrl-C: finishing what is in flight"),
    }
    if server.shutdown().await { Ok(()) } else { Err("the shutdown was not clean".to_owned()) }
}

async fn run_demo(demo: Demo) -> Result<(), String> {
    let default = quafka::demo::Options::default();
    let options = quafka::demo::Options {
        listen: demo.listen.unwrap_or(default.listen),
        admin: demo.admin,
        questdb: demo.questdb,
        rate: demo.rate.unwrap_or(default.rate),
        run_for: demo.run_for,
    };
    quafka::demo::run(options).await.map_err(|error| error.to_string())
}

/// The log goes to stderr: stdout is for what a command was asked for.
fn start_log(format: LogFormat, level: &str) -> Result<(), String> {
    let said = ["QUAFKA_LOG", "RUST_LOG"].iter().find_map(|name| {
        let filter = std::env::var(name).ok().filter(|filter| !filter.is_empty())?;
        Some((name, filter))
    });
    let (name, filter) = said.map_or(("", level.to_owned()), |(name, filter)| (name, filter));
    let filter = EnvFilter::try_new(&filter).map_err(|error| format!("{name}: `{filter}`: {error}"))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

fn fail(reason: &dyn Display) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::FAILURE
}
