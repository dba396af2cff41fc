//! A schema registry that speaks Confluent's API: schemas by their ids, looked up once and kept.
//!
//! A registry that is away, slow, or answers nonsense is one thing ([`RegistryError::Away`]): whoever needs a schema may
//! ask again. A registry that says that it does not have a schema is another: payloads that name it cannot be read.

mod answer;
mod client;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::answer::{Kind, Reference, Registered};
use self::client::Client;
use crate::config::RegistryConfig;
use crate::decode::avro::AvroSchema;
use crate::decode::protobuf::{Import, ProtobufSchema};
use crate::decode::{Known, Schema, SchemaBook, SchemaKey};

/// How long it is believed that the registry does not have a schema: it may be registered a moment later.
const ABSENT_TTL: Duration = Duration::from_secs(5);

/// The same for a schema that cannot be read by. It never changes, but what it refers to may come into being.
const UNREADABLE_TTL: Duration = Duration::from_secs(60);

/// Requests under way at a time, so that payloads with ids from thin air do not become a storm of them.
const REQUESTS: usize = 4;

/// Between two attempts to reach the registry: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Schemas that one may refer to, directly or not, and over how many others.
const MAX_REFERENCES: usize = 200;
const MAX_REFERENCE_DEPTH: usize = 32;

/// The schemas of a registry, those that are known and the way to the others.
#[derive(Debug)]
pub struct Registry {
    book: SchemaBook,
    client: Client,
    requests: Semaphore,
    /// Schemas that are being looked up: of all who need one, one asks.
    under_way: Mutex<HashMap<SchemaKey, Arc<tokio::sync::Mutex<()>>>>,
}

/// Why the registry does not say what a schema is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// There is no answer, or none that one can go by: it may be there later.
    #[error("the schema registry gives no answer: {0}")]
    Away(String),
    /// It does not have it.
    #[error("the schema registry does not have {0}")]
    NotFound(String),
}

impl Registry {
    /// The registry of these settings. Nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with an address, or with the certificates that are trusted.
    pub fn new(config: &RegistryConfig) -> Result<Self, String> {
        Ok(Self {
            book: SchemaBook::default(),
            client: Client::new(config)?,
            requests: Semaphore::new(REQUESTS),
            under_way: Mutex::default(),
        })
    }

    /// The schemas that are known.
    pub fn book(&self) -> &SchemaBook {
        &self.book
    }

