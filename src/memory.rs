//! One byte budget for everything between the sockets and QuestDB.

/// Bytes charged to the budget; given back when dropped.
#[derive(Debug)]
pub struct Charge {
    _private: (),
}
