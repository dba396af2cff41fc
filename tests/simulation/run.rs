//! One seed: lives of the gateway, one after the other, until all that was sent has come to an end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quafka::config::{Config, Durability, HostPort, Overrides, QuestDbConfig, Transport, parse};
use quafka::memory::MemoryBudget;
use quafka::server::{Ground, Prepared};
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle};
use tokio::time::{sleep, timeout};

use crate::check;
use crate::producer;
use crate::questdb::{Network, QuestDb};
use crate::setup::{Bug, End};
use crate::world::World;

/// When all goes well again everything comes to an end by then, by the simulation's clock.
const PATIENCE: Duration = Duration::from_secs(600);
/// A life that is to be killed ends by then in any case.
const LONGEST_LIFE: Duration = Duration::from_secs(20);
/// What is closed is gone by then.
const GRACE: Duration = Duration::from_secs(60);

/// What came of a seed.
pub struct Run {
    pub happened: Vec<String>,
    pub wrong: Vec<String>,
}

pub fn run(seed: u64, bug: Option<Bug>) -> Run {
    let world = Arc::new(World::new(seed, bug));
    let data_dir = world.setup.data_dir.then(data_dir);
    for _ in 0..world.setup.lives.len() {
        // A runtime of its own: when it is dropped nothing of that life goes on, as after a SIGKILL.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let killed = live(&world, data_dir.as_ref()).await;
            world.life_ends(killed);
        });
        *world.gateway.lock() = None;
        drop(runtime);
        world.tasks.store(0, Ordering::Relaxed);
        world.sessions.store(0, Ordering::Relaxed);
    }
    check::check(&world);
    let (happened, wrong) = world.result();
    Run { happened, wrong }
}

/// In memory where there is such a place: the files are the real ones, and synced.
fn data_dir() -> TempDir {
    let folder = tempfile::Builder::new().prefix("quafka-simulation-").tempdir_in("/dev/shm");
    folder.or_else(|_| tempfile::tempdir()).unwrap()
}

/// One life. True where it was killed.
async fn live(world: &Arc<World>, data_dir: Option<&TempDir>) -> bool {
    let life = world.life().clone();
    world.life_begins(match life.end {
        End::KilledAt(count) => Some(count),
        _ => None,
    });
    world.disk.fail(life.disk_failures);
    QuestDb::after_the_kill(world);
    for outage in life.outages.iter().filter(|outage| !outage.frozen) {
        let (task, from) = (world.clone(), outage.from);
        world.spawn(async move {
            sleep(from).await;
            task.note("questdb: is gone");
            task.questdb.lock().die();
        });
    }
    let killed = async {
        match life.end {
            End::Killed(at) => sleep(at).await,
            End::KilledAt(_) => world.kill.notified().await,
            End::Told(_) | End::Done { .. } => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = killed => true,
        () = from_start_to_end(world, data_dir.map(TempDir::path)) => false,
    }
}

async fn from_start_to_end(world: &Arc<World>, data_dir: Option<&Path>) {
    let ground = Ground { dial: Arc::new(Network(world.clone())), spool: Some(Arc::new(world.disk.clone())) };
    let prepared = match Prepared::new(config(world, data_dir), ground).await {
        Ok(prepared) => prepared,
        Err(error) => return world.is_wrong(format!("the gateway does not start: {error}")),
    };
    let gateway = prepared.begin(HostPort { host: "gateway".to_owned(), port: 9092 });
    world.note("the gateway lives");
    let memory = gateway.gateway().memory.clone();
    *world.gateway.lock() = Some(gateway);
    for book in &world.books {
        world.spawn(producer::run(world.clone(), book.clone()));
    }
    match world.life().end {
        End::Told(at) => sleep(at.saturating_sub(world.elapsed())).await,
        End::Done { .. } => until_all_is_done(world).await,
        // Where less happens than it was to be killed after.
        End::Killed(_) | End::KilledAt(_) => sleep(LONGEST_LIFE).await,
    }
    world.note("the gateway is told to end");
    let gateway = world.gateway.lock().take();
    let finished = match gateway {
        Some(gateway) => gateway.end().await,
        None => true,
    };
    if !finished && world.is_calm() {
        world.is_wrong("the gateway was told to end and has given up what was in flight");
    }
    sees_that_nothing_is_left(world, &memory).await;
}

/// Waits until every batch has come to an end, and what waits for QuestDB has arrived there.
async fn until_all_is_done(world: &World) {
    let is_done = || {
        let spooled = |gateway: &quafka::server::Life| {
            gateway.gateway().spooling.as_ref().map_or(0, |spooling| spooling.batches())
        };
        let spooled = world.gateway.lock().as_ref().map_or(0, spooled);
        world.is_calm()
            && world.books.iter().all(|book| book.lock().is_done())
            && spooled == 0
            && world.questdb.lock().is_at_rest()
    };
    let all = async {
        while !is_done() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(PATIENCE, all).await.is_err() {
        let at_work: Vec<usize> = world
            .books
            .iter()
            .map(|book| book.lock())
            .filter(|book| !book.is_done())
            .map(|book| book.number)
            .collect();
        world.is_wrong(format!(
            "producers {at_work:?} or the spool do not come to an end, although nothing goes wrong any more"
        ));
    }
}

async fn sees_that_nothing_is_left(world: &Arc<World>, memory: &MemoryBudget) {
    if world.bug == Some(Bug::LeaksMemory) {
        let mut charge = memory.frame();
        charge.arrived(1);
        std::mem::forget(charge);
    }
    if world.bug == Some(Bug::LeaksATask) {
        tokio::spawn(std::future::pending::<()>());
    }
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let nothing_is_left = async {
        loop {
            // Producers go on trying.
            let own = world.tasks.load(Ordering::Relaxed);
            let sessions = world.sessions.load(Ordering::Relaxed);
            if memory.used_bytes() == 0 && tasks() == own && sessions == 0 {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(GRACE, nothing_is_left).await.is_err() {
        world.is_wrong(format!(
            "after the end of the gateway {} bytes of memory, {} tasks and {} connections are left",
            memory.used_bytes(),
            tasks() as i64 - world.tasks.load(Ordering::Relaxed) as i64,
            world.sessions.load(Ordering::Relaxed)
        ));
    }
}

fn config(world: &World, data_dir: Option<&Path>) -> Config {
    let setup = &world.setup;
    let parsed = parse(Path::new("simulation.toml"), &setup.toml(), &Overrides::default());
    let mut config = parsed.unwrap_or_else(|errors| panic!("{errors}")).config;
    config.data_dir = data_dir.map(Path::to_owned);
    config.durability = setup.durability;
    config.spool.bytes = setup.spool_bytes;
    config.spool.segment_bytes = setup.spool_bytes.min(16_000) / 4;
    config.spool.overflow_after = setup.overflow_after;
    config.questdb = QuestDbConfig {
        conf: "http::addr=questdb:9000;".to_owned(),
        transport: Transport::Http,
        lanes: setup.lanes,
        exactly_once: setup.exactly_once,
    };
    config.limits.memory = setup.memory;
    assert!(config.durability == Durability::Direct || config.data_dir.is_some());
    config
}