    /// Asks whether the registry answers, and takes the credentials.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn visit(&self) -> Result<(), RegistryError> {
        let answer = self.client.get("/subjects").await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(RegistryError::NotFound("a list of subjects".to_owned()))
        }
    }

    /// Finds out about a schema, which is in the book then: it, or that it is none to read by. Tries until the deadline.
    ///
    /// # Errors
    /// [`RegistryError::Away`]: nothing was found out.
    pub async fn learn(&self, key: SchemaKey, deadline: Instant) -> Result<(), RegistryError> {
        let lock = self.under_way.lock().entry(key).or_default().clone();
        let turn = Turn { registry: self, key, lock };
        match timeout_at(deadline, turn.lock.lock()).await {
            Ok(_turn) => self.learn_in_turn(key, deadline).await,
            Err(_) => Err(RegistryError::Away(format!("{key} is still being looked up"))),
        }
    }

    async fn learn_in_turn(&self, key: SchemaKey, deadline: Instant) -> Result<(), RegistryError> {
        let mut pause = FIRST_PAUSE;
        let mut last = RegistryError::Away(format!("{key} was not looked up in time"));
        loop {
            // Somebody else may have found out while this one waited.
            if self.book.get(key).is_some() {
                return Ok(());
            }
            match timeout_at(deadline, self.look_up(key)).await {
                Ok(Ok(known)) => {
                    self.book.insert(key, known);
                    return Ok(());
                }
                Ok(Err(error)) => last = error,
                Err(_) => return Err(last),
            }
            if Instant::now() + pause >= deadline {
                return Err(last);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn look_up(&self, key: SchemaKey) -> Result<Known, RegistryError> {
        // It is never closed.
        let _permit = self.requests.acquire().await;
        let path = match key {
            SchemaKey::Id(id) => format!("/schemas/ids/{id}"),
            SchemaKey::Guid(guid) => format!("/schemas/guids/{guid}"),
        };
        let registered = match self.client.schema(&path, || key.to_string()).await {
            Ok(registered) => registered,
            Err(error @ RegistryError::NotFound(_)) => return Ok(refused(error.to_string(), ABSENT_TTL)),
            Err(error) => return Err(error),
        };
        let unreadable = |reason: String| refused(format!("{key} of the registry: {reason}"), UNREADABLE_TTL);
        let references = match self.references(&registered.references).await {
            Ok(references) => references,
            Err(error @ RegistryError::NotFound(_)) => {
                return Ok(refused(format!("{key} refers to another: {error}"), ABSENT_TTL));
            }
            Err(error) => return Err(error),
        };
        let Some(references) = references else {
            return Ok(unreadable(format!("it refers to more than {MAX_REFERENCES} others")));
        };
        Ok(match parse(&registered, references) {
            Ok(schema) => Known::Schema(schema),
            Err(error) => unreadable(error),
        })
    }

    /// The schemas that one refers to, each after those that it refers to itself. None: they are too many.
    async fn references(&self, of: &[Reference]) -> Result<Option<Vec<Import>>, RegistryError> {
        enum Step {
            Fetch(Reference, usize),
            Take(Import),
        }
        let mut steps: Vec<_> = of.iter().rev().map(|reference| Step::Fetch(reference.clone(), 1)).collect();
        let mut seen = HashSet::new();
        let mut imports = Vec::new();
        while let Some(step) = steps.pop() {
            match step {
                Step::Take(import) => imports.push(import),
                Step::Fetch(reference, depth) => {
                    if !seen.insert((reference.subject.clone(), reference.version)) {
                        continue;
                    }
                    if seen.len() > MAX_REFERENCES || depth > MAX_REFERENCE_DEPTH {
                        return Ok(None);
                    }
                    let named =
                        || format!("version {} of subject {:?}", reference.version, reference.subject);
                    let registered = self.client.schema(&reference.path(), named).await?;
                    steps.push(Step::Take(Import { name: reference.name, text: registered.schema }));
                    let own = registered.references.into_iter().rev();
                    steps.extend(own.map(|reference| Step::Fetch(reference, depth + 1)));
                }
            }
        }
        Ok(Some(imports))
    }
}

/// Makes of a schema what payloads are read by. `references` are those that it refers to, each after those that it
/// refers to itself.
fn parse(registered: &Registered, references: Vec<Import>) -> Result<Schema, String> {
    match &registered.kind {
        Kind::Avro => {
            let texts: Vec<String> = references.into_iter().map(|reference| reference.text).collect();
            let schema = AvroSchema::parse(&registered.schema, &texts).map_err(|error| error.to_string())?;
            Ok(Schema::Avro(Arc::new(schema)))
        }
        Kind::Protobuf => {
            let schema =
                ProtobufSchema::parse(&registered.schema, &references).map_err(|error| error.to_string())?;
            Ok(Schema::Protobuf(Arc::new(schema)))
        }
        Kind::Other(kind) => Err(format!("it is {kind}, which quafka does not read yet")),
    }
}

/// Somebody who looks a schema up, or waits for another who does.
struct Turn<'r> {
    registry: &'r Registry,
    key: SchemaKey,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut under_way = self.registry.under_way.lock();
        // The list has one, and this is the other: nobody else waits.
        if Arc::strong_count(&self.lock) <= 2 {
            under_way.remove(&self.key);
        }
    }
}

impl Client {
    async fn schema(&self, path: &str, named: impl FnOnce() -> String) -> Result<Registered, RegistryError> {
        let answer = self.get(path).await?;
        Registered::read(&answer, named)
    }
}

fn refused(reason: String, ttl: Duration) -> Known {
    Known::Refused(reason.into(), (Instant::now() + ttl).into_std())
}
