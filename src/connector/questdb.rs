use super::ImportError;
use super::keys::Keys;

/// The port of QuestDB's HTTP server, where it is not said.
const HTTP_PORT: u16 = 9000;

const NO_TCP: &str = "ILP over TCP has no acknowledgements, so quafka writes over HTTP: `conf` names QuestDB's HTTP \
                      server, by its usual port";

const NO_TCP_CREDENTIALS: &str = "is a key for ILP over TCP, which HTTP does not take; write `username` and `password` or an HTTP \
                                  `token` into `conf`";

/// QuestDB's clients' configuration string, of `client.conf.string` or of the keys that were before it.
pub(super) fn conf(keys: &mut Keys) -> Result<Option<String>, ImportError> {
    let given = keys.take_text("client.conf.string");
    let host = keys.take_text("host");
    match (given, host) {
        (Some(_), Some(_)) => {
            Err(ImportError::new("host", "contradicts client.conf.string; only one says where QuestDB is"))
        }
        (Some(conf), None) => from_string(&conf, keys).map(Some),
        (None, Some(host)) => legacy(&host, keys).map(Some),
        (None, None) => {
            let text = "is not there, so `conf` is quafka's default; the connector reads the variable QDB_CLIENT_CONF \
                        of its worker then, quafka reads QUAFKA_QUESTDB";
            keys.note("client.conf.string", text);
            Ok(None)
        }
    }
}

fn from_string(conf: &str, keys: &mut Keys) -> Result<String, ImportError> {
    let key = "client.conf.string";
    if conf.contains("${") {
        keys.note(key, "refers to a config provider of the worker; write the value itself");
    }
    let scheme = conf.split("::").next().unwrap_or_default();
    let http = match scheme {
        "tcp" => "http",
        "tcps" => "https",
        _ => return Ok(conf.to_owned()),
    };
    let parsed = questdb_confstr::parse_conf_str(conf).map_err(|error| {
        ImportError::new(key, format!("{} at character {}", error.kind(), error.position()))
    })?;
    keys.note(key, NO_TCP);
    if ["username", "token"].iter().any(|secret| parsed.get(secret).is_some()) {
        keys.lose(
            key,
            format!("its `username` and `token`: {}", NO_TCP_CREDENTIALS.trim_start_matches("is ")),
        );
    }
    let host = host_of(parsed.get("addr").unwrap_or("localhost"));
    let kept = ["tls_verify", "tls_ca", "tls_roots", "tls_roots_password"]
        .iter()
        .filter_map(|name| Some(format!("{name}={};", parsed.get(name)?.replace(';', ";;"))));
    Ok(format!("{http}::addr={host}:{HTTP_PORT};{}", kept.collect::<String>()))
}

/// `host`, `username`, `token`, `tls` and `tls.validation.mode` of the connector's first versions, for ILP over TCP.
fn legacy(host: &str, keys: &mut Keys) -> Result<String, ImportError> {
    keys.note("host", NO_TCP);
    for key in ["username", "token"] {
        if keys.take_text(key).is_some() {
            keys.lose(key, NO_TCP_CREDENTIALS);
        }
    }
    let scheme = if keys.take_bool("tls")?.unwrap_or(false) { "https" } else { "http" };
    let verify = match keys.take_text("tls.validation.mode").as_deref() {
        None | Some("default") => "",
        Some("insecure") => "tls_verify=unsafe_off;",
        Some(other) => {
            let reason = format!("`{other}` is neither default nor insecure");
            return Err(ImportError::new("tls.validation.mode", reason));
        }
    };
    Ok(format!("{scheme}::addr={}:{HTTP_PORT};{verify}", host_of(host)))
}

/// The host of `HOST` or `HOST:PORT`; an IPv6 host keeps its brackets.
fn host_of(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => address,
    }
}
