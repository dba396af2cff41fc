use std::sync::Arc;

use super::answer::Answer;
use super::http_transport::HttpTransport;
use super::pending::Pending;
use super::qwp::QwpTransport;
use super::transport::{Sending, Transport, Written};
use crate::config;
use crate::questdb::QuestDb;

/// The transport that the settings ask for, or the server.
pub(super) struct AnyTransport {
    questdb: QuestDb,
    max_bytes: usize,
    chosen: Chosen,
}

enum Chosen {
    /// Until the server has been asked.
    Undecided,
    Http(Box<HttpTransport>),
    Qwp(Box<QwpTransport>),
}

impl AnyTransport {
    pub(super) fn new(setting: config::Transport, questdb: &QuestDb, max_bytes: usize) -> Self {
        let mut transport = Self { questdb: questdb.clone(), max_bytes, chosen: Chosen::Undecided };
        match setting {
            config::Transport::Http => transport.choose_http(),
            config::Transport::Qwp => transport.choose_qwp(),
            config::Transport::Auto if questdb.conf().scheme.is_qwp() => transport.choose_qwp(),
            config::Transport::Auto => {}
        }
        transport
    }

    fn choose_http(&mut self) {
        self.chosen = Chosen::Http(Box::new(HttpTransport::new(self.questdb.clone(), self.max_bytes)));
    }

    fn choose_qwp(&mut self) {
        self.chosen = Chosen::Qwp(Box::new(QwpTransport::new(&self.questdb, self.max_bytes)));
    }
}

impl Transport for AnyTransport {
    async fn connect(&mut self) -> Result<(), Arc<str>> {
        if matches!(self.chosen, Chosen::Undecided) {
            let qwp = self.questdb.conf().tls_verify
                && self.questdb.offers_qwp().await.map_err(|error| Arc::from(error.to_string()))?;
            if qwp {
                self.choose_qwp();
            } else {
                self.choose_http();
            }
            tracing::debug!("writing to QuestDB by {}", if qwp { "QWP" } else { "ILP over HTTP" });
        }
        match &mut self.chosen {
            Chosen::Undecided => Err("QuestDB was not asked".into()),
            Chosen::Http(transport) => transport.connect().await,
            Chosen::Qwp(transport) => transport.connect().await,
        }
    }

    fn connection(&self) -> u64 {
        match &self.chosen {
            Chosen::Undecided => 0,
            Chosen::Http(transport) => transport.connection(),
            Chosen::Qwp(transport) => transport.connection(),
        }
    }

    async fn write(&mut self, batch: &[Pending], sending: &mut Sending<'_>) -> Written {
        match &mut self.chosen {
            Chosen::Qwp(transport) => transport.write(batch, sending).await,
            Chosen::Http(transport) => transport.write(batch, sending).await,
            Chosen::Undecided => {
                let answer = Answer::NotSent("QuestDB was not asked".into());
                Written { blocks: batch.len(), bytes: 0, answer }
            }
        }
    }
}
