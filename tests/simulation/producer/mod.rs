//! Producers as clients have them: batches with sequence numbers, several in flight, sent again until it is known what
//! became of them.

mod book;
mod session;
mod wire;

pub use book::{Batch, Book, Outcome};
pub use session::run;
