use std::future::Future;
use std::sync::Arc;

use super::answer::Answer;
use super::pending::Pending;

/// One connection that writes blocks. It keeps no rows: what becomes of a block is the lane's business.
pub(super) trait Transport: Send {
    /// Opens the connection where it is not open.
    fn connect(&mut self) -> impl Future<Output = Result<(), Arc<str>>> + Send;

    /// Writes blocks of one table as one atomic request: all of them, or as many of the first as a request may carry,
    /// and at least one.
    fn write(&mut self, batch: &[Pending]) -> impl Future<Output = Written> + Send;
}

/// What a request held, and what became of it.
#[derive(Debug)]
pub(super) struct Written {
    /// The number of blocks from the front of the batch that the answer is about.
    pub(super) blocks: usize,
    /// The request's size.
    pub(super) bytes: usize,
    pub(super) answer: Answer,
}
