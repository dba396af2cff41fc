//! Listener, connections, shutdown.

mod admission;
mod connection;
mod frames;
mod http_listener;
mod listener;
mod start;

pub use start::{Server, StartError};
