use super::*;
use crate::config::{
    DeadLetters, Format, LoneSurrogates, MissingTimestamp, OnError, TimestampConfig, TimestampUnit,
    TopicConfig, TransformPart, Unsupported,
};

/// A configuration with these keys besides the ones that every connector has.
fn given(keys: &[(&str, &str)]) -> String {
    let mut config = serde_json::json!({
        "connector.class": "io.questdb.kafka.QuestDBSinkConnector",
        "client.conf.string": "http::addr=db:9000;",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    });
    if !keys.iter().any(|(key, _)| key.starts_with("topics")) {
        config["topics"] = "t".into();
    }
    for (key, value) in keys {
        config[*key] = (*value).into();
    }
    config.to_string()
}

fn imported(keys: &[(&str, &str)]) -> Imported {
    import(&given(keys)).unwrap_or_else(|error| panic!("{keys:?}: {error}"))
}

/// What the topic `t` is set to.
fn topic(keys: &[(&str, &str)]) -> TopicConfig {
    TopicConfig::clone(&imported(keys).loaded.config.topics.of("t"))
}

fn error(keys: &[(&str, &str)]) -> String {
    import(&given(keys)).expect_err(&format!("{keys:?}")).to_string()
}

/// The keys without a counterpart.
fn lost(imported: &Imported) -> Vec<&str> {
    imported.notes.iter().filter(|note| note.lost).map(|note| note.key.as_str()).collect()
}

#[test]
fn the_plainest_connector() {
    let imported = imported(&[("name", "n")]);
    assert_eq!(imported.loaded.config.questdb.conf, "http::addr=db:9000;");
    assert_eq!(
        *imported.loaded.config.topics.of("t"),
        TopicConfig {
            format: Format::Json,
            key_format: Format::Text,
            // The connector's own default, which is not quafka's.
            unsupported: Unsupported::Refuse,
            widen_integers: false,
            lone_surrogates: LoneSurrogates::Replace,
            timestamp: Some(TimestampConfig::of_arrival()),
            ..TopicConfig::default()
        }
    );
    assert_eq!(lost(&imported), [""; 0]);
    assert!(imported.toml.starts_with("# From the configuration of QuestDB's Kafka connector \"n\".\n"));
    assert!(imported.toml.contains("\n# timestamp.field.name: is not there"), "{}", imported.toml);
    assert!(imported.toml.contains("\ntimestamp = { from = \"arrival\" }\n"), "{}", imported.toml);
    assert_eq!(topic(&[("timestamp.kafka.native", "true")]).timestamp, None);
}

#[test]
fn every_key_of_the_connector_has_its_counterpart() {
    let found = topic(&[
        ("table", "${topic}_${key}"),
        ("include.key", "FALSE"),
        ("key.prefix", "k"),
        ("value.prefix", ""),
        ("symbols", "a, b ,a"),
        ("doubles", "c,b"),
        ("timestamp.field.name", "ts"),
        ("timestamp.units", "nanos"),
        ("timestamp.string.fields", "born, died"),
        ("timestamp.string.format", "yyyy-MM-dd"),
        ("skip.unsupported.types", "true"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "dead"),
    ]);
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        found,
        TopicConfig {
            table: Some("${topic}_${key}".parse().unwrap()),
            format: Format::Json,
            key_format: Format::Text,
            include_key: false,
            key_prefix: "k".to_owned(),
            symbols: list(&["a", "b"]),
            doubles: list(&["c", "b"]),
            widen_integers: false,
            lone_surrogates: LoneSurrogates::Replace,
            timestamp: Some(TimestampConfig {
                missing: MissingTimestamp::Now,
                ..TimestampConfig::of_number("ts", TimestampUnit::Nanos)
            }),
            timestamp_fields: list(&["born", "died"]),
            timestamp_format: "yyyy-MM-dd".parse().ok(),
            unsupported: Unsupported::Skip,
            on_error: OnError::Dlq,
            dlq: DeadLetters::Table { table: "dead".to_owned() },
            ..TopicConfig::default()
        }
    );
}

#[test]
fn converters_are_formats() {
    let formats = |keys: &[(&str, &str)]| {
        let config = topic(keys);
        (config.key_format, config.format)
    };
    let class = |name: &str| format!("org.apache.kafka.connect.converters.{name}Converter");
    for (name, format) in [
        ("ByteArray", Format::Raw),
        ("Short", Format::Short),
        ("Integer", Format::Integer),
        ("Long", Format::Long),
        ("Float", Format::Float),
        ("Double", Format::Double),
        ("Boolean", Format::Boolean),
    ] {
        assert_eq!(formats(&[("value.converter", &class(name))]), (Format::Text, format));
        assert_eq!(formats(&[("key.converter", &class(name))]), (format, Format::Json));
    }
    assert_eq!(formats(&[("value.converter.schemas.enable", "true")]).1, Format::JsonEnvelope);
    // Connect's default is true.
    assert_eq!(
        formats(&[("key.converter", "org.apache.kafka.connect.json.JsonConverter")]).0,
        Format::JsonEnvelope
    );
    assert_eq!(formats(&[("value.format", "json_envelope")]).1, Format::JsonEnvelope);
    assert_eq!(formats(&[("value.format", "connect")]).1, Format::Json);
}

