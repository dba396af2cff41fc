use std::io;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::checkpoint::Checkpoint;
use super::entry::{Entry, EntryHead};
use super::folder::Folder;
use super::log::{Location, Log, LogOptions, SpoolError};
use super::notes::Notes;
use super::recovery::{self, Recovered};
use super::segment::{Cursor, Segments};
use crate::fence::FenceToken;

/// So much is written and synced at a time, at most, except that one entry always is.
const GROUP_BYTES: usize = 8 << 20;

/// A batch for the spool.
pub struct NewEntry {
    /// What is to be known of it. Its number is given by the spool.
    pub head: EntryHead,
    /// The record batch as it was sent.
    pub batch: Bytes,
    /// Set for an idempotent producer's batch: void as soon as one of its batches is not in the spool.
    pub fence: Option<FenceToken>,
}

/// Resolves when the batch is on the disk.
pub struct Appended(oneshot::Receiver<Result<Location, SpoolError>>);

impl Appended {
    /// Waits for it.
    pub async fn stored(self) -> Result<Location, SpoolError> {
        self.0.await.unwrap_or(Err(SpoolError::Closed))
    }
}

enum Order {
    Append(NewEntry, oneshot::Sender<Result<Location, SpoolError>>),
    Forget(oneshot::Sender<io::Result<()>>),
    EndSegment,
}

/// The spool of this gateway. Appending, syncing and forgetting are the work of one thread.
pub struct Spool {
    /// There until this is dropped.
    orders: Option<mpsc::UnboundedSender<Order>>,
    /// Likewise, except in a simulation.
    thread: Option<thread::JoinHandle<()>>,
    segments: Segments,
    done: Arc<Mutex<Checkpoint>>,
    /// None where the disk has no room for them.
    notes: Option<Notes>,
    durable: watch::Receiver<u64>,
}

