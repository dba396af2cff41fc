//! The QuestDB clients' configuration string, as far as the configuration has to know it.

use questdb_confstr::parse_conf_str;

/// Checks the syntax and that the scheme is one that quafka writes to. What the single parameters mean is
/// `questdb`'s matter. No error tells a parameter's value: it may be a password.
pub(super) fn scheme(conf: &str) -> Result<String, String> {
    let parsed = parse_conf_str(conf).map_err(|error| {
        format!(
            "{} at character {}; expected such as `http::addr=127.0.0.1:9000;`",
            error.kind(),
            error.position()
        )
    })?;
    match parsed.service() {
        scheme @ ("http" | "https" | "ws" | "wss") => Ok(scheme.to_owned()),
        "tcp" | "tcps" => Err("ILP over TCP has no acknowledgements; use http, https, ws or wss".to_owned()),
        other => Err(format!("`{other}` is not a known scheme; use http, https, ws or wss")),
    }
}

/// The string as it may be shown: passwords and tokens are masked.
pub fn masked(conf: &str) -> String {
    let Ok(parsed) = parse_conf_str(conf) else { return "***".to_owned() };
    if !parsed.params().keys().any(|key| is_secret(key)) {
        return conf.to_owned();
    }
    let mut keys: Vec<_> = parsed.params().keys().map(String::as_str).collect();
    keys.sort_by_key(|key| (*key != "addr", *key));
    let mut shown = format!("{}::", parsed.service());
    for key in keys {
        let value = if is_secret(key) { "***" } else { parsed.get(key).unwrap_or_default() };
        shown += &format!("{key}={};", value.replace(';', ";;"));
    }
    shown
}

fn is_secret(key: &str) -> bool {
    ["pass", "token", "secret", "auth", "key"].iter().any(|part| key.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_not() {
        assert_eq!(
            masked("https::addr=db:9000;username=ann;password=se;;cret;tls_roots_password=x;token=abc;"),
            "https::addr=db:9000;password=***;tls_roots_password=***;token=***;username=ann;"
        );
        assert_eq!(masked("http::addr=db:9000;username=ann;"), "http::addr=db:9000;username=ann;");
        assert_eq!(masked("http::password=hunter2"), "http::password=***;");
        assert_eq!(masked("password=hunter2"), "***");
    }

    #[test]
    fn the_scheme_is_one_that_acknowledges() {
        for ok in ["http", "https", "ws", "wss"] {
            assert_eq!(scheme(&format!("{ok}::addr=h:9000;")).as_deref(), Ok(ok));
        }
        assert!(scheme("tcp::addr=h:9009;").unwrap_err().contains("no acknowledgements"));
        assert!(scheme("htpp::addr=h:9000;").unwrap_err().contains("`htpp`"));
    }

    #[test]
    fn errors_do_not_tell_the_password() {
        for conf in [
            "http::password=hunter2;password=hunter3;",
            "http:password=hunter2",
            "",
            "http::addr=h;password=hunter2\0;",
        ] {
            let error = scheme(conf).unwrap_err();
            assert!(!error.contains("hunter"), "{error}");
        }
    }
}