#[test]
fn the_registry_of_a_converter_is_carried_over() {
    let avro = "io.confluent.connect.avro.AvroConverter";
    let imported = imported(&[
        ("value.converter", avro),
        ("value.converter.schema.registry.url", "http://registry:8081, https://ann:pw@other/a"),
        ("value.converter.basic.auth.credentials.source", "USER_INFO"),
        ("value.converter.basic.auth.user.info", "ann:hunter2:x"),
        ("value.converter.schema.registry.ssl.truststore.location", "/etc/ca.pem"),
        ("value.converter.schema.registry.ssl.truststore.type", "PEM"),
    ]);
    let registry = imported.loaded.config.registry.as_ref().unwrap();
    let urls: Vec<_> = registry.urls.iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["http://registry:8081", "https://other:443/a"]);
    assert_eq!(registry.username.as_deref(), Some("ann"));
    assert_eq!(registry.password.as_ref().map(|secret| secret.reveal()), Some("hunter2:x"));
    assert_eq!(registry.tls_roots.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert_eq!(imported.loaded.config.topics.of("t").format, Format::Avro);
    assert_eq!(lost(&imported), [""; 0]);
    assert!(imported.toml.contains("It holds a secret"));
}

#[test]
fn json_schemas_converter_comes_with_its_registry() {
    let class = "io.confluent.connect.json.JsonSchemaConverter";
    let imported = imported(&[
        ("key.converter", class),
        ("key.converter.schema.registry.url", "http://registry:8081,http://other:8081"),
        ("key.converter.basic.auth.user.info", "ann:hunter2"),
        ("value.converter", class),
        ("value.converter.schema.registry.url", "http://registry:8081,http://other:8081"),
        ("value.converter.schema.registry.basic.auth.user.info", "ann:hunter2"),
        ("value.converter.decimal.format", "NUMERIC"),
        ("value.converter.json.fail.unknown.properties", "true"),
    ]);
    let registry = imported.loaded.config.registry.as_ref().unwrap();
    assert_eq!(registry.urls.len(), 2);
    assert_eq!(registry.username.as_deref(), Some("ann"));
    let config = imported.loaded.config.topics.of("t");
    assert_eq!((config.key_format, config.format), (Format::JsonSchema, Format::JsonSchema));
    assert_eq!(lost(&imported), ["value.converter.json.fail.unknown.properties"]);
}

#[test]
fn apicurios_converter_is_asked_by_confluents_api() {
    let imported = imported(&[
        ("value.converter", "io.apicurio.registry.utils.converter.AvroConverter"),
        ("value.converter.apicurio.registry.url", "https://registry:8080/apis/registry/v2/"),
        ("value.converter.apicurio.registry.auto-register", "true"),
        ("value.converter.apicurio.auth.username", "ann"),
        ("value.converter.apicurio.auth.password", "hunter2"),
    ]);
    let registry = imported.loaded.config.registry.as_ref().unwrap();
    assert_eq!(registry.urls[0].to_string(), "https://registry:8080/apis/ccompat/v7");
    assert_eq!(registry.username.as_deref(), Some("ann"));
    assert_eq!(imported.loaded.config.topics.of("t").format, Format::Avro);
    assert_eq!(lost(&imported), [""; 0]);
    let told: Vec<_> = imported.notes.iter().map(|note| note.key.as_str()).collect();
    assert!(told.contains(&"value.converter.apicurio.registry.id-handler"), "{told:?}");
    assert!(
        error(&[("value.converter", "io.apicurio.registry.utils.converter.AvroConverter")])
            .contains("is missing")
    );
}

#[test]
fn a_token_for_the_registry_is_carried_over() {
    let avro = "io.confluent.connect.avro.AvroConverter";
    let imported = imported(&[
        ("key.converter", avro),
        ("key.converter.schema.registry.url", "http://registry:8081"),
        ("key.converter.bearer.auth.credentials.source", "STATIC_TOKEN"),
        ("key.converter.bearer.auth.token", "hunter2"),
        ("value.converter", avro),
        ("value.converter.schema.registry.url", "http://elsewhere:8081"),
        ("value.converter.schema.registry.ssl.truststore.location", "/etc/ca.jks"),
        ("value.converter.schema.registry.ssl.truststore.password", "hunter3"),
    ]);
    let registry = imported.loaded.config.registry.as_ref().unwrap();
    assert_eq!(registry.urls[0].to_string(), "http://registry:8081");
    assert_eq!(registry.token.as_ref().map(|secret| secret.reveal()), Some("hunter2"));
    let lost = lost(&imported);
    assert!(lost.contains(&"value.converter.schema.registry.url"), "{lost:?}");
    assert!(lost.contains(&"value.converter.schema.registry.ssl.truststore.location"), "{lost:?}");
    assert!(!imported.toml.contains("hunter3"));
}

