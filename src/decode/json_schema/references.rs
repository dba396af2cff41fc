//! Where a `$ref` leads to.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::schema::JsonSchemaError;

/// The schema and those that it refers to, by all the names that a `$ref` may have for them or for parts of them.
pub(super) struct References<'a> {
    /// By their full URI or their name, without `#` where nothing follows it.
    by_name: HashMap<String, Place<'a>>,
}

/// A schema, and what references in it are relative to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub json: &'a Json,
    /// The document's number.
    pub document: usize,
}

/// A document: the text of a schema, and the URI that it has.
pub(super) struct Document {
    pub json: Json,
    pub base: String,
    /// What others call it.
    pub name: Option<String>,
}

impl Document {
    pub fn read(text: &str, name: Option<&str>) -> Result<Self, JsonSchemaError> {
        // serde_json bounds how deep a document is, and with it what is done by recursion over one.
        let json: Json = serde_json::from_str(text)
            .map_err(|error| JsonSchemaError(format!("the schema is not JSON: {error}")))?;
        let base = own_id(&json).unwrap_or(name.unwrap_or_default()).to_owned();
        Ok(Self { json, base, name: name.map(str::to_owned) })
    }
}

impl<'a> References<'a> {
    pub fn new(documents: &'a [Document]) -> Self {
        let mut by_name = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            let place = Place { json: &document.json, document: number };
            name_parts(place, &document.base, &mut by_name);
            for name in [Some(&document.base), document.name.as_ref()].into_iter().flatten() {
                by_name.entry(name.trim_end_matches('#').to_owned()).or_insert(place);
            }
        }
        Self { by_name }
    }

    /// What a reference in a document stands for. `base` is that document's URI.
    pub fn find(
        &self,
        reference: &str,
        from: Place<'a>,
        documents: &'a [Document],
    ) -> Result<Place<'a>, JsonSchemaError> {
        let absent = || {
            JsonSchemaError(format!(
                "`$ref`: there is no `{reference}` in the schema, nor in those it refers to"
            ))
        };
        let own = documents.get(from.document).ok_or_else(absent)?;
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let joined = join(&own.base, uri);
        let document = if uri.is_empty() {
            Place { json: &own.json, document: from.document }
        } else {
            *self.by_name.get(uri).or_else(|| self.by_name.get(&joined)).ok_or_else(absent)?
        };
        if fragment.is_empty() {
            return Ok(document);
        }
        if fragment.starts_with('/') {
            let pointer = percent_decoded(fragment);
            let json = document.json.pointer(&pointer).ok_or_else(absent)?;
            return Ok(Place { json, document: document.document });
        }
        let base = if uri.is_empty() { &own.base } else { &joined };
        [format!("{base}#{fragment}"), format!("{uri}#{fragment}")]
            .iter()
            .find_map(|name| self.by_name.get(name))
            .copied()
            .ok_or_else(absent)
    }
}

/// Takes note of what has a name of its own in a document.
fn name_parts<'a>(place: Place<'a>, base: &str, by_name: &mut HashMap<String, Place<'a>>) {
    match place.json {
        Json::Object(members) => {
            let mut base = base.to_owned();
            if let Some(id) = own_id(place.json) {
                let joined = join(&base, id);
                let name = joined.trim_end_matches('#').to_owned();
                if !id.starts_with('#') {
                    base.clone_from(&name);
                }
                by_name.entry(name).or_insert(place);
            }
            if let Some(Json::String(anchor)) = members.get("$anchor") {
                by_name.entry(format!("{base}#{anchor}")).or_insert(place);
            }
            for json in members.values() {
                name_parts(Place { json, ..place }, &base, by_name);
            }
        }
        Json::Array(elements) => {
            elements.iter().for_each(|json| name_parts(Place { json, ..place }, base, by_name));
        }
        _ => {}
    }
}

fn own_id(json: &Json) -> Option<&str> {
    json.get("$id").or_else(|| json.get("id")).and_then(Json::as_str)
}

/// A URI that may be relative, seen from another.
fn join(base: &str, uri: &str) -> String {
    if base.is_empty() || uri.contains("://") || uri.starts_with("urn:") {
        return uri.to_owned();
    }
    if uri.is_empty() || uri.starts_with('#') {
        return format!("{}{uri}", base.trim_end_matches('#'));
    }
    let path = base.find("://").map_or(0, |at| at + 3);
    if uri.starts_with('/') {
        let authority_end =
            base.get(path..).and_then(|rest| rest.find('/')).map_or(base.len(), |at| path + at);
        return format!("{}{uri}", base.get(..authority_end).unwrap_or_default());
    }
    let uri = uri.strip_prefix("./").unwrap_or(uri);
    match base.get(path..).and_then(|rest| rest.rfind('/')) {
        Some(slash) => format!("{}{uri}", base.get(..=path + slash).unwrap_or_default()),
        None if path > 0 => format!("{base}/{uri}"),
        None => uri.to_owned(),
    }
}

/// A pointer in a URI's fragment. What is no escape stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_joined() {
        for (base, uri, joined) in [
            ("", "b.json", "b.json"),
            ("a.json", "b.json", "b.json"),
            ("http://h/x/a.json", "b.json", "http://h/x/b.json"),
            ("http://h/x/a.json", "./b.json", "http://h/x/b.json"),
            ("http://h/x/a.json", "/b.json", "http://h/b.json"),
            ("http://h", "b.json", "http://h/b.json"),
            ("http://h/a.json", "https://i/b.json", "https://i/b.json"),
            ("http://h/a.json#", "#x", "http://h/a.json#x"),
        ] {
            assert_eq!(join(base, uri), joined, "{base} {uri}");
        }
        assert_eq!(percent_decoded("/a%20b/%zz%"), "/a b/%zz%");
    }
}
