use std::future::Future;
use std::sync::Arc;

use super::answer::Answer;
use super::pending::Pending;

/// One connection that writes blocks. It keeps no rows: what becomes of a block is the lane's business.
pub(super) trait Transport: Send {
    /// Opens the connection where it is not open.
    fn connect(&mut self) -> impl Future<Output = Result<(), Arc<str>>> + Send;

    /// The number of the connection that is open, or was last. Another one has another number.
    fn connection(&self) -> u64;

    /// Writes blocks of one table as one atomic request: all of them, or as many of the first as a request may carry,
    /// and at least one. Just before bytes of the request are sent, `sending` is told; also when the whole of it is
    /// sent once more, because it was refused.
    fn write(&mut self, batch: &[Pending], sending: &mut Sending<'_>)
    -> impl Future<Output = Written> + Send;
}

/// Is told how many blocks of the batch a request carries, and the connection's number.
pub(super) type Sending<'a> = dyn FnMut(usize, u64) + Send + 'a;

/// What a request held, and what became of it.
#[derive(Debug)]
pub(super) struct Written {
    /// The number of blocks from the front of the batch that the answer is about.
    pub(super) blocks: usize,
    /// The request's size.
    pub(super) bytes: usize,
    pub(super) answer: Answer,
}
