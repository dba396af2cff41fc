//! What the disk may do to the spool: each step fails or ends the process, the power goes, bytes flip, the disk is full.
//! After each the promise is checked: what was acknowledged and not done is there, as it was, in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::entry::{Entry, EntryHead};
use super::faulty::{Fault, Faulty};
use super::log::{Log, LogOptions, SpoolError};
use super::recovery::{self, Recovered};

const OPTIONS: LogOptions = LogOptions { segment_bytes: 600, limit_bytes: 1 << 20 };

/// A small generator: a failing seed is printed and does the same again.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }
}

/// One life of a spool, and what was promised in it and in those before.
struct Life {
    log: Log,
    done: Checkpoint,
    random: Random,
}

#[derive(Default)]
struct Promised {
    /// Acknowledged: number and batch.
    stored: BTreeMap<u64, Vec<u8>>,
    /// Done, and that was written down.
    forgotten: Checkpoint,
    /// Entries that were given to the spool at some time.
    sent: usize,
}

impl Life {
    fn begin(folder: &Faulty, options: LogOptions, seed: u64) -> (Self, BTreeMap<u64, Vec<u8>>, Recovered) {
        let mut found = BTreeMap::new();
        let mut last = 0;
        let opened = recovery::open(folder, true, |entry| {
            assert!(entry.head.number > last, "out of order");
            last = entry.head.number;
            assert_eq!((entry.head.topic.as_str(), entry.head.partition), ("t", 3));
            found.insert(last, entry.batch.to_vec());
        })
        .unwrap();
        let log = Log::new(Arc::new(folder.clone()), options, opened.segments, opened.next);
        (Self { log, done: opened.checkpoint, random: Random::new(seed) }, found, opened.recovered)
    }

    /// Appends some batches; the numbers of those that were acknowledged.
    fn append(&mut self, promised: &mut Promised) -> Result<(), SpoolError> {
        let batches: Vec<Vec<u8>> = (0..1 + self.random.below(5))
            .map(|_| {
                promised.sent += 1;
                let length = self.random.below(200);
                let text = format!("batch {} ", promised.sent);
                text.bytes().cycle().take(text.len() + length).collect()
            })
            .collect();
        let entries: Vec<_> = batches.iter().map(|batch| Entry { head: head(), batch }).collect();
        let mut failed = Ok(());
        let mut acknowledged = Vec::new();
        let before = self.log.durable();
        for (result, batch) in self.log.append(&entries).into_iter().zip(&batches) {
            match result {
                Ok(location) => {
                    acknowledged.push(location.number);
                    let before = promised.stored.insert(location.number, batch.clone());
                    assert_eq!(before, None, "number {} twice", location.number);
                }
                Err(error) => failed = Err(error),
            }
        }
        // What is on the disk goes to QuestDB: it must not be sent again.
        assert_eq!(acknowledged, (before + 1..=self.log.durable()).collect::<Vec<_>>());
        failed
    }

    fn forget(&mut self, promised: &mut Promised) {
        for number in promised.stored.keys() {
            if !self.done.is_done(*number) && self.random.below(3) == 0 {
                self.done.done(*number..number + 1);
            }
        }
        if self.log.forget(&self.done).is_ok() {
            promised.forgotten = self.done.clone();
        }
    }

    /// Appends, forgets and ends segments, so many times.
    fn run(&mut self, rounds: usize, promised: &mut Promised) {
        for _ in 0..rounds {
            match self.random.below(8) {
                0..=4 => drop(self.append(promised)),
                5 | 6 => self.forget(promised),
                _ => self.log.end_segment(),
            }
        }
    }
}

fn head() -> EntryHead {
    EntryHead { number: 0, arrival_ms: 1, base_offset: 2, topic: "t".to_owned(), partition: 3 }
}

