//! Listener, connections, shutdown.

mod admission;
mod connection;
mod frames;
mod http_listener;
mod listener;
mod open_files;
mod start;

pub use start::{Server, StartError};
