//! What the end-to-end tests share: a real QuestDB, the real gateway, real Java producers.
//!
//! A test that cannot have what it needs fails with the reason; none is skipped.

// Every test binary compiles all of this and uses some of it.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used)]

pub mod batches;
mod gateway;
pub mod java;
mod observed;
mod obstacle;
mod proxy;
mod questdb;
pub mod qwp_peer;
pub mod schemas;
mod wire;

pub use gateway::Gateway;
pub use observed::until;
pub use obstacle::{Mishap, Obstacle};
pub use proxy::{Proxy, Trouble};
pub use questdb::QuestDbServer;
pub use wire::{Wire, frame};
