use hyper::StatusCode;
use serde::Deserialize;

use super::{HttpAnswer, QuestDbError, beginning};

/// A statement's answer. Statements other than queries have no columns and no rows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Rows {
    /// The columns.
    #[serde(default)]
    pub columns: Vec<SqlColumn>,
    /// One value a column in every row, as JSON has them: a TIMESTAMP is a text, a LONG a number.
    #[serde(default, rename = "dataset")]
    pub rows: Vec<Vec<serde_json::Value>>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// QuestDB's name of its type; `ARRAY` for arrays of all kinds.
    #[serde(rename = "type")]
    pub type_name: String,
}

#[derive(Deserialize)]
struct SqlFailure {
    error: String,
    #[serde(default)]
    position: i64,
}

pub(super) fn parse_answer(answer: &HttpAnswer) -> Result<Rows, QuestDbError> {
    if answer.status == StatusCode::OK {
        return serde_json::from_slice(&answer.body)
            .map_err(|error| QuestDbError::Malformed(format!("{error} in {}", beginning(&answer.body))));
    }
    match serde_json::from_slice::<SqlFailure>(&answer.body) {
        Ok(failure) => Err(QuestDbError::Sql { message: failure.error, position: failure.position }),
        Err(_) => {
            Err(QuestDbError::Refused { status: answer.status.as_u16(), message: beginning(&answer.body) })
        }
    }
}

/// A text as an SQL literal, in single quotes.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn literals_are_escaped() {
        assert_eq!(quote_literal("it's"), "'it''s'");
    }

    #[test]
    fn answers_of_9_3_4() {
        let ok = HttpAnswer {
            status: StatusCode::OK,
            body: Bytes::from_static(
                br#"{"query":"select 1","columns":[{"name":"1","type":"INT"}],"timestamp":-1,"dataset":[[1]],"count":1}"#,
            ),
        };
        let rows = parse_answer(&ok).unwrap();
        assert_eq!(rows.rows, [[serde_json::json!(1)]]);
        let ddl = HttpAnswer { status: StatusCode::OK, body: Bytes::from_static(br#"{"ddl":"OK"}"#) };
        assert_eq!(parse_answer(&ddl).unwrap(), Rows::default());
        let bad = HttpAnswer {
            status: StatusCode::BAD_REQUEST,
            body: Bytes::from_static(
                br#"{"query":"selec","error":"table does not exist [table=selec]","position":3}"#,
            ),
        };
        let error = parse_answer(&bad).unwrap_err();
        let expected =
            QuestDbError::Sql { message: "table does not exist [table=selec]".into(), position: 3 };
        assert_eq!(error, expected);
    }
}
