use super::ImportError;
use super::keys::Keys;
use crate::config::{MissingTimestamp, TimestampConfig, TimestampUnit, TopicSettings};

/// The designated timestamp, and texts that are times.
pub(super) fn read(keys: &mut Keys, settings: &mut TopicSettings) -> Result<(), ImportError> {
    settings.timestamp_fields = keys.take_list("timestamp.string.fields");
    settings.timestamp_format = match keys.take("timestamp.string.format") {
        None => None,
        Some(format) => Some(Some(
            format
                .parse()
                .map_err(|reason| ImportError::new("timestamp.string.format", format!("{reason}")))?,
        )),
    };
    let unit = unit(keys)?;
    let native = keys.take_bool("timestamp.kafka.native")?.unwrap_or(false);
    let Some(names) = keys.take("timestamp.field.name") else {
        if !native {
            let text = "is not there: the connector then writes the time of arrival, as `timestamp` says here, too; \
                        without it quafka writes the record's own timestamp, which stays the same when a producer \
                        sends again";
            keys.note("timestamp.field.name", text);
            settings.timestamp = Some(Some(TimestampConfig::of_arrival()));
        }
        return Ok(());
    };
    if native {
        let reason = "contradicts timestamp.field.name; only one says where the timestamp is from";
        return Err(ImportError::new("timestamp.kafka.native", reason));
    }
    let fields: Vec<_> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if fields.iter().any(String::is_empty) {
        return Err(ImportError::new("timestamp.field.name", format!("has an empty field name: `{names}`")));
    }
    // Several fields are joined as texts, which have no unit.
    let unit = if fields.len() > 1 { TimestampUnit::Auto } else { unit };
    let missing = MissingTimestamp::Now;
    settings.timestamp = Some(Some(TimestampConfig { fields, unit, format: None, missing }));
    Ok(())
}

fn unit(keys: &mut Keys) -> Result<TimestampUnit, ImportError> {
    Ok(match keys.take_text("timestamp.units").as_deref() {
        None | Some("auto") => TimestampUnit::Auto,
        Some("seconds") => TimestampUnit::Seconds,
        Some("millis") => TimestampUnit::Millis,
        Some("micros") => TimestampUnit::Micros,
        Some("nanos") => TimestampUnit::Nanos,
        Some(other) => {
            let reason = format!("`{other}` is none of auto, seconds, millis, micros and nanos");
            return Err(ImportError::new("timestamp.units", reason));
        }
    })
}
