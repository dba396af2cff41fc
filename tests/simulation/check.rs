//! What QuestDB has in the end, against what the producers sent and were told.

use std::collections::{BTreeMap, BTreeSet};

use quafka::config::Durability;

use crate::producer::{Batch, Book, Outcome};
use crate::questdb::{Row, Write};
use crate::setup::{Kind, OnError, Setup};
use crate::world::{Moment, World};

/// A row's topic, producer, partition and number.
type Key = (usize, usize, i32, i64);

/// Where a row is: its place among all rows of its table, and the request it came with.
#[derive(Clone, Copy, Debug)]
struct Copy {
    place: usize,
    write: usize,
}

/// Rows in tables of their topic, and those among the dead letters.
#[derive(Default)]
struct Found {
    rows: BTreeMap<Key, Vec<Copy>>,
    letters: BTreeMap<Key, Vec<Copy>>,
    /// Rows that QuestDB has refused once for no reason: they come later than others, if they do.
    late: BTreeSet<Key>,
}

pub fn check(world: &World) {
    world.questdb.lock().let_go();
    let found = collect(world);
    let mut offsets = Offsets::default();
    for book in &world.books {
        let book = book.lock();
        for line in &book.lines {
            let key = |row| (line.topic, book.number, line.partition, row);
            let mut last: Option<(i64, usize)> = None;
            for batch in &line.batches {
                let name = format!(
                    "producer {} partition {}: {}",
                    book.number,
                    line.partition,
                    batch.name(line.topic)
                );
                if let Some(Outcome::Acknowledged { base_offset }) = batch.outcome {
                    offsets.add(line.topic, line.partition, base_offset, batch, &name, world);
                }
                let rows = batch.first..batch.first + batch.rows;
                let in_parts = !batch.broken.is_empty()
                    || !batch.refused_by_questdb.is_empty()
                    || rows.clone().any(|row| found.late.contains(&key(row)));
                for row in rows {
                    let row =
                        Sent { world, book: &book, batch, topic: line.topic, row, in_parts, name: &name };
                    let copies = found.rows.get(&key(row.row)).map_or(&[][..], Vec::as_slice);
                    let letters = found.letters.get(&key(row.row)).map_or(&[][..], Vec::as_slice);
                    row.is_there_if_acknowledged(copies, letters);
                    row.is_there_once(copies);
                    row.is_there_once(letters);
                    // Under other numbers it is something else to the gateway, which may have refused it before.
                    let ordered = batch.numberings < 2
                        && matches!(book.setup.kind, Kind::Idempotent | Kind::OneByOne)
                        && !found.late.contains(&key(row.row));
                    if let (true, Some(Outcome::Acknowledged { .. }), Some(first)) =
                        (ordered, batch.outcome, copies.first())
                    {
                        if let Some((before, place)) = last
                            && place > first.place
                        {
                            world.is_wrong(format!("{name}: row {} stands before row {before}", row.row));
                        }
                        last = Some((row.row, first.place));
                    }
                }
            }
        }
    }
}

fn collect(world: &World) -> Found {
    let questdb = world.questdb.lock();
    let mut found = Found::default();
    let mut strange = Vec::new();
    for (table, contents) in &questdb.tables {
        for (place, (row, write)) in contents.rows.iter().enumerate() {
            let is_letter = table == "quafka_dead_letters";
            let key = if is_letter { letter(row) } else { plain(table, row) };
            let Some(key) = key.filter(|key| was_sent(world, *key)) else {
                strange.push(format!("table {table} has a row that nobody has sent: {row:?}"));
                continue;
            };
            let copies = if is_letter { &mut found.letters } else { &mut found.rows };
            copies.entry(key).or_default().push(Copy { place, write: *write });
        }
    }
    found.late = questdb.whims.iter().filter_map(|row| plain(&row.table, row)).collect();
    drop(questdb);
    strange.into_iter().for_each(|strange| world.is_wrong(strange));
    found
}

fn topic_of(table: &str) -> Option<usize> {
    table.strip_prefix("topic")?.parse().ok()
}

fn plain(table: &str, row: &Row) -> Option<Key> {
    let number = |name: &str| row.get(name)?.parse::<i64>().ok();
    let seq = number("seq")?;
    let is_right = number("v")? == seq * 31 + 7;
    is_right.then_some((topic_of(table)?, number("who")? as usize, number("part")? as i32, seq))
}

/// A record as it was sent.
fn letter(row: &Row) -> Option<Key> {
    let value = row.get("value")?;
    let topic = topic_of(row.get("kafka_topic")?)?;
    let numbers: Vec<i64> =
        value.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    let [who, part, seq, ..] = numbers[..] else { return None };
    Some((topic, who as usize, part as i32, seq))
}

fn was_sent(world: &World, (topic, who, partition, row): Key) -> bool {
    let Some(book) = world.books.get(who) else { return false };
    let book = book.lock();
    let line = book.lines.iter().find(|line| (line.topic, line.partition) == (topic, partition));
    line.is_some_and(|line| {
        let batch = line.batches.iter().find(|batch| (batch.first..batch.first + batch.rows).contains(&row));
        batch.is_some_and(|batch| batch.sends > 0)
    })
}

/// A row that a producer may have sent.
struct Sent<'a> {
    world: &'a World,
    book: &'a Book,
    batch: &'a Batch,
    topic: usize,
    row: i64,
    /// Some of its rows cannot be any, so that the others are not written together with them.
    in_parts: bool,
    name: &'a str,
}