#[test]
fn protobufs_converter_comes_with_its_registry() {
    let imported = imported(&[
        ("value.converter", "io.confluent.connect.protobuf.ProtobufConverter"),
        ("value.converter.schema.registry.url", "http://registry:8081"),
        ("value.converter.basic.auth.user.info", "ann:hunter2"),
    ]);
    let registry = imported.loaded.config.registry.as_ref().unwrap();
    assert_eq!(registry.urls[0].to_string(), "http://registry:8081");
    assert_eq!(registry.username.as_deref(), Some("ann"));
    assert_eq!(imported.loaded.config.topics.of("t").format, Format::Protobuf);
    assert_eq!(lost(&imported), [""; 0]);
}

#[test]
fn transforms_keep_their_options_and_their_conditions() {
    let kafka = |name: &str| format!("org.apache.kafka.connect.transforms.{name}");
    let config = topic(&[
        ("transforms", "i, d"),
        ("transforms.i.type", &kafka("InsertField$Value")),
        ("transforms.i.timestamp.field", "born"),
        ("transforms.d.type", &kafka("Filter")),
        ("transforms.d.predicate", "h"),
        ("transforms.d.negate", "true"),
        ("predicates", "h"),
        ("predicates.h.type", &kafka("predicates.HasHeaderKey")),
        ("predicates.h.name", "keep"),
    ]);
    let [insert, filter] = &config.transforms[..] else { panic!("{:?}", config.transforms) };
    assert_eq!((insert.kind.as_str(), insert.of), ("InsertField", Some(TransformPart::Value)));
    assert_eq!(insert.options["timestamp.field"].as_str(), Some("born"));
    assert_eq!((filter.kind.as_str(), filter.of, filter.negate), ("Filter", None, true));
    let predicate = filter.predicate.as_ref().unwrap();
    assert_eq!((predicate.kind.as_str(), predicate.options["name"].as_str()), ("HasHeaderKey", Some("keep")));
    let unknown = imported(&[("transforms", "x"), ("transforms.x.type", "com.example.Own$Key")]);
    assert_eq!(lost(&unknown), ["transforms.x.type"]);
}

#[test]
fn topics_are_named_or_patterns() {
    let patterns = |keys: &[(&str, &str)]| {
        let imported = imported(keys);
        let entries = imported.loaded.config.topics.entries().iter();
        let mut patterns: Vec<_> = entries.map(|(pattern, _)| pattern.as_str().to_owned()).collect();
        patterns.sort();
        (patterns, lost(&imported).len())
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(patterns(&[("topics", "b, a,b")]), (texts(&["a", "b"]), 0));
    assert_eq!(patterns(&[("topics.regex", "(a|b)\\..*")]), (texts(&["a.*", "b.*"]), 0));
    assert_eq!(patterns(&[("topics.regex", "a[0-9]+")]), (texts(&["*"]), 1));
}

#[test]
fn where_questdb_is() {
    let conf = |keys: &[(&str, &str)]| {
        let imported = imported(keys);
        (imported.loaded.config.questdb.conf.clone(), lost(&imported).len())
    };
    let over_http = conf(&[("client.conf.string", "https::addr=a:1;token=x;auto_flush_rows=5;")]);
    assert_eq!(over_http, ("https::addr=a:1;token=x;auto_flush_rows=5;".to_owned(), 0));
    let over_tcp =
        conf(&[("client.conf.string", "tcps::addr=[::1]:9009;username=u;token=x;tls_verify=unsafe_off;")]);
    assert_eq!(over_tcp, ("https::addr=[::1]:9000;tls_verify=unsafe_off;".to_owned(), 1));
    let legacy: serde_json::Value =
        serde_json::json!({"topics": "t", "host": "db:9009", "tls": "true", "token": "x"});
    let legacy = import(&legacy.to_string()).unwrap();
    assert_eq!(legacy.loaded.config.questdb.conf, "https::addr=db:9000;");
    assert_eq!(lost(&legacy), ["token"]);
    assert!(import("topics=t").unwrap().toml.contains("QDB_CLIENT_CONF"));
}

#[test]
fn secrets_are_pointed_out() {
    let warns = |conf| imported(&[("client.conf.string", conf)]).toml.contains("It holds a secret");
    assert!(warns("http::addr=h:1;username=ann;password=hunter2;"));
    assert!(!warns("http::addr=h:1;"));
}

#[test]
fn what_has_no_counterpart_is_told_with_its_reason() {
    let imported = imported(&[
        ("allowed.lag", "1"),
        ("consumer.override.sasl.jaas.config", "hunter2"),
        ("dlq.send.batch.on.error", "true"),
        ("max.retries", "3"),
        ("no.such.key", "1"),
    ]);
    let mut keys = lost(&imported);
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "allowed.lag",
            "consumer.override.sasl.jaas.config",
            "dlq.send.batch.on.error",
            "max.retries",
            "no.such.key"
        ]
    );
    assert!(imported.toml.contains("\n#   allowed.lag: quafka has no linger"), "{}", imported.toml);
    assert!(!imported.toml.contains("hunter2"));
}

