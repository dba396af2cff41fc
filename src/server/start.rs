use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use super::http_listener;
use super::life::{Ground, Life, Prepared};
use super::listener::listen;
use super::open_files;
use crate::config::{Config, HostPort};
use crate::ops::AdminServer;
use crate::pandaproxy;
use crate::questdb::ConfError;
use crate::sink::SinkError;
use crate::topics::NumbersError;

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (`{key}`): {source}")]
    Listen {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The address.
        address: HostPort,
        /// What the system said.
        source: io::Error,
    },
    /// The data dir cannot be used.
    #[error("data_dir: {0}")]
    Numbers(#[from] NumbersError),
    /// The spool cannot be used.
    #[error("the spool in {folder}: {source}")]
    Spool {
        /// Its folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// QuestDB's configuration string is wrong.
    #[error("questdb.conf: {0}")]
    QuestDb(#[from] ConfError),
    /// The registry's settings are wrong.
    #[error("registry: {0}")]
    Registry(String),
    /// The lanes cannot start.
    #[error("questdb: {0}")]
    Sink(#[from] SinkError),
}

/// A running gateway.
pub struct Server {
    life: Life,
    local_addr: SocketAddr,
    admin_addr: SocketAddr,
    /// No more metrics and health.
    stop_admin: CancellationToken,
    listener: JoinHandle<()>,
    admin: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts listening. QuestDB need not be there yet.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        open_files::raise_limit(config.limits.connections);
        let addresses = (config.listen.clone(), config.admin.clone(), config.pandaproxy.clone());
        let prepared = Prepared::new(config, Ground::default()).await?;
        let (listener, local_addr) = bind("listen", &addresses.0).await?;
        let (admin_listener, admin_addr) = bind("admin", &addresses.1).await?;
        let pandaproxy_listener = match &addresses.2 {
            Some(address) => Some(bind("pandaproxy", address).await?),
            None => None,
        };
        let life = prepared.begin(HostPort { host: addresses.0.host, port: local_addr.port() });
        let gateway = life.gateway();

        let stop_admin = CancellationToken::new();
        let admin = AdminServer {
            metrics: gateway.metrics.clone(),
            memory: gateway.memory.clone(),
            ready: {
                let questdb = life.questdb().clone();
                Box::new(move || {
                    let questdb = questdb.clone();
                    Box::pin(async move { questdb.ping().await.map_err(|error| error.to_string()) })
                })
            },
            cluster: {
                let gateway = gateway.clone();
                Box::new(move || gateway.cluster())
            },
        };
        let admin = tokio::spawn(admin.serve(admin_listener, stop_admin.clone()));

        let limits = &gateway.config.limits;
        let admission = Admission::new(limits.connections, limits.connections_per_address);
        let (stop, connections) = (life.stopping().clone(), life.connections().clone());
        if let Some((listener, address)) = pandaproxy_listener {
            let router = pandaproxy::router(gateway.clone(), connections.clone());
            let (gateway, stop, tracker) = (gateway.clone(), stop.clone(), connections.clone());
            let admission = admission.clone();
            connections.spawn(http_listener::listen(listener, router, gateway, admission, stop, tracker));
            tracing::info!(pandaproxy = %address, "taking records over HTTP, too");
        }
        let listener = tokio::spawn(listen(listener, gateway.clone(), admission, stop, connections));
        tracing::info!(kafka = %local_addr, admin = %admin_addr, "quafka {} is listening", env!("CARGO_PKG_VERSION"));
        Ok(Self { life, local_addr, admin_addr, stop_admin, listener, admin })
    }

    /// Where Kafka clients connect.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where metrics and health are.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Record batches that wait in the spool.
    pub fn spooled_batches(&self) -> u64 {
        self.life.gateway().spooling.as_ref().map_or(0, |spooling| spooling.batches())
    }

    /// Takes no more requests and finishes those in flight; false where that took too long and some were given up.
    pub async fn shutdown(self) -> bool {
        self.life.stop();
        let _ = self.listener.await;
        let finished = self.life.end().await;
        self.stop_admin.cancel();
        let _ = self.admin.await;
        finished
    }
}

async fn bind(key: &'static str, address: &HostPort) -> Result<(TcpListener, SocketAddr), StartError> {
    let bind = async {
        let listener = TcpListener::bind((address.host.as_str(), address.port)).await?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    };
    bind.await.map_err(|source| StartError::Listen { key, address: address.clone(), source })
}
