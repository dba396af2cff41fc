//! Lanes to QuestDB: group commit, typed outcomes.
//!
//! A [`Submission`] goes to the lane of its (table, partition), which writes it together with whatever else has
//! gathered for that table, and resolves its ticket with an [`Outcome`]. Nothing is written twice by the sink, and
//! nothing is called committed that QuestDB has not called so.

mod answer;
mod any_transport;
mod decimal;
mod doubt;
mod http_transport;
pub mod ilp;
mod journal;
mod lane;
mod ledger;
mod merge;
mod metrics;
mod outcome;
mod pending;
mod queue;
mod qwp;
mod recovery;
mod start;
mod time_order;
mod transactions;
mod transport;
mod typed;

pub use metrics::{AnswerKind, AnswerLabel, SinkMetrics};
pub use outcome::{Outcome, Resolver, Submission, Ticket, ticket};
pub use recovery::{Recovered, RequestJournal, recover};
pub use start::{Sink, SinkError, SinkOptions};
