//! Records that could not become rows, kept whole: in a table of QuestDB, or in a topic of another Kafka cluster.

mod kafka;
mod letter;
mod stored;
mod table;

pub use kafka::{KafkaLetters, KafkaTarget};
pub use letter::DeadLetter;
pub use stored::{LetterGroup, LetterTable, LettersError, Selection, StoredLetter};
pub use table::block;
