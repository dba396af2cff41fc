//! `quafka demo`: a QuestDB, the gateway and a producer, on one screen.

pub mod child;
pub mod java;
pub mod maven;
pub mod producer;
pub mod questdb_server;
pub mod trades;
