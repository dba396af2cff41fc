//! Lanes to QuestDB: group commit, typed outcomes.

mod decimal;
mod ilp;
mod outcome;

pub use outcome::{Fence, FenceToken, Outcome, Resolver, Submission, Ticket, ticket};
