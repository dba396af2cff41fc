//! quafka: Kafka in, QuestDB out. A gateway that takes Kafka producers' records and writes them to QuestDB as rows.

pub mod api;
pub mod config;
pub mod connector;
pub mod dead_letters;
pub mod decode;
pub mod demo;
pub mod fence;
pub mod folder_lock;
pub mod http;
pub mod mapping;
pub mod memory;
pub mod ops;
pub mod pandaproxy;
pub mod producer;
pub mod questdb;
pub mod registry;
pub mod rows;
pub mod schema;
pub mod server;
pub mod sink;
pub mod spool;
pub mod sql;
pub mod topics;
pub mod transform;
