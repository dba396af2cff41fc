//! Lanes to QuestDB: group commit, typed outcomes.

mod outcome;

pub use outcome::{Fence, FenceToken, Outcome, Resolver, Submission, Ticket, ticket};
