//! Zstandard, all at once: the output is the window.
//!
//! Streaming would allocate the window that a frame header asks for, up to 128 MiB. Decompressing into one
//! buffer needs none, and is faster; where the buffer proves too small it is enlarged and filled anew. As it grows
//! fourfold, that costs a third more at worst, and only until the buffer has the usual size.

use zstd::zstd_safe::{DCtx, get_error_name, get_frame_content_size};

use super::Failure;
use super::output::Output;
use crate::limits::INITIAL_BUFFER_BYTES;

const GROWTH: usize = 4;
/// libzstd returns negated error numbers; 70 is `ZSTD_error_dstSize_tooSmall`, part of its stable interface.
const DESTINATION_TOO_SMALL: usize = 0_usize.wrapping_sub(70);

/// libzstd's context, made when it is first needed.
#[derive(Default)]
pub(super) struct Workspace {
    context: Option<DCtx<'static>>,
}

impl Workspace {
    pub(super) fn decompress(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
        // A frame that says it is too large is believed; one that says it is small is not.
        if let Ok(Some(announced)) = get_frame_content_size(bytes)
            && usize::try_from(announced).is_ok_and(|announced| announced > output.left())
        {
            return Err(Failure::LimitReached);
        }
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(
                DCtx::try_create().ok_or_else(|| Failure::corrupt("libzstd could not allocate a context"))?,
            ),
        };
        let mut size = INITIAL_BUFFER_BYTES;
        loop {
            let whole = output.whole(size);
            size = whole.len();
            match context.decompress(whole, bytes) {
                Ok(count) => {
                    output.advance(count);
                    return Ok(());
                }
                Err(DESTINATION_TOO_SMALL) if size >= output.left() => return Err(Failure::LimitReached),
                Err(DESTINATION_TOO_SMALL) => size = size.saturating_mul(GROWTH),
                Err(code) => return Err(Failure::corrupt(get_error_name(code))),
            }
        }
    }
}
