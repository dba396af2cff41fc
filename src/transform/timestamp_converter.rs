use super::date_format::DateFormat;
use super::field_path::FieldPath;
use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Timestamp, Value};

/// Converts times between numbers, texts and timestamps. It knows milliseconds; what is finer is lost.
#[derive(Debug)]
pub(super) struct TimestampConverter {
    part: Part,
    /// None: the whole key or value is the time.
    field: Option<(String, FieldPath)>,
    target: Target,
    format: Option<DateFormat>,
    precision: Precision,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Precision {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

const MILLIS_A_DAY: i64 = 86_400_000;

impl TimestampConverter {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let field = match options.text("field")?.filter(|field| !field.is_empty()) {
            Some(field) => {
                let path = FieldPath::new(&field, options)?;
                Some((field, path))
            }
            None => {
                options.word("field.syntax.version", &["V1", "V2"])?;
                None
            }
        };
        let target = match options.word("target.type", &["string", "unix", "Date", "Time", "Timestamp"])? {
            Some("string") => Target::Text,
            Some("unix") => Target::Unix,
            Some("Date") => Target::Date,
            Some("Time") => Target::Time,
            Some(_) => Target::Timestamp,
            None => return Err("it needs `target.type`: string, unix, Date, Time or Timestamp".to_owned()),
        };
        let format = match options.text("format")?.filter(|format| !format.trim().is_empty()) {
            Some(format) => Some(DateFormat::new(&format).map_err(|error| format!("`format`: {error}"))?),
            None if matches!(target, Target::Text) => {
                return Err("target.type = \"string\" needs `format`, such as yyyy-MM-dd".to_owned());
            }
            None => None,
        };
        if let (Some(format), false) = (&format, matches!(target, Target::Text))
            && let Some(letter) = format.written_only()
        {
            return Err(format!(
                "`format`: `{}` has `{letter}`, which makes no date of a text; the year is `y`, the day `d`",
                format.pattern()
            ));
        }
        let precisions = ["milliseconds", "seconds", "microseconds", "nanoseconds"];
        let precision = match options.word("unix.precision", &precisions)? {
            Some("seconds") => Precision::Seconds,
            Some("microseconds") => Precision::Micros,
            Some("nanoseconds") => Precision::Nanos,
            _ => Precision::Millis,
        };
        options.ignored_default()?;
        Ok(Self { part, field, target, format, precision })
    }

    fn convert(&self, value: &Value, has_schema: bool) -> Result<Value, String> {
        if *value == Value::Null {
            return Ok(Value::Null);
        }
        let millis = self.millis(value)?;
        Ok(match (self.target, &self.format) {
            (Target::Text, Some(format)) => Value::Text(format.format(millis)),
            (Target::Unix, _) => Value::Integer(self.unix(millis)),
            (Target::Date, _) => {
                Value::Timestamp(Timestamp::Millis(millis - millis.rem_euclid(MILLIS_A_DAY)))
            }
            // With a schema that says so, QuestDB's connector writes a time of day as a number.
            (Target::Time, _) if has_schema => Value::Integer(millis.rem_euclid(MILLIS_A_DAY)),
            (Target::Time, _) => Value::Timestamp(Timestamp::Millis(millis.rem_euclid(MILLIS_A_DAY))),
            (Target::Text | Target::Timestamp, _) => Value::Timestamp(Timestamp::Millis(millis)),
        })
    }

    fn millis(&self, value: &Value) -> Result<i64, String> {
        match value {
            Value::Integer(number) => Ok(match self.precision {
                Precision::Seconds => number.saturating_mul(1_000),
                Precision::Millis => *number,
                Precision::Micros => number / 1_000,
                Precision::Nanos => number / 1_000_000,
            }),
            Value::Timestamp(time) => {
                time.millis().ok_or_else(|| format!("{time} is beyond all times in milliseconds"))
            }
            Value::Text(text) | Value::Untyped(text) => match &self.format {
                Some(format) => format
                    .parse(text)
                    .ok_or_else(|| format!("{} is not written as {}", value.shown(), format.pattern())),
                None => Err(format!("{} is a text, and the transform has no `format`", value.shown())),
            },
            other => Err(format!(
                "{} is no time: a number in `unix.precision`, a text or a timestamp",
                other.shown()
            )),
        }
    }

    fn unix(&self, millis: i64) -> i64 {
        match self.precision {
            Precision::Seconds => millis / 1_000,
            Precision::Millis => millis,
            Precision::Micros => millis.saturating_mul(1_000),
            Precision::Nanos => millis.saturating_mul(1_000_000),
        }
    }
}

impl Change for TimestampConverter {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let has_schema = self.part.has_schema(message);
        let whole = self.part.of(message);
        if *whole == Value::Null {
            return Ok(Flow::Keep);
        }
        let Some((name, path)) = &self.field else {
            *whole = self.convert(whole, has_schema)?;
            return Ok(Flow::Keep);
        };
        self.part.object(message)?;
        if let Some(value) = path.of(self.part.of(message)) {
            *value = self.convert(value, has_schema).map_err(|error| format!("field `{name}`: {error}"))?;
        }
        Ok(Flow::Keep)
    }
}
