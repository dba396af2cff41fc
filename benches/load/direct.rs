//! What QuestDB takes without a gateway: bodies that are encoded beforehand, posted over connections that are kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hdrhistogram::Histogram;
use hyper::Method;
use parking_lot::Mutex;
use quafka::demo::latencies;
use quafka::questdb::{HttpConnection, QuestDb};

use crate::Outcome;

/// Sends all and returns the latencies in microseconds when the last request is answered. Each connection takes the next
/// request when the one before it is answered.
pub async fn send(conf: &str, requests: VecDeque<Bytes>, connections: usize) -> Outcome<Histogram<u64>> {
    let questdb = QuestDb::from_conf(conf)?;
    let requests = Arc::new(Mutex::new(requests));
    let mut running = Vec::new();
    for _ in 0..connections {
        let mut connection = questdb.connection();
        let requests = requests.clone();
        running.push(tokio::spawn(async move {
            let mut latencies = latencies();
            loop {
                let next = requests.lock().pop_front();
                let Some(body) = next else { break };
                let at = Instant::now();
                post(&mut connection, body).await?;
                latencies += at.elapsed().as_micros() as u64;
            }
            Outcome::Ok(latencies)
        }));
    }
    let mut all = latencies();
    for connection in running {
        all.add(connection.await??)?;
    }
    Ok(all)
}

/// Returns when QuestDB has committed the rows.
pub async fn post(connection: &mut HttpConnection, body: Bytes) -> Outcome<()> {
    let answer = connection.send(Method::POST, "/write", body).await?;
    if !answer.status.is_success() {
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(format!("QuestDB answered {}: {said}", answer.status).into());
    }
    Ok(())
}
