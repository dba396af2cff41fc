use serde::Deserialize;

use super::RegistryError;
use crate::http::{HttpAnswer, percent_encode};

/// A schema as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub schema: String,
    pub kind: Kind,
    pub references: Vec<Reference>,
}

/// What kind of schema it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Avro,
    Protobuf,
    /// One that is not read here, by its name.
    Other(String),
}

/// Another schema that one names types of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Reference {
    /// What it is called where it is referred to.
    #[serde(default)]
    pub name: String,
    pub subject: String,
    pub version: i64,
}

#[derive(Deserialize)]
struct Body {
    schema: String,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
}

/// What the registry says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error_code: i64,
    #[serde(default)]
    message: String,
}

impl Reference {
    pub fn path(&self) -> String {
        format!("/subjects/{}/versions/{}", percent_encode(&self.subject), self.version)
    }
}

impl Registered {
    /// Reads an answer that [`fault`] has nothing against. `named` says what was asked for.
    pub fn read(answer: &HttpAnswer, named: impl FnOnce() -> String) -> Result<Self, RegistryError> {
        if !answer.status.is_success() {
            return Err(RegistryError::NotFound(named()));
        }
        let body: Body = serde_json::from_slice(&answer.body).map_err(|error| {
            RegistryError::Away(format!("what it answers for {} is no schema: {error}", named()))
        })?;
        let kind = match body.schema_type.as_deref() {
            None | Some("AVRO") => Kind::Avro,
            Some("PROTOBUF") => Kind::Protobuf,
            Some(other) => Kind::Other(other.to_owned()),
        };
        Ok(Self { schema: body.schema, kind, references: body.references.unwrap_or_default() })
    }
}

/// Why an answer does not count: it is neither a success nor the registry's own word that there is no such thing. A 404
/// without an error code is from somebody else, such as a proxy.
pub(super) fn fault(answer: &HttpAnswer) -> Option<String> {
    if answer.status.is_success() {
        return None;
    }
    let status = answer.status.as_u16();
    let refusal = serde_json::from_slice::<Refusal>(&answer.body).ok();
    match (status, refusal) {
        (404, Some(refusal)) if (40_400..=40_499).contains(&refusal.error_code) => None,
        (404, _) => Some(
            "answers 404, and not as a schema registry does; check the path in `registry.urls`".to_owned(),
        ),
        (401 | 403, _) => Some(format!("answers {status}; check the credentials in `[registry]`")),
        (_, Some(refusal)) => Some(format!("answers {status}: {}", refusal.message)),
        (_, None) => Some(format!("answers {status}")),
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer { status: StatusCode::from_u16(status).unwrap(), body: body.to_owned().into() }
    }

    #[test]
    fn a_schema_and_what_it_refers_to() {
        let body = r#"{"schema":"\"int\"","references":[{"name":"a.B","subject":"b/c","version":2}]}"#;
        let read = Registered::read(&answer(200, body), String::new).unwrap();
        assert_eq!((read.schema.as_str(), &read.kind), ("\"int\"", &Kind::Avro));
        assert_eq!(read.references[0].path(), "/subjects/b%2Fc/versions/2");
        let read =
            Registered::read(&answer(200, r#"{"schemaType":"JSON","schema":"{}"}"#), String::new).unwrap();
        assert_eq!(read.kind, Kind::Other("JSON".to_owned()));
    }

    #[test]
    fn only_the_registry_itself_says_that_there_is_no_schema() {
        let absent = answer(404, r#"{"error_code":40403,"message":"Schema 7 not found"}"#);
        assert_eq!(fault(&absent), None);
        let error = Registered::read(&absent, || "schema 7".to_owned()).unwrap_err();
        assert_eq!(error, RegistryError::NotFound("schema 7".to_owned()));
        assert!(fault(&answer(404, "<html>nginx</html>")).unwrap().contains("registry.urls"));
        assert!(fault(&answer(404, r#"{"error_code":404,"message":"HTTP 404"}"#)).is_some());
    }

    #[test]
    fn what_is_no_answer_is_told() {
        assert!(fault(&answer(401, "")).unwrap().contains("credentials"));
        assert!(fault(&answer(403, "{}")).unwrap().contains("403"));
        assert!(
            fault(&answer(500, r#"{"error_code":50002,"message":"timeout"}"#)).unwrap().contains("timeout")
        );
        for body in ["", "garbage", "[]", "{}", r#"{"schema":5}"#] {
            let error = Registered::read(&answer(200, body), || "schema 7".to_owned()).unwrap_err();
            assert!(matches!(error, RegistryError::Away(_)), "{error}");
        }
    }
}