/// What was acknowledged and not done has to be there. Err: what is missing.
fn check(promised: &Promised, found: &BTreeMap<u64, Vec<u8>>, now: &Checkpoint) -> Result<(), String> {
    for (number, batch) in &promised.stored {
        match found.get(number) {
            Some(read) if read == batch => {}
            Some(_) => return Err(format!("entry {number} is another")),
            None if now.is_done(*number) => {}
            None => return Err(format!("entry {number} is lost")),
        }
        if promised.forgotten.is_done(*number) && found.contains_key(number) {
            return Err(format!("entry {number} is back"));
        }
    }
    Ok(())
}

/// A life with a fault, and the next one, which has to find what was promised.
fn survive(seed: u64, step: usize, fault: Fault, power_cut: bool) -> usize {
    let folder = Faulty::default();
    let mut promised = Promised::default();
    folder.fail_at(step, fault);
    let (mut life, ..) = Life::begin(&folder, OPTIONS, seed);
    life.run(25, &mut promised);
    let steps = folder.steps();
    let done_in_memory = life.done.clone();
    drop(life);
    let mut random = Random::new(seed ^ 0xabcd);
    match power_cut {
        true => folder.power_cut(&mut |limit| random.below(limit)),
        false => folder.restart(),
    }
    let case = format!("seed {seed}, {fault:?} at step {step}, power cut: {power_cut}");
    for life in 0..2 {
        let (mut next, found, recovered) = Life::begin(&folder, OPTIONS, seed + 1);
        check(&promised, &found, &done_in_memory)
            .unwrap_or_else(|fault| panic!("{case}, life {life}: {fault}"));
        let lost: Vec<_> = recovered.damages.iter().filter(|damage| !damage.entries.is_empty()).collect();
        let gaps = lost.iter().flat_map(|damage| damage.entries.clone());
        let acked = gaps.filter(|number| promised.stored.contains_key(number)).count();
        assert_eq!(acked, 0, "{case}: {lost:?}");
        // It goes on where it was.
        next.append(&mut promised).unwrap_or_else(|error| panic!("{case}: {error}"));
        next.log.forget(&done_in_memory).unwrap();
        promised.forgotten = done_in_memory.clone();
    }
    steps
}

#[test]
fn a_crash_at_every_step_loses_nothing() {
    for seed in 0..6 {
        let steps = survive(seed, usize::MAX - 1, Fault::Crash, false);
        assert!(steps > 20, "{steps}");
        for step in 0..steps {
            survive(seed, step, Fault::Crash, false);
        }
    }
}

