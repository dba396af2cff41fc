//! A producer's connections, one after the other, and how they are cut.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use quafka::api::{Connection, Principal};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::book::{Book, Place};
use super::wire;
use crate::random::Random;
use crate::setup::Setup;
use crate::world::World;

/// Where a connection is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Never,
    /// At a request: before, in the middle or after it.
    Request(u64, Part),
    /// At a response, of which some bytes are read.
    Response(u64, usize),
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Before,
    Middle,
    After,
}

/// Goes on until all batches are over.
pub async fn run(world: Arc<World>, book: Arc<Mutex<Book>>) {
    let mut random = book.lock().random.fork();
    let number = book.lock().number;
    book.lock().life_begins(&world);
    loop {
        book.lock().give_up(&world);
        if book.lock().is_done() {
            return world.note(format!("producer {number}: is done"));
        }
        let stream = connect(&world, &book.lock());
        if let Some(stream) = stream {
            world.sessions.fetch_add(1, Ordering::Relaxed);
            let cut = Cut::draw(&world, &mut random);
            let session = Session::new(world.clone(), book.clone(), stream, cut, random.fork());
            let end = session.run().await;
            world.note(format!("producer {number}: connection ended, {end}"));
            book.lock().connection_lost();
            world.sessions.fetch_sub(1, Ordering::Relaxed);
        }
        sleep(random.millis(5..150)).await;
    }
}

fn connect(world: &World, book: &Book) -> Option<DuplexStream> {
    let gateway = world.gateway.lock();
    let (near, far) = duplex(book.setup.pipe_bytes);
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let connection = Connection {
        peer: address(1024 + book.number as u16),
        local: address(9092),
        principal: Principal::Anonymous,
    };
    gateway.as_ref()?.attend(far, connection);
    Some(near)
}

struct Session {
    world: Arc<World>,
    book: Arc<Mutex<Book>>,
    reader: ReadHalf<DuplexStream>,
    writer: WriteHalf<DuplexStream>,
    received: BytesMut,
    cut: Cut,
    random: Random,
    requests: u64,
    responses: u64,
    in_flight: VecDeque<InFlight>,
}

struct InFlight {
    correlation_id: i32,
    places: Vec<Place>,
    deadline: Instant,
}

impl Session {
    fn new(
        world: Arc<World>,
        book: Arc<Mutex<Book>>,
        stream: DuplexStream,
        cut: Cut,
        random: Random,
    ) -> Self {
        let (reader, writer) = split(stream);
        let received = BytesMut::new();
        let in_flight = VecDeque::new();
        Self { world, book, reader, writer, received, cut, random, requests: 0, responses: 0, in_flight }
    }

    /// Until the connection ends; returns why.
    async fn run(mut self) -> String {
        match self.work().await {
            Ok(()) => "all is done".to_owned(),
            Err(why) => why,
        }
    }

    async fn work(&mut self) -> Result<(), String> {
        loop {
            self.see_to_the_id().await?;
            self.book.lock().give_up(&self.world);
            let idle_until = loop {
                let next = self.book.lock().next_request(self.world.now().at);
                match next {
                    Ok(places) => self.send(places).await?,
                    Err(until) => break until,
                }
            };
            if self.book.lock().is_done() {
                // What was sent without acknowledgement is on its way; a client closes when it is told to.
                return Ok(());
            }
            self.wait(idle_until).await?;
        }
    }

    /// Gets an id, or begins a new epoch, where that is due.
    async fn see_to_the_id(&mut self) -> Result<(), String> {
        let id = {
            let book = self.book.lock();
            let is_due = book.is_idempotent() && (book.id.is_none() || book.needs_epoch);
            if !is_due || book.has_in_flight() {
                return Ok(());
            }
            book.id
        };
        let id = match id {
            Some((id, epoch)) if self.random.percent(70) => (id, epoch + 1),
            _ => {
                let frame = wire::init_producer_id(0);
                self.write(&frame).await?;
                let patience = Duration::from_secs(30);
                let body =
                    timeout(patience, self.response()).await.map_err(|_| "no producer id in time")??;
                wire::read_producer_id(body).inspect_err(|error| self.world.is_wrong(error.as_str()))?
            }
        };
        self.world.note(format!("producer {}: begins an epoch", self.book.lock().number));
        self.book.lock().begin_epoch(id);
        Ok(())
    }