impl Spool {
    /// Opens a folder, repairing what can be. `each` sees every entry that waits for QuestDB.
    pub fn open(
        folder: Arc<dyn Folder>,
        options: LogOptions,
        each: impl FnMut(&Entry<'_>),
    ) -> io::Result<(Self, Recovered)> {
        let opened = recovery::open(&*folder, true, each)?;
        let mut log = Log::new(folder.clone(), options, opened.segments.clone(), opened.next);
        // What was noted is in the checkpoint before the notes are cleared.
        let notes = log.forget(&opened.checkpoint).and_then(|()| Notes::begin(&*folder));
        let notes = notes.map_err(|error| {
            tracing::warn!(
                "the spool cannot note what is done: {error}; after a crash more of it is written twice"
            );
        });
        let done = Arc::new(Mutex::new(opened.checkpoint));
        let (sender, durable) = watch::channel(log.durable());
        let (orders, receiver) = mpsc::unbounded_channel();
        let writer = Writer { log, orders: receiver, done: done.clone(), durable: sender };
        let thread = if folder.simulated_pace().is_some() {
            tokio::spawn(writer.run_as_task(folder));
            None
        } else {
            Some(thread::Builder::new().name("spool".to_owned()).spawn(move || writer.run())?)
        };
        let spool = Self {
            orders: Some(orders),
            thread,
            segments: opened.segments,
            done,
            notes: notes.ok(),
            durable,
        };
        Ok((spool, opened.recovered))
    }

    /// Looks at a folder without changing it. `each` sees every entry that waits for QuestDB.
    pub fn look(folder: &dyn Folder, each: impl FnMut(&Entry<'_>)) -> io::Result<Recovered> {
        Ok(recovery::open(folder, false, each)?.recovered)
    }

    /// Appends a batch, behind all that were appended before it.
    pub fn append(&self, entry: NewEntry) -> Appended {
        let (sender, receiver) = oneshot::channel();
        self.order(Order::Append(entry, sender));
        Appended(receiver)
    }

    /// All entries that are on the disk, in order, from the oldest on. Those that are done are left out.
    pub fn entries(&self) -> Entries {
        Entries {
            cursor: Cursor::new(self.segments.clone()),
            done: self.done.clone(),
            durable: self.durable.clone(),
        }
    }

    /// Reads an entry and hands it to `with`; nothing where the disk does not have it any more as it was written.
    pub fn read<T>(&self, location: &Location, with: impl FnOnce(Entry<'_>) -> T) -> io::Result<Option<T>> {
        self.segments.read(location, with)
    }

    /// Like [`Spool::read`], without holding up whoever waits for it.
    pub async fn batch(&self, location: Location) -> io::Result<Option<Bytes>> {
        let segments = self.segments.clone();
        let read = move || segments.read(&location, |entry| Bytes::copy_from_slice(entry.batch));
        match self.thread {
            Some(_) => spawn_blocking(read).await.map_err(io::Error::other)?,
            None => read(),
        }
    }

    /// Notes that an entry need not be kept. It is forgotten with the next [`Spool::forget`]; when the process dies before
    /// that, it is known to be done all the same.
    pub fn done(&self, number: u64) {
        self.done.lock().done(number..number + 1);
        if let Some(notes) = &self.notes {
            notes.add(number);
        }
    }

    /// Writes down what is done, and removes the files that are done with.
    pub async fn forget(&self) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.order(Order::Forget(sender));
        receiver.await.unwrap_or(Ok(()))
    }

    /// Lets the next batch begin a new file, so that the one before it can go when it is done with.
    pub fn end_segment(&self) {
        self.order(Order::EndSegment);
    }

    /// What the spool takes on the disk.
    pub fn disk_bytes(&self) -> u64 {
        self.segments.allocated_bytes()
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // Where the thread has ended, the order's reply is dropped with it, which reads as `Closed`.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Spool {
    /// Waits until the thread has done what it was told before, so that the folder is free.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The way over the entries.
pub struct Entries {
    cursor: Cursor,
    done: Arc<Mutex<Checkpoint>>,
    durable: watch::Receiver<u64>,
}

impl Entries {
    /// The next entry; waits where there is none yet. Nothing once the spool is closed.
    pub async fn next(&mut self) -> io::Result<Option<(EntryHead, Location)>> {
        loop {
            self.durable.borrow_and_update();
            while let Some((head, location)) = self.cursor.next()? {
                if !self.done.lock().is_done(location.number) {
                    return Ok(Some((head, location)));
                }
            }
            if self.durable.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}

/// The thread.
struct Writer {
    log: Log,
    orders: mpsc::UnboundedReceiver<Order>,
    done: Arc<Mutex<Checkpoint>>,
    durable: watch::Sender<u64>,
}

impl Writer {
    fn run(mut self) {
        let mut carried = None;
        while let Some(order) = carried.take().or_else(|| self.orders.blocking_recv()) {
            carried = self.carry_out(order);
        }
    }

    async fn run_as_task(mut self, folder: Arc<dyn Folder>) {
        let mut carried = None;
        loop {
            let order = match carried.take() {
                Some(order) => order,
                None => match self.orders.recv().await {
                    Some(order) => order,
                    None => return,
                },
            };
            if let Some(pace) = folder.simulated_pace() {
                sleep(pace).await;
            }
            carried = self.carry_out(order);
        }
    }

    /// Group commit without a timer: while a sync is under way batches gather, and the next sync is for all of them.
    /// Returns the order that came behind them, where it is another one.
    fn carry_out(&mut self, order: Order) -> Option<Order> {
        match order {
            Order::Append(entry, reply) => {
                let mut bytes = entry.batch.len();
                let mut group = vec![(entry, reply)];
                let mut other = None;
                while bytes < GROUP_BYTES
                    && let Ok(order) = self.orders.try_recv()
                {
                    match order {
                        Order::Append(entry, reply) => {
                            bytes += entry.batch.len();
                            group.push((entry, reply));
                        }
                        order => {
                            other = Some(order);
                            break;
                        }
                    }
                }
                self.append(group);
                return other;
            }
            Order::Forget(reply) => {
                let done = self.done.lock().clone();
                let _ = reply.send(self.log.forget(&done));
            }
            Order::EndSegment => self.log.end_segment(),
        }
        None
    }

    fn append(&mut self, group: Vec<(NewEntry, oneshot::Sender<Result<Location, SpoolError>>)>) {
        // What comes behind a batch that is not here must not be here either.
        let is_void = |entry: &NewEntry| entry.fence.as_ref().is_some_and(FenceToken::is_void);
        let (void, group): (Vec<_>, Vec<_>) = group.into_iter().partition(|(entry, _)| is_void(entry));
        let entries: Vec<_> =
            group.iter().map(|(entry, _)| Entry { head: entry.head.clone(), batch: &entry.batch }).collect();
        let results = self.log.append(&entries);
        drop(entries);
        self.durable.send_replace(self.log.durable());
        for (_, reply) in void {
            let _ = reply.send(Err(SpoolError::OutOfLine));
        }
        for ((entry, reply), result) in group.into_iter().zip(results) {
            if let (Err(_), Some(fence)) = (&result, &entry.fence) {
                fence.void();
            }
            let _ = reply.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::OnDisk;
    use super::*;
    use crate::fence::Fence;

    const OPTIONS: LogOptions = LogOptions { segment_bytes: 4_096, limit_bytes: 40_960 };

    fn open(path: &std::path::Path, options: LogOptions) -> (Spool, Vec<(u64, Vec<u8>)>) {
        let mut found = Vec::new();
        let folder = Arc::new(OnDisk::take(path).unwrap());
        let (spool, recovered) =
            Spool::open(folder, options, |entry| found.push((entry.head.number, entry.batch.to_vec())))
                .unwrap();
        assert_eq!(recovered.damages, []);
        (spool, found)
    }

    fn entry(batch: &str, fence: Option<FenceToken>) -> NewEntry {
        let head =
            EntryHead { number: 0, arrival_ms: 5, base_offset: 6, topic: "trades".to_owned(), partition: 1 };
        NewEntry { head, batch: Bytes::copy_from_slice(batch.as_bytes()), fence }
    }

    #[tokio::test]
    async fn what_is_stored_is_read_in_order_and_forgotten_when_done() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = open(folder.path(), OPTIONS);
        let mut entries = spool.entries();
        let appended: Vec<_> =
            (0..100).map(|n| spool.append(entry(&format!("batch {n:0100}"), None))).collect();
        for (index, appended) in appended.into_iter().enumerate() {
            assert_eq!(appended.stored().await.unwrap().number, index as u64 + 1);
        }
        for n in 0..100 {
            let (head, location) = entries.next().await.unwrap().unwrap();
            assert_eq!((head.number, head.topic.as_str(), head.base_offset), (n + 1, "trades", 6));
            let batch = spool.read(&location, |entry| entry.batch.to_vec()).unwrap().unwrap();
            assert_eq!(batch, format!("batch {n:0100}").into_bytes());
            if n != 70 {
                spool.done(location.number);
            }
        }
        let before = spool.disk_bytes();
        spool.forget().await.unwrap();
        assert!(spool.disk_bytes() < before);
        // Another that waits is woken by what comes.
        let next = tokio::spawn(async move { entries.next().await.unwrap().map(|(head, _)| head.number) });
        let stored = spool.append(entry("late", None)).stored().await.unwrap();
        assert_eq!(next.await.unwrap(), Some(stored.number));
        drop(spool);
        let (_spool, found) = open(folder.path(), OPTIONS);
        assert_eq!(found, [(71, format!("batch {:0100}", 70).into_bytes()), (101, b"late".to_vec())]);
        let taken = OnDisk::take(folder.path()).unwrap_err();
        assert!(taken.to_string().contains("another quafka uses this folder"), "{taken}");
    }

    #[tokio::test]
    async fn what_was_done_when_the_process_died_is_not_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = open(folder.path(), OPTIONS);
        for n in 0..10 {
            spool.append(entry(&n.to_string(), None)).stored().await.unwrap();
        }
        for number in [1, 2, 5, 10] {
            spool.done(number);
        }
        drop(spool);
        let numbers =
            |found: Vec<(u64, Vec<u8>)>| found.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
        let (spool, found) = open(folder.path(), OPTIONS);
        assert_eq!(numbers(found), [3, 4, 6, 7, 8, 9]);
        spool.done(3);
        drop(spool);
        let (spool, found) = open(folder.path(), OPTIONS);
        assert_eq!(numbers(found), [4, 6, 7, 8, 9]);
        for number in [4, 6, 7, 8, 9] {
            spool.done(number);
        }
        drop(spool);
        // Somebody deletes the rest of it: what was noted is not of the new entries, which get the same numbers.
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap() != "done" {
                std::fs::remove_file(path).unwrap();
            }
        }
        let (spool, found) = open(folder.path(), OPTIONS);
        assert!(found.is_empty());
        let first = spool.append(entry("new", None)).stored().await.unwrap().number;
        drop(spool);
        let (_spool, found) = open(folder.path(), OPTIONS);
        assert_eq!(numbers(found), [first]);
    }

    #[tokio::test]
    async fn entries_with_a_segment_each_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let options = LogOptions { segment_bytes: 16, limit_bytes: 1 << 20 };
        let (spool, _) = open(folder.path(), options);
        let mut entries = spool.entries();
        for n in 1..=20 {
            spool.append(entry(&"x".repeat(n as usize * 10), None)).stored().await.unwrap();
        }
        for n in 1..=20 {
            let (head, location) = entries.next().await.unwrap().unwrap();
            let length = spool.read(&location, |entry| entry.batch.len()).unwrap();
            assert_eq!((head.number, length), (n, Some(n as usize * 10)));
        }
        drop(spool);
        // What was preallocated and not used is given back when it is opened again.
        let (spool, found) = open(folder.path(), LogOptions { segment_bytes: 1 << 20, limit_bytes: 4 << 20 });
        assert_eq!(found.len(), 20);
        spool.append(entry("one more", None)).stored().await.unwrap();
        assert!(spool.disk_bytes() > 1 << 20);
        drop(spool);
        let (spool, found) = open(folder.path(), OPTIONS);
        assert_eq!(found.len(), 21);
        assert!(spool.disk_bytes() < 8_000, "{}", spool.disk_bytes());
    }

    #[tokio::test]
    async fn what_follows_a_batch_that_found_no_room_is_not_taken_either() {
        let folder = tempfile::tempdir().unwrap();
        let options = LogOptions { segment_bytes: 1_000, limit_bytes: 1_000 };
        let (spool, _) = open(folder.path(), options);
        let fence = Fence::default();
        let (large, small) = ("x".repeat(700), "y".repeat(10));
        spool.append(entry(&large, Some(fence.token()))).stored().await.unwrap();
        let refused = spool.append(entry(&large, Some(fence.token())));
        let follower = spool.append(entry(&small, Some(fence.token())));
        assert!(matches!(refused.stored().await, Err(SpoolError::Full(_))));
        assert!(follower.stored().await.is_err());
        // There is room again, but the follower that was admitted before the failure is settled comes too early.
        let token = Fence::default().token();
        token.void();
        spool.done(1);
        spool.end_segment();
        spool.forget().await.unwrap();
        assert_eq!(spool.append(entry(&small, Some(token))).stored().await, Err(SpoolError::OutOfLine));
        fence.mend([]);
        spool.append(entry(&small, Some(fence.token()))).stored().await.unwrap();
    }
}
