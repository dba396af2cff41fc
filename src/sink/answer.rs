use std::sync::Arc;

use hyper::StatusCode;
use serde::Deserialize;

use crate::questdb::{HttpAnswer, beginning};

/// What became of one request with the rows of several blocks of one table. A request is atomic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Every row is committed.
    Committed,
    /// Nothing is written, because of a row.
    Rejected(Rejection),
    /// Nothing is written, and trying again at once would not help.
    Unavailable(Arc<str>),
    /// Nothing is written, because there was no connection.
    NotSent(Arc<str>),
    /// Nothing is written: it was sent and has not arrived.
    NotArrived(Arc<str>),
    /// Nobody knows.
    Unknown(Arc<str>),
}

/// A row that QuestDB refused, or that cannot be sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The row within the request; absent where QuestDB does not say.
    pub(super) row: Option<usize>,
    /// The column to blame, where one is.
    pub(super) column: Option<Arc<str>>,
    /// What happened and what to do.
    pub(super) message: String,
}

/// The body of an answer of QuestDB's `/write` other than 204.
#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
    /// From 1; 0 or less where no line is to blame.
    #[serde(default)]
    line: i64,
}

/// What QuestDB's answer to a POST to `/write` says about the rows.
///
/// Read off QuestDB 9.3.4 and its `LineHttpProcessorState`. It parses the whole request, and only then commits: what
/// fails before the commit has written nothing. The one answer after which nobody knows is a 500 about the commit
/// itself, which names no line; 502 and 504 are a proxy's, which does not know either. With the column of a refusal
/// the user is told what to change.
pub(super) fn of_write(answer: &HttpAnswer) -> Answer {
    let status = answer.status;
    if status == StatusCode::NO_CONTENT {
        return Answer::Committed;
    }
    let failure: Option<Failure> = serde_json::from_slice(&answer.body).ok();
    let text = || -> Arc<str> {
        let body =
            failure.as_ref().map_or_else(|| beginning(&answer.body), |failure| failure.message.clone());
        format!("QuestDB answered {status}: {body}").into()
    };
    match (status.as_u16(), &failure) {
        (400, Some(failure)) if failure.code == "invalid" => Answer::Rejected(Rejection::of(failure)),
        (413, Some(failure)) => Answer::Rejected(Rejection::of(failure)),
        // The row's fault, though 9.3.4 calls it its own: `designated timestamp beyond 9999-12-31 is not allowed`.
        (500, Some(failure)) if failure.line > 0 && failure.message.contains("is not allowed") => {
            Answer::Rejected(Rejection::of(failure))
        }
        (500, Some(failure)) if failure.line > 0 => Answer::Unavailable(text()),
        (401 | 403, _) => Answer::Unavailable(
            format!(
                "QuestDB answered {status}: check the credentials in questdb.conf and what they may write"
            )
            .into(),
        ),
        (404 | 405, _) => Answer::Unavailable(
            format!(
                "QuestDB answered {status}: it takes no line protocol over HTTP there; check questdb.conf"
            )
            .into(),
        ),
        (300..500 | 503, _) => Answer::Unavailable(text()),
        _ => Answer::Unknown(text()),
    }
}

impl Rejection {
    fn of(failure: &Failure) -> Self {
        let text = failure.message.trim_start_matches("failed to parse line protocol:");
        let text = text.trim_start_matches("errors encountered on line(s):").trim();
        // The line is one of the gateway's making: it means nothing to a producer.
        let text = match text.strip_prefix("error in line ").and_then(|rest| rest.split_once(": ")) {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
            _ => text,
        };
        let column = ["column: ", "Field: ", "Tag: ", "invalid column name: "]
            .iter()
            .find_map(|before| text.split_once(before))
            .map(|(_, rest)| rest.split_once("; ").map_or(rest, |(name, _)| name));
        Self {
            row: usize::try_from(failure.line).ok().and_then(|line| line.checked_sub(1)),
            column: column.map(Arc::from),
            message: cast_error(text).unwrap_or_else(|| format!("QuestDB refused the row: {text}")),
        }
    }
}