#[test]
fn a_power_cut_at_every_step_loses_nothing() {
    for seed in 0..300 {
        let steps = 60;
        survive(seed, (seed as usize * 7) % steps, Fault::Crash, true);
        survive(seed, usize::MAX - 1, Fault::Crash, true);
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out_by_these_tests() {
    let folder = Faulty::default();
    folder.lie_about_syncs();
    let mut promised = Promised::default();
    let (mut life, ..) = Life::begin(&folder, OPTIONS, 1);
    for _ in 0..5 {
        life.append(&mut promised).unwrap();
    }
    let done = life.done.clone();
    folder.power_cut(&mut |_| 1);
    let (_, found, _) = Life::begin(&folder, OPTIONS, 2);
    assert_eq!(check(&promised, &found, &done), Err("entry 1 is lost".to_owned()));
}

#[test]
fn after_an_error_of_a_write_or_a_sync_nothing_is_taken_until_it_is_opened_again() {
    for seed in 0..6 {
        let steps = survive(seed, usize::MAX - 1, Fault::Error, false);
        for step in 0..steps {
            survive(seed, step, Fault::Error, false);
            survive(seed, step, Fault::Error, true);
        }
    }
    let folder = Faulty::default();
    let mut promised = Promised::default();
    let (mut life, ..) = Life::begin(&folder, OPTIONS, 1);
    life.append(&mut promised).unwrap();
    // The next write works and its sync fails; later ones would work.
    folder.fail_at(folder.steps() + 1, Fault::Error);
    assert!(matches!(life.append(&mut promised), Err(SpoolError::Failed(_))));
    let (steps, stored) = (folder.steps(), promised.stored.len());
    for _ in 0..3 {
        assert!(matches!(life.append(&mut promised), Err(SpoolError::Failed(_))));
    }
    assert_eq!((folder.steps(), promised.stored.len()), (steps, stored), "it tried again");
}

#[test]
fn a_full_disk_is_said_and_over_when_there_is_room() {
    for limited_by_the_disk in [true, false] {
        let folder = Faulty::default();
        let mut options = OPTIONS;
        match limited_by_the_disk {
            true => folder.hold_at_most(Some(2_000)),
            false => options.limit_bytes = 1_800,
        }
        let mut promised = Promised::default();
        let (mut life, ..) = Life::begin(&folder, options, 3);
        let full = (0..100).find_map(|_| life.append(&mut promised).err()).expect("it never is full");
        assert!(matches!(full, SpoolError::Full(_)), "{full:?}");
        let before = promised.stored.len();
        assert_eq!(life.append(&mut promised), Err(full), "a smaller one must not overtake");
        assert_eq!(promised.stored.len(), before);
        life.done.done(0..u64::MAX / 2);
        life.log.forget(&life.done).unwrap();
        life.append(&mut promised).unwrap();
    }
}

#[test]
fn a_flipped_byte_anywhere_costs_one_entry_and_is_reported() {
    let folder = Faulty::default();
    let mut promised = Promised::default();
    let (mut life, ..) = Life::begin(&folder, OPTIONS, 5);
    for _ in 0..6 {
        life.append(&mut promised).unwrap();
    }
    life.log.forget(&life.done).unwrap();
    drop(life);
    let contents = folder.contents();
    assert!(contents.len() > 3, "{:?}", contents.keys());
    for (name, bytes) in &contents {
        for (index, flip) in (0..bytes.len()).flat_map(|index| [(index, 0xff), (index, 1)]) {
            let mut damaged = contents.clone();
            damaged.get_mut(name).unwrap()[index] ^= flip;
            let (life, found, recovered) = Life::begin(&Faulty::with(damaged), OPTIONS, 6);
            let missing: Vec<u64> =
                promised.stored.keys().copied().filter(|number| !found.contains_key(number)).collect();
            let case = format!("{name}, byte {index}: {recovered:?}");
            assert!(missing.len() <= 1, "{missing:?} {case}");
            for number in missing {
                let reported = recovered.damages.iter().find(|damage| damage.entries.contains(&number));
                assert!(reported.is_some_and(|damage| damage.kept_as.is_some()), "{case}");
            }
            assert!(found.iter().all(|(number, batch)| promised.stored.get(number) == Some(batch)), "{case}");
            assert_eq!(recovered.checkpoint.is_some(), name == "checkpoint", "{case}");
            assert_eq!(life.log.durable(), *promised.stored.last_key_value().unwrap().0, "{case}");
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_reported() {
    let folder = Faulty::default();
    let mut promised = Promised::default();
    let (mut life, ..) = Life::begin(&folder, OPTIONS, 5);
    for _ in 0..6 {
        life.append(&mut promised).unwrap();
    }
    life.log.forget(&life.done).unwrap();
    let contents = folder.contents();
    for name in contents.keys().filter(|name| name.ends_with(".segment")) {
        let mut damaged = contents.clone();
        damaged.remove(name);
        let (mut life, found, recovered) = Life::begin(&Faulty::with(damaged), OPTIONS, 6);
        let (there, missing): (Vec<u64>, Vec<u64>) =
            promised.stored.keys().partition(|number| found.contains_key(number));
        let reported: Vec<u64> = recovered.damages.iter().flat_map(|damage| damage.entries.clone()).collect();
        assert!(!missing.is_empty());
        assert_eq!(missing, reported, "{name}");
        // What is lost does not keep the rest from being done with.
        for number in there {
            life.done.done(number..number + 1);
        }
        life.log.end_segment();
        life.log.forget(&life.done).unwrap();
        assert_eq!(life.done.low(), life.log.durable() + 1);
    }
}
