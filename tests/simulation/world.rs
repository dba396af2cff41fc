//! What outlives a life of the gateway: QuestDB, the producers' books, the disk, and the list of what happened.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use parking_lot::Mutex;
use quafka::server;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::disk::Disk;
use crate::producer::Book;
use crate::questdb::QuestDb;
use crate::random::Random;
use crate::setup::{Bug, Life, Setup};

/// A moment: in which life, and how long after the beginning of the first one by the simulation's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub life: usize,
    pub at: Duration,
}

pub struct World {
    pub setup: Setup,
    pub bug: Option<Bug>,
    pub questdb: Mutex<QuestDb>,
    pub books: Vec<Arc<Mutex<Book>>>,
    pub disk: Disk,
    /// The gateway, while it can be reached.
    pub gateway: Mutex<Option<server::Life>>,
    /// Tasks that are the simulation's own.
    pub tasks: AtomicUsize,
    /// Producers that have a connection.
    pub sessions: AtomicUsize,
    pub kill: Notify,
    clock: Mutex<Clock>,
    happened: Mutex<Happened>,
}

struct Clock {
    life: usize,
    /// By the clock of the runtime that runs now.
    began: Option<Instant>,
    before: Duration,
    /// How each life before this one ended.
    ended: Vec<(Moment, bool)>,
}

#[derive(Default)]
struct Happened {
    lines: Vec<String>,
    /// In this life; and when it is killed for it.
    count: u64,
    kill_at: Option<u64>,
    wrong: Vec<String>,
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Lets panics be noted, also those that tokio or a lane catches. A seed has a thread for itself.
pub fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
            print(panic);
        }));
    });
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>) -> Self {
        PANICS.with_borrow_mut(Vec::clear);
        let mut random = Random::new(seed);
        let setup = Setup::new(&mut random.fork());
        let books = (0..setup.producers.len())
            .map(|number| Arc::new(Mutex::new(Book::new(number, &setup, random.fork()))))
            .collect();
        let clock = Clock { life: 0, began: None, before: Duration::ZERO, ended: Vec::new() };
        let happened = Happened { lines: vec![format!("{setup:#?}")], ..Happened::default() };
        Self {
            questdb: Mutex::new(QuestDb::new(random.fork())),
            books,
            disk: Disk::new(random.fork()),
            gateway: Mutex::new(None),
            tasks: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            kill: Notify::new(),
            clock: Mutex::new(clock),
            happened: Mutex::new(happened),
            setup,
            bug,
        }
    }

    /// A life begins, on a runtime of its own.
    pub fn life_begins(&self, kill_at: Option<u64>) {
        self.clock.lock().began = Some(Instant::now());
        let mut happened = self.happened.lock();
        (happened.count, happened.kill_at) = (0, kill_at);
    }

    /// A life has ended; killed, so that what was under way is left as it is, or not.
    pub fn life_ends(&self, killed: bool) {
        self.note(if killed { "the gateway is killed" } else { "the gateway has ended" });
        let now = self.now();
        let mut clock = self.clock.lock();
        clock.ended.push((now, killed));
        (clock.before, clock.began) = (now.at, None);
        clock.life += 1;
    }

    pub fn now(&self) -> Moment {
        let clock = self.clock.lock();
        let elapsed = clock.began.map_or(Duration::ZERO, |began| began.elapsed());
        Moment { life: clock.life, at: clock.before + elapsed }
    }

    /// Since the beginning of this life.
    pub fn elapsed(&self) -> Duration {
        self.clock.lock().began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    pub fn life(&self) -> &Life {
        &self.setup.lives[self.clock.lock().life.min(self.setup.lives.len() - 1)]
    }

    /// Whether a life was killed, and when it ended.
    pub fn end_of(&self, life: usize) -> Option<(Moment, bool)> {
        self.clock.lock().ended.get(life).copied()
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        match self.life().end {
            crate::setup::End::Done { calm_after } => self.elapsed() >= calm_after,
            _ => false,
        }
    }

    pub fn note(&self, what: impl AsRef<str>) {
        let Moment { life, at } = self.now();
        let mut happened = self.happened.lock();
        happened.lines.push(format!("{life} {:>9.3} {}", at.as_secs_f64(), what.as_ref()));
        happened.count += 1;
        if happened.kill_at == Some(happened.count) {
            self.kill.notify_one();
        }
    }

    /// Something that must not be.
    pub fn is_wrong(&self, what: impl Into<String>) {
        let what = what.into();
        self.note(format!("WRONG: {what}"));
        self.happened.lock().wrong.push(what);
    }

    /// What happened, and what of it was wrong.
    pub fn result(&self) -> (Vec<String>, Vec<String>) {
        for panic in PANICS.take() {
            self.is_wrong(format!("a panic: {panic}"));
        }
        let happened = self.happened.lock();
        (happened.lines.clone(), happened.wrong.clone())
    }

    /// Starts a task that is the simulation's own.
    pub fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let world = self.clone();
        self.tasks.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            task.await;
            world.tasks.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