    async fn send(&mut self, places: Vec<Place>) -> Result<(), String> {
        self.requests += 1;
        let cut = match self.cut {
            Cut::Request(number, part) if number == self.requests => Some(part),
            _ => None,
        };
        if matches!(cut, Some(Part::Before)) {
            return Err("cut before a request".to_owned());
        }
        let correlation_id = self.requests as i32;
        let (frame, timeout_ms, acks) = {
            let book = &mut *self.book.lock();
            let frame = wire::produce(book, &places, correlation_id, &self.world);
            (frame, book.setup.timeout_ms, book.setup.acks)
        };
        if matches!(cut, Some(Part::Middle)) {
            let some = self.random.within(1..frame.len() as u64) as usize;
            self.write(&frame[..some]).await?;
            return Err("cut in the middle of a request".to_owned());
        }
        // As clients have it: whoever has not answered by then is given up with the connection.
        let deadline = Instant::now() + Duration::from_millis(timeout_ms as u64);
        self.write(&frame).await?;
        if matches!(cut, Some(Part::After)) {
            return Err("cut after a request".to_owned());
        }
        if acks != 0 {
            self.in_flight.push_back(InFlight { correlation_id, places, deadline });
        }
        Ok(())
    }

    /// Where nobody reads for long the connection is given up.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match timeout(Duration::from_secs(60), self.writer.write_all(bytes)).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err("nobody reads".to_owned()),
        }
    }

    /// Waits for a response, or until something else is to be done.
    async fn wait(&mut self, idle_until: Option<Duration>) -> Result<(), String> {
        let now = self.world.now().at;
        let idle = idle_until.map(|until| Instant::now() + until.saturating_sub(now));
        let deadline = self.in_flight.front().map(|in_flight| in_flight.deadline);
        // Also looks whether something is too old.
        let wake = Instant::now() + Duration::from_secs(2);
        let wake = [idle, deadline].into_iter().flatten().fold(wake, Instant::min);
        let slow = self.book.lock().setup.slow_ms;
        let response = tokio::select! {
            biased;
            response = self.response() => response?,
            () = sleep_until(wake) => {
                return match deadline {
                    Some(deadline) if deadline <= Instant::now() => Err("no response in time".to_owned()),
                    _ => Ok(()),
                };
            }
        };
        let Some(InFlight { correlation_id, places, .. }) = self.in_flight.pop_front() else {
            self.world.is_wrong("a response that nobody waits for");
            return Err("a stray response".to_owned());
        };
        self.take(response, correlation_id, places)?;
        sleep(self.random.millis(0..slow)).await;
        Ok(())
    }

    fn take(&self, response: Bytes, correlation_id: i32, places: Vec<Place>) -> Result<(), String> {
        let mut book = self.book.lock();
        let batches = wire::read_produced(response, book.setup.version, correlation_id);
        let batches = batches.inspect_err(|error| self.world.is_wrong(error.as_str()))?;
        if batches.len() != places.len() {
            self.world.is_wrong(format!("{} batches are answered of {}", batches.len(), places.len()));
        }
        for (place, (topic, partition, error, base_offset)) in places.into_iter().zip(batches) {
            let line = &book.lines[place.0];
            if (Setup::topic(line.topic), line.partition) != (topic, partition) {
                self.world.is_wrong("a response names other partitions than the request");
            }
            book.answered(place, error, base_offset, &self.world);
        }
        Ok(())
    }

    /// The next response's header and body. What has come of it stays when this is dropped.
    async fn response(&mut self) -> Result<Bytes, String> {
        loop {
            if let Some(length) = self.received.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if let Cut::Response(number, bytes) = self.cut
                    && number == self.responses + 1
                    && (bytes < self.received.len() || self.received.len() >= 4 + length)
                {
                    return Err("cut at a response".to_owned());
                }
                if self.received.len() >= 4 + length {
                    self.responses += 1;
                    self.received.advance(4);
                    return Ok(self.received.split_to(length).freeze());
                }
            }
            match self.reader.read_buf(&mut self.received).await {
                Ok(0) if self.received.is_empty() => return Err("closed by the gateway".to_owned()),
                Ok(0) => return Err("closed by the gateway in the middle of a response".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

impl Cut {
    fn draw(world: &World, random: &mut Random) -> Self {
        let cuts = world.setup.producers.iter().map(|producer| producer.cuts).max().unwrap_or(0);
        if world.is_calm() || !random.percent(cuts) {
            return Self::Never;
        }
        match random.within(0..2) {
            0 => Self::Request(random.within(1..8), random.pick(&[Part::Before, Part::Middle, Part::After])),
            _ => Self::Response(random.within(1..6), random.within(0..60) as usize),
        }
    }
}
