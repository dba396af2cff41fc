use std::collections::BTreeMap;

use super::ImportError;
use super::keys::Keys;

/// The schema registry of a converter: where it is and how one shows who one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registry {
    urls: Vec<String>,
    basic: Option<(String, String)>,
    token: Option<String>,
    tls_roots: Option<String>,
}

impl Registry {
    /// Takes the registry's options out of a converter's.
    pub fn read(
        key: &str,
        options: &mut BTreeMap<String, String>,
        keys: &mut Keys,
    ) -> Result<Self, ImportError> {
        let mut take = |name: &str| {
            let value =
                options.remove(name).or_else(|| options.remove(&format!("schema.registry.{name}")))?;
            let value = value.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let url_key = format!("{key}.schema.registry.url");
        let Some(urls) = take("schema.registry.url") else {
            return Err(ImportError::new(url_key, "is missing, and that converter needs a registry"));
        };
        let mut registry = Self::default();
        for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            let (url, user) = without_user(url);
            registry.urls.push(url);
            if let Some(user) = user {
                registry.basic = Some(basic(&url_key, &user)?);
            }
        }
        // Both have a source of its own name; what else they can be is told.
        match take("basic.auth.credentials.source").as_deref() {
            None | Some("URL" | "USER_INFO") => {}
            Some(other) => keys.lose(
                format!("{key}.basic.auth.credentials.source"),
                format!("`{other}` has no counterpart; write `username` and `password` into `[registry]`"),
            ),
        }
        if let Some(user) = take("basic.auth.user.info") {
            registry.basic = Some(basic(&format!("{key}.basic.auth.user.info"), &user)?);
        }
        match take("bearer.auth.credentials.source").as_deref() {
            None | Some("STATIC_TOKEN") => {}
            Some(other) => keys.lose(
                format!("{key}.bearer.auth.credentials.source"),
                format!("`{other}` has no counterpart; write a `token` into `[registry]`"),
            ),
        }
        registry.token = take("bearer.auth.token").filter(|_| registry.basic.is_none());
        let store = take("ssl.truststore.location");
        if take("ssl.truststore.type").is_some_and(|kind| kind.eq_ignore_ascii_case("PEM")) {
            registry.tls_roots = store;
        } else if store.is_some() {
            keys.lose(
                format!("{key}.schema.registry.ssl.truststore.location"),
                "a keystore cannot be read; give `tls_roots` of `[registry]` a PEM file",
            );
            take("ssl.truststore.password");
        }
        Ok(registry)
    }

    /// The same of Apicurio's own converter. Its registry has Confluent's API, too, at another path.
    pub fn read_apicurio(
        key: &str,
        options: &mut BTreeMap<String, String>,
        keys: &mut Keys,
    ) -> Result<Self, ImportError> {
        let url_key = format!("{key}.apicurio.registry.url");
        let Some(url) = options.remove("apicurio.registry.url").filter(|url| !url.trim().is_empty()) else {
            return Err(ImportError::new(url_key, "is missing, and that converter needs a registry"));
        };
        let url = url.trim().trim_end_matches('/');
        let base = url.find("/apis/").map_or(url, |at| url.split_at(at).0);
        keys.note(url_key, "quafka asks Apicurio by Confluent's API, which is at /apis/ccompat/v7 of it");
        let mut registry = Self { urls: vec![format!("{base}/apis/ccompat/v7")], ..Self::default() };
        let mut take = |name: &str| {
            options
                .remove(&format!("apicurio.registry.{name}"))
                .or_else(|| options.remove(&format!("apicurio.{name}")))
        };
        if let (Some(username), Some(password)) = (take("auth.username"), take("auth.password")) {
            registry.basic = Some((username, password));
        }
        let handler = take("id-handler").unwrap_or_default();
        let confluent = take("as-confluent").or_else(|| take("enable-confluent-id-handler"));
        let in_headers = take("headers.enabled").is_some_and(|enabled| enabled == "true");
        if in_headers || !(handler.contains("4Byte") || confluent.as_deref() == Some("true")) {
            keys.note(
                format!("{key}.apicurio.registry.id-handler"),
                "quafka reads ids of four bytes in the payload, as Apicurio 3's serializers write them; those of Apicurio 2 \
                 write eight, unless `apicurio.registry.as-confluent = true`",
            );
        }
        for name in [
            "use-id",
            "auto-register",
            "find-latest",
            "if-exists",
            "converter.serializer",
            "converter.deserializer",
        ] {
            take(name);
        }
        Ok(registry)
    }

    pub fn has_secret(&self) -> bool {
        self.basic.is_some() || self.token.is_some()
    }

    /// Its keys, each with its value in TOML.
    pub fn to_toml(&self) -> Vec<(&'static str, String)> {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let urls: Vec<_> = self.urls.iter().map(|url| text(url)).collect();
        let mut keys = vec![("urls", format!("[{}]", urls.join(", ")))];
        if let Some((username, password)) = &self.basic {
            keys.push(("username", text(username)));
            keys.push(("password", text(password)));
        }
        keys.extend(self.token.as_deref().map(|token| ("token", text(token))));
        keys.extend(self.tls_roots.as_deref().map(|path| ("tls_roots", text(path))));
        keys
    }
}

/// A URL, and the user that stands in it.
fn without_user(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    match rest.get(..authority_end).and_then(|authority| authority.rfind('@')) {
        Some(at) => {
            let (user, host) = rest.split_at(at);
            (format!("{scheme}://{}", host.trim_start_matches('@')), Some(user.to_owned()))
        }
        None => (url.to_owned(), None),
    }
}

fn basic(key: &str, user: &str) -> Result<(String, String), ImportError> {
    match user.split_once(':') {
        Some((username, password)) => Ok((username.to_owned(), password.to_owned())),
        None => Err(ImportError::new(key, "is not a user and a password, divided by a colon")),
    }
}