/// `table: t, column: x; cast error from protocol type: STRING to column type: DOUBLE`, in words that help.
fn cast_error(text: &str) -> Option<String> {
    let (place, rest) = text.split_once("; cast error from protocol type: ")?;
    let (sent, has) = rest.split_once(" to column type: ")?;
    let (table, column) = place.strip_prefix("table: ")?.split_once(", column: ")?;
    Some(format!(
        "column `{column}` of table `{table}` is {}, and this record's value is {}: change the value, or the column",
        has.trim(),
        match sent.trim() {
            "STRING" => "a text",
            "SYMBOL" | "TAG" => "a symbol",
            "FLOAT" | "DOUBLE" => "a floating point number",
            "INTEGER" | "LONG" => "an integer",
            "BOOLEAN" => "a boolean",
            "TIMESTAMP" => "a timestamp",
            "ARRAY" => "an array",
            other => other,
        }
    ))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        of_write(&HttpAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    fn rejection(status: u16, body: &'static str) -> Rejection {
        match answer(status, body) {
            Answer::Rejected(rejection) => rejection,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn refused_rows_of_9_3_4() {
        let cast = rejection(
            400,
            r#"{"code":"invalid","message":"failed to parse line protocol:errors encountered on line(s):\nerror in line 2: table: t1, column: d; cast error from protocol type: STRING to column type: DOUBLE","line":2,"errorId":"45c1ab261409-1"}"#,
        );
        assert_eq!((cast.row, cast.column.as_deref()), (Some(1), Some("d")));
        assert!(
            cast.message.starts_with("column `d` of table `t1` is DOUBLE, and this record's value is a text")
        );

        let early = rejection(
            400,
            r#"{"code":"invalid","message":"failed to parse line protocol:errors encountered on line(s):\nerror in line 1: table: t1, timestamp: -1000; designated timestamp before 1970-01-01 is not allowed","line":1,"errorId":"45c1ab261409-2"}"#,
        );
        assert_eq!((early.row, early.column), (Some(0), None));
        assert!(
            early.message.ends_with("designated timestamp before 1970-01-01 is not allowed"),
            "{}",
            early.message
        );

        let late = rejection(
            500,
            r#"{"code":"internal error","message":"failed to parse line protocol:errors encountered on line(s):write error: t1, errno: -1, error: designated timestamp beyond 9999-12-31 is not allowed","line":1,"errorId":"45c1ab261409-13"}"#,
        );
        assert_eq!(late.row, Some(0));

        let value = rejection(
            400,
            r#"{"code":"invalid","message":"failed to parse line protocol:errors encountered on line(s):\nerror in line 7: Could not parse entire line, field value is invalid. Field: l; value: 9i","line":7,"errorId":"45c1ab261409-4"}"#,
        );
        assert_eq!((value.row, value.column.as_deref()), (Some(6), Some("l")));

        let name = rejection(
            400,
            r#"{"code":"invalid","message":"failed to parse line protocol:errors encountered on line(s):\nerror in line 1: table: t1; invalid column name: ba?d","line":1,"errorId":"45c1ab261409-7"}"#,
        );
        assert_eq!(name.column.as_deref(), Some("ba?d"));
    }

    #[test]
    fn only_a_204_is_a_commit() {
        assert_eq!(answer(204, ""), Answer::Committed);
        assert!(matches!(answer(200, "<html>welcome</html>"), Answer::Unknown(_)));
        assert!(matches!(answer(202, ""), Answer::Unknown(_)));
    }

    #[test]
    fn what_is_not_the_rows_fault() {
        // 9.3.4 answers so when it has too many connections.
        assert!(matches!(answer(400, "exceeded connection limit [name=ilp]"), Answer::Unavailable(_)));
        let precision =
            r#"{"code":"not supported","message":"unsupported precision","line":0,"errorId":"x"}"#;
        assert!(matches!(answer(400, precision), Answer::Unavailable(_)));
        for status in [301, 401, 403, 404, 405, 415, 429, 503] {
            assert!(matches!(answer(status, ""), Answer::Unavailable(_)), "{status}");
        }
        let write = r#"{"code":"internal error","message":"write error: t, errno: 28, error: no space","line":3,"errorId":"x"}"#;
        assert!(matches!(answer(500, write), Answer::Unavailable(_)));
        let commit = r#"{"code":"internal error","message":"commit error for table: t, errno: 5, error: x","errorId":"x"}"#;
        for (status, body) in [(500, commit), (500, ""), (502, ""), (504, "")] {
            assert!(matches!(answer(status, body), Answer::Unknown(_)), "{status}");
        }
    }
}