#[test]
fn bad_records_where_nothing_is_said_and_where_all_is_tolerated() {
    assert_eq!(topic(&[]).on_error, OnError::Reject);
    assert_eq!(topic(&[("errors.tolerance", "all")]).on_error, OnError::Skip);
    assert_eq!(topic(&[("errors.deadletterqueue.topic.name", "d")]).on_error, OnError::Dlq);
}

#[test]
fn the_timestamp_is_no_column_of_its_own() {
    let config =
        topic(&[("timestamp.field.name", "d, t"), ("symbols", "t,s"), ("timestamp.units", "millis")]);
    assert_eq!(config.symbols, ["s"]);
    let timestamp = config.timestamp.unwrap();
    assert_eq!(
        (timestamp.fields, timestamp.unit),
        (vec!["d".to_owned(), "t".to_owned()], TimestampUnit::Auto)
    );
}

#[test]
fn errors_name_the_key() {
    for (keys, expected) in [
        (
            &[("connector.class", "org.example.Other")][..],
            "connector.class: `org.example.Other` is another connector",
        ),
        (&[("topics", " ")], "topics: is missing"),
        (&[("topics", "a b")], "topics: `a b`: no topic name has a ` `"),
        (&[("topics", "a"), ("topics.regex", "b")], "topics.regex: contradicts `topics`"),
        (&[("table", "")], "table: is empty"),
        (&[("table", "${TOPIC}")], "table: `${TOPIC}`: there is no variable"),
        (&[("include.key", "yes")], "include.key: `yes` is neither true nor false"),
        (&[("timestamp.units", "hours")], "timestamp.units: `hours` is none of auto, seconds"),
        (&[("timestamp.field.name", "a,,b")], "timestamp.field.name: has an empty field name: `a,,b`"),
        (
            &[("timestamp.field.name", "a"), ("timestamp.kafka.native", "true")],
            "timestamp.kafka.native: contradicts",
        ),
        (&[("errors.tolerance", "some")], "errors.tolerance: `some` is neither none nor all"),
        (&[("value.format", "xml")], "value.format: `xml` is none of"),
        (&[("client.conf.string", "htp::addr=h:1;")], "client.conf.string: `htp` is not a known scheme"),
        (&[("host", "h")], "host: contradicts client.conf.string"),
        (&[("transforms", "x")], "transforms.x.type: is missing"),
        (
            &[("transforms", "x"), ("transforms.x.type", "y"), ("transforms.x.predicate", "p")],
            "transforms.x.predicate: `p` is not one of `predicates`",
        ),
        (&[("predicates", "p"), ("predicates.p.type", "y")], "predicates.p.type: `y` is no predicate"),
    ] {
        let error = error(keys);
        assert!(error.starts_with(expected), "{keys:?}: {error}");
    }
}

mod properties {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever stands in the values, what is imported is a configuration that loads, or an error.
        #[test]
        fn no_value_makes_a_file_that_does_not_load(
            values in btree_map(
                prop::sample::select(vec![
                    "name", "table", "topics", "key.prefix", "value.prefix", "symbols", "doubles", "timestamp.field.name",
                    "timestamp.string.fields", "timestamp.string.format", "errors.deadletterqueue.topic.name", "x",
                    "value.converter", "transforms.\u{fc}.type", "transforms", "client.conf.string", "topics.regex",
                ]),
                "[a-z.,$\\{\\}\"'\\\\\\n\\x00\u{fc} *|()]{0,12}",
                0..6,
            )
        ) {
            let keys: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
            if let Ok(imported) = import(&given(&keys)) {
                let again = config::parse(Path::new(""), &imported.toml, &Overrides::default());
                prop_assert!(again.is_ok(), "{}\n{}", imported.toml, again.unwrap_err());
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = import(&text);
        }
    }
}
