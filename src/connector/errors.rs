use super::ImportError;
use super::keys::Keys;
use crate::config::{DeadLetters, OnError, TopicSettings};

/// What becomes of bad records.
pub(super) fn read(keys: &mut Keys, settings: &mut TopicSettings) -> Result<(), ImportError> {
    let tolerates = match keys
        .take_text("errors.tolerance")
        .map(|value| value.to_ascii_lowercase())
        .as_deref()
    {
        None | Some("none") => false,
        Some("all") => true,
        Some(other) => {
            return Err(ImportError::new("errors.tolerance", format!("`{other}` is neither none nor all")));
        }
    };
    if keys.take_bool("dlq.send.batch.on.error")?.unwrap_or(false) {
        let reason = "only the bad records are set aside; the others of their batch are written";
        keys.lose("dlq.send.batch.on.error", reason);
    }
    let key = "errors.deadletterqueue.topic.name";
    match keys.take_text(key) {
        Some(topic) => {
            let text = format!(
                "bad records are kept in the QuestDB table `{topic}`; to keep them in a topic of a Kafka cluster, write \
                 dlq = {{ topic = \"{topic}\", bootstrap = \"HOST:9092\" }}"
            );
            keys.note(key, text);
            if !tolerates {
                keys.note(
                    "errors.tolerance",
                    "is `none`, with which the connector stops after it; quafka goes on",
                );
            }
            settings.on_error = Some(OnError::Dlq);
            settings.dlq = Some(DeadLetters::Table { table: topic });
        }
        None if tolerates => settings.on_error = Some(OnError::Skip),
        None => {
            let text = "is `none`, with which the connector stops at a bad record; quafka refuses the record's batch, \
                        which tells its producer, and goes on";
            keys.note("errors.tolerance", text);
            settings.on_error = Some(OnError::Reject);
        }
    }
    Ok(())
}
