//! What became of the requests that were under way when a life of the gateway before this one was killed.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::doubt::{Finding, Inquiry};
use super::journal::{Earlier, Journal};
use crate::questdb::QuestDb;

const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A data dir's list of the requests that are under way, for [`SinkOptions`](super::SinkOptions).
#[derive(Clone, Debug)]
pub struct RequestJournal(pub(super) Arc<Journal>);

/// What lives before have left.
#[derive(Debug)]
pub struct Recovered {
    /// For the lanes of this life.
    pub journal: RequestJournal,
    /// The labels of blocks that were written, oldest first. Where it cannot be told whether a block was, its label is
    /// not here, and a warning is in the log.
    pub written: Vec<String>,
}

/// Reads which requests the lives before had under way, and asks QuestDB which of those have arrived whose outcome was
/// not known. Waits for QuestDB where there are such.
///
/// # Errors
/// The data dir cannot be read or written.
pub async fn recover(data_dir: &Path, questdb: &QuestDb) -> io::Result<Recovered> {
    let (journal, earlier) = Journal::open(data_dir)?;
    let in_doubt = earlier.iter().filter(|request| request.written.is_none()).count();
    if in_doubt > 0 {
        tracing::info!(requests = in_doubt, "asking QuestDB which requests of before have arrived");
    }
    let mut inquiries = JoinSet::new();
    let mut requests = Vec::with_capacity(earlier.len());
    for mut request in earlier {
        if request.written.is_some() {
            requests.push(request);
            continue;
        }
        let questdb = questdb.clone();
        inquiries.spawn(async move {
            request.written = Some(find_out(&request, &questdb).await);
            request
        });
    }
    while let Some(request) = inquiries.join_next().await {
        let request = request.map_err(io::Error::other)?;
        journal.end(request.number, request.written == Some(true));
        requests.push(request);
    }
    requests.sort_by_key(|request| request.number);
    let written = requests.into_iter().filter(|request| request.written == Some(true));
    let written = written.flat_map(|request| request.labels).collect();
    Ok(Recovered { journal: RequestJournal(Arc::new(journal)), written })
}

async fn find_out(request: &Earlier, questdb: &QuestDb) -> bool {
    let mut inquiry = Inquiry::new(request.doubt.clone(), Duration::ZERO);
    let mut logged = Instant::now();
    loop {
        match inquiry.ask(questdb).await {
            Finding::Written => return true,
            Finding::NotWritten => return false,
            Finding::Unclear(why) => {
                let table = &request.doubt.table;
                tracing::warn!(%table, "rows may be there twice: whether a request has arrived is unclear, {why}");
                return false;
            }
            Finding::Again(pause) => sleep(pause).await,
        }
        if logged.elapsed() >= LOG_INTERVAL {
            logged = Instant::now();
            tracing::warn!("waiting for QuestDB, to ask it which requests of before have arrived");
        }
    }
}
