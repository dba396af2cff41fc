//! A schema registry of our own, because a real one is never so unwell on demand.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use quafka::demo::questdb_server::free_port;
use tokio::net::TcpListener;

/// What the peer does with a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Mood {
    /// Answers by what is registered.
    #[default]
    Well,
    /// Never answers.
    Silent,
    /// Answers everything with this.
    Says(u16, &'static str),
}

/// A schema registry that does as it is told.
#[derive(Default)]
pub struct SchemaPeer {
    mood: Mutex<Mood>,
    /// Bodies by path.
    registered: Mutex<HashMap<String, String>>,
    /// Paths that were asked for, with the credentials.
    asked: Mutex<Vec<(String, Option<String>)>>,
}

impl SchemaPeer {
    /// What is answered for a path.
    pub fn register(&self, path: &str, schema: &str, more: &str) {
        let body = format!(r#"{{"schema":{}{more}}}"#, serde_json::to_string(schema).unwrap());
        self.registered.lock().insert(path.to_owned(), body);
    }

    /// What it does from now on.
    pub fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// How often a path was asked for.
    pub fn asked_for(&self, path: &str) -> usize {
        self.asked.lock().iter().filter(|(asked, _)| asked == path).count()
    }

    /// The paths that were asked for, with the credentials.
    pub fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.lock().clone()
    }

    async fn answer(State(peer): State<Arc<Self>>, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        peer.asked.lock().push((path.clone(), authorization));
        let mood = peer.mood.lock().clone();
        match mood {
            Mood::Silent => std::future::pending().await,
            Mood::Says(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
            Mood::Well if path == "/subjects" => "[]".into_response(),
            Mood::Well => match peer.registered.lock().get(&path) {
                Some(body) => body.clone().into_response(),
                None => {
                    let body = r#"{"error_code":40403,"message":"Schema not found"}"#;
                    (StatusCode::NOT_FOUND, body).into_response()
                }
            },
        }
    }

    /// Answers on this port from now on.
    pub async fn serve(self: &Arc<Self>, port: u16) {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        let app = axum::Router::new().fallback(Self::answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
    }

    /// A peer that answers, and its port.
    pub async fn start() -> (Arc<Self>, u16) {
        let (peer, port) = (Arc::new(Self::default()), free_port().unwrap());
        peer.serve(port).await;
        (peer, port)
    }
}
