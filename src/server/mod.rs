//! Listener, connections, shutdown.

mod admission;
mod connection;
mod frames;
mod http_listener;
mod life;
mod listener;
mod open_files;
mod start;

pub use life::{Ground, Life, Prepared};
pub use start::{Server, StartError};