impl Sent<'_> {
    fn wrong(&self, what: &str) {
        self.world.is_wrong(format!("{}: row {} {what}", self.name, self.row));
    }

    fn is_there_if_acknowledged(&self, copies: &[Copy], letters: &[Copy]) {
        let is_bad =
            self.batch.broken.contains(&self.row) || self.batch.refused_by_questdb.contains(&self.row);
        let setup = &self.world.setup;
        if is_bad && !copies.is_empty() {
            self.wrong("cannot become a row and is there as one");
        }
        let on_error = match setup.topics[self.topic] {
            // Where its producer cannot be told.
            OnError::Reject if setup.durability != Durability::Direct => OnError::Dlq,
            on_error => on_error,
        };
        match self.batch.outcome {
            Some(Outcome::Acknowledged { .. }) if !is_bad => {
                let is_there = !copies.is_empty() || !letters.is_empty() && setup.write_faults > 0;
                let is_skipped = on_error == OnError::Skip && setup.write_faults > 0;
                if !is_there && !is_skipped {
                    self.wrong("was acknowledged and is not there");
                }
            }
            Some(Outcome::Acknowledged { .. }) => match on_error {
                OnError::Reject => self.wrong("cannot become a row and was acknowledged"),
                OnError::Dlq if letters.is_empty() => self.wrong("cannot become a row and is no dead letter"),
                OnError::Dlq | OnError::Skip => {}
            },
            // Else it may have been sent before, and come as something new.
            Some(Outcome::Refused)
                if self.book.is_idempotent()
                    && self.batch.numberings == 1
                    && (setup.data_dir || setup.lives.len() == 1)
                    && !copies.iter().all(|copy| self.was_left_open(copy)) =>
            {
                self.wrong("was refused and is there");
            }
            _ => {}
        }
    }

    /// A copy needs a reason.
    fn is_there_once(&self, copies: &[Copy]) {
        if copies.len() < 2 {
            return;
        }
        let setup = &self.world.setup;
        // What is done of it is forgotten with the life.
        if self.in_parts && setup.lives.len() > 1 {
            return;
        }
        let spooled = setup.durability != Durability::Direct;
        let open = copies.iter().filter(|copy| self.was_left_open(copy)).count() as u64;
        if copies.len() as u64 > self.batch.sends + if spooled { open } else { 0 } {
            self.wrong(&format!("is there {} times and was sent {} times", copies.len(), self.batch.sends));
        }
        // Who has no numbers, or takes others, cannot be told from somebody who sends something else.
        if !self.book.is_idempotent() || self.batch.numberings > 1 && self.world.bug.is_none() {
            return;
        }
        let questdb = self.world.questdb.lock();
        let pairs = copies.iter().enumerate().flat_map(|(n, a)| copies[n + 1..].iter().map(move |b| (a, b)));
        for (a, b) in pairs {
            let (a, b) = (&questdb.writes[a.write], &questdb.writes[b.write]);
            let (first, second) = if a.began <= b.began { (a, b) } else { (b, a) };
            // Which of two in the same moment was the first one, is not known here.
            let has_reason = self.may_be_written_again(first, second.began)
                || first.began == second.began && self.may_be_written_again(second, first.began);
            if !has_reason {
                let (first, second) = (first.began, second.began);
                drop(questdb);
                return self.wrong(&format!("is there twice: of {first:?} and {second:?}"));
            }
        }
    }

    /// Whether it may have been unknown to the gateway, when it wrote again, that it had written.
    fn may_be_written_again(&self, write: &Write, again: Moment) -> bool {
        let setup = &self.world.setup;
        let remembers = setup.data_dir;
        let ends = (write.began.life..again.life).filter_map(|life| self.world.end_of(life));
        let was_killed = ends.clone().any(|(_, killed)| killed);
        let another_life = write.began.life != again.life;
        if another_life && !remembers {
            return true;
        }
        if setup.exactly_once && (remembers || !another_life) {
            return false;
        }
        // Where the disk fails it cannot be noted what is done.
        let disk_failed = setup.lives[write.began.life].disk_failures > 0;
        was_killed || another_life && disk_failed || write.answered.is_none_or(|answered| answered > again)
    }

    fn was_left_open(&self, copy: &Copy) -> bool {
        let questdb = self.world.questdb.lock();
        let write = &questdb.writes[copy.write];
        write.answered.is_none() || self.world.end_of(write.began.life).is_some_and(|(_, killed)| killed)
    }
}

/// The offsets that were told, by topic and partition.
#[derive(Default)]
struct Offsets(BTreeMap<(usize, i32), BTreeMap<i64, (i64, String)>>);

impl Offsets {
    fn add(&mut self, topic: usize, partition: i32, base: i64, batch: &Batch, name: &str, world: &World) {
        let told = self.0.entry((topic, partition)).or_default();
        let end = base + batch.rows;
        let before = told.range(..end).next_back();
        if let Some((first, (until, other))) = before
            && *until > base
        {
            world.is_wrong(format!(
                "{} partition {partition}: offsets {base} to {end} of {name} are also those of {other}, from {first}",
                Setup::topic(topic)
            ));
        }
        told.insert(base, (end, name.to_owned()));
    }
}
