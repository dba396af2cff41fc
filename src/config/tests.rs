use std::path::Path;

use super::load::parse;
use super::*;

fn file(text: &str) -> Result<Loaded, ConfigErrors> {
    parse(Path::new("q.toml"), text, &Overrides::default())
}

/// What is said of a file that is wrong.
fn errors(text: &str) -> String {
    file(text).expect_err(text).to_string()
}

fn flag(text: &str) -> Option<Given> {
    Some(Given { text: text.to_owned(), origin: Origin::Flag("--listen") })
}

/// The design's example with all keys that there are.
const FULL: &str = r#"
listen = "0.0.0.0:9092"
advertise = "gateway.example.com:9092"
admin = "127.0.0.1:9645"
pandaproxy = "127.0.0.1:8082"
data_dir = "/var/lib/quafka"
durability = "overflow"

[spool]
bytes = "1GiB"
segment_bytes = "16MiB"
overflow_after = "500ms"

[questdb]
conf = "https::addr=db:9000;username=ann;password=hunter2;"
transport = "http"
lanes = 4
exactly_once = true

[registry]
urls = ["https://registry:8081", "http://other:8081/apis/ccompat/v7"]
username = "ann"
password = "hunter2"
tls_roots = "ca.pem"
tls_verify = false
connect_timeout = "1s"
request_timeout = "2s"

[limits]
request_bytes = "50MiB"
batch_bytes = 1_048_588
decompressed_bytes = "16 MiB"
memory = "128MiB"
connections = 10_000
connections_per_address = 100
topics = 50
stalled_request = "20s"
idle_connection = "5m"

[topics."*"]
partitions = 16
symbols = ["host"]

[topics."trades"]
table = "trades_${partition}"
timestamp = { field = "ts", unit = "micros" }
symbols = ["symbol", "side"]
doubles = ["price"]
include_key = false
auto_create = true
create = { partition_by = "hour", ttl = "30 days", dedup_keys = ["timestamp", "id"], columns = { id = "LONG", at = "timestamp" } }

[topics."metrics.*"]
timestamp.field = "at"
"#;

/// The topic's keys that [`FULL`] does not have, each with a value that is not its default.
const OTHER_TOPIC_KEYS: &[&str] = &[
    "format = \"avro\"\nschema = { file = \"v.avsc\" }",
    "key_format = \"protobuf\"\nkey_schema = { file = \"k.proto\", include = \"protos\", message = \"a.B\" }",
    "csv = { columns = [\"a\", \"b\"], delimiter = \";\", quote = \"'\", null = \"-\" }",
    "top_level_array = \"rows\"",
    "timestamp_fields = [\"created\"]",
    "timestamp_format = \"yyyy-MM-dd\"",
    "key_prefix = \"k\"",
    "value_prefix = \"v\"",
    "headers = [\"trace-*\"]",
    "header_prefix = \"\"",
    "record_columns = { offset = \"kafka_offset\", topic = \"kafka_topic\" }",
    "rename = { a = \"b\" }",
    "only = [\"a\"]",
    "drop = [\"z\"]",
    "defaults = { venue = \"X\", n = 1, f = 1.5 }",
    "required = [\"id\"]",
    "unsupported = \"skip\"",
    "bytes = \"hex\"",
    "null_in_array = \"nan\"",
    "widen_integers = false",
    "lone_surrogates = \"replace\"",
    "protobuf_framing = \"apicurio\"",
    "columns = { notional = \"price * qty\" }",
    "filter = \"price > 0\"",
    "on_error = \"dlq\"",
    "dlq = { topic = \"dead\", bootstrap = \"h:9092\" }",
    "transforms = [{ type = \"Flatten\", of = \"value\", delimiter = \".\", predicate = { type = \"HasHeaderKey\", \
     name = \"x\" }, negate = true }]",
];

#[test]
fn every_key_of_a_topic_is_read_and_printed() {
    let text = format!("{FULL}[topics.all]\n{}\n", OTHER_TOPIC_KEYS.join("\n"));
    let loaded = file(&text).unwrap_or_else(|errors| panic!("{errors}"));
    let (all, default) = (loaded.config.topics.of("all"), TopicConfig::default());
    let changed = |config: &TopicConfig| TopicSettings::complete(config).to_toml();
    let unchanged: Vec<_> = changed(&default)
        .into_iter()
        .filter(|entry| changed(&all).contains(entry))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(unchanged, ["auto_create", "doubles", "include_key"], "they are in FULL");
    let again = file(&loaded.to_string()).unwrap_or_else(|errors| panic!("{loaded}\n{errors}"));
    assert_eq!(again.config.topics.of("all"), all);
}

#[test]
fn the_timestamp_may_be_from_no_field() {
    let text =
        "[topics.\"*\"]\ntimestamp = { from = \"arrival\" }\n[topics.a]\ntimestamp = { from = \"record\" }";
    let loaded = file(text).unwrap_or_else(|errors| panic!("{errors}"));
    let is_arrival =
        |loaded: &Loaded, topic| loaded.config.topics.of(topic).timestamp.clone().unwrap().is_arrival();
    assert!(is_arrival(&loaded, "b"));
    assert!(!is_arrival(&loaded, "a"), "the record's own timestamp again, in spite of the pattern");
    let printed = loaded.to_string();
    assert!(printed.contains("timestamp = { from = \"arrival\" }"), "{printed}");
    let again = file(&printed).unwrap_or_else(|errors| panic!("{printed}\n{errors}"));
    for topic in ["a", "b"] {
        assert_eq!(again.config.topics.of(topic), loaded.config.topics.of(topic));
    }
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(file("").unwrap().config, Config::default());
    assert_eq!(load(None, &Overrides::default()).unwrap().config, Config::default());
}

#[test]
fn every_key_is_read() {
    let Config {
        listen,
        advertise,
        admin,
        pandaproxy,
        data_dir,
        durability,
        spool,
        questdb,
        registry,
        limits,
        topics,
    } = file(FULL).unwrap().config;
    assert_eq!(listen.to_string(), "0.0.0.0:9092");
    assert_eq!(advertise.unwrap().to_string(), "gateway.example.com:9092");
    assert_eq!(admin.port, 9645);
    assert_eq!(pandaproxy.unwrap().to_string(), "127.0.0.1:8082");
    assert_eq!(data_dir.as_deref(), Some(Path::new("/var/lib/quafka")));
    let overflow_after = std::time::Duration::from_millis(500);
    assert_eq!(durability, Durability::Overflow);
    assert_eq!(spool, SpoolConfig { bytes: 1 << 30, segment_bytes: 16 << 20, overflow_after });
    let conf = "https::addr=db:9000;username=ann;password=hunter2;".to_owned();
    assert_eq!(questdb, QuestDbConfig { conf, transport: Transport::Http, lanes: 4, exactly_once: true });
    assert_eq!(
        limits,
        Limits {
            request_bytes: 50 << 20,
            batch_bytes: 1_048_588,
            decompressed_bytes: 16 << 20,
            memory: 128 << 20,
            connections: 10_000,
            connections_per_address: 100,
            topics: 50,
            stalled_request: std::time::Duration::from_secs(20),
            idle_connection: std::time::Duration::from_secs(300),
        }
    );
    let registry = registry.unwrap();
    assert_eq!(registry.password.as_ref().map(Secret::reveal), Some("hunter2"));
    let expected = RegistryConfig {
        username: Some("ann".to_owned()),
        password: registry.password.clone(),
        tls_roots: Some("ca.pem".into()),
        tls_verify: false,
        connect_timeout: std::time::Duration::from_secs(1),
        request_timeout: std::time::Duration::from_secs(2),
        ..RegistryConfig::new(vec![
            "https://registry:8081".parse().unwrap(),
            "http://other:8081/apis/ccompat/v7".parse().unwrap(),
        ])
    };
    assert_eq!(registry, expected);
    let trades = topics.of("trades");
    assert_eq!(
        *trades,
        TopicConfig {
            table: Some("trades_${partition}".parse().unwrap()),
            partitions: 16,
            timestamp: Some(TimestampConfig::of_number("ts", TimestampUnit::Micros)),
            symbols: vec!["symbol".to_owned(), "side".to_owned()],
            doubles: vec!["price".to_owned()],
            include_key: false,
            auto_create: true,
            create: Some(CreateTable {
                partition_by: Some(PartitionBy::Hour),
                ttl: "30 DAYS".parse().ok(),
                dedup_keys: vec!["timestamp".to_owned(), "id".to_owned()],
                columns: [("id", "LONG"), ("at", "TIMESTAMP")]
                    .map(|(name, kind)| NewColumn {
                        name: name.to_owned(),
                        column_type: kind.parse().unwrap()
                    })
                    .to_vec(),
            }),
            ..TopicConfig::default()
        }
    );
    let metrics = topics.of("metrics.cpu");
    let at = TimestampConfig::of_number("at", TimestampUnit::Auto);
    assert_eq!((&metrics.timestamp, metrics.partitions), (&Some(at), 16));
    assert_eq!(metrics.symbols, ["host"]);
}

#[test]
fn an_override_wins_over_the_file_and_says_so() {
    let overrides = Overrides { listen: flag("[::1]:7000"), ..Overrides::default() };
    let loaded = parse(Path::new("q.toml"), "listen = \"h:1\"\nadmin = \"h:2\"", &overrides).unwrap();
    assert_eq!(loaded.config.listen.to_string(), "[::1]:7000");
    assert_eq!(loaded.origin("listen"), Origin::Flag("--listen"));
    assert_eq!(loaded.origin("admin").to_string(), "q.toml:2");
    assert_eq!(loaded.origin("questdb.conf"), Origin::Default);
}

#[test]
fn an_override_that_is_wrong_is_blamed_by_its_name() {
    let overrides = Overrides { listen: flag("9092"), ..Overrides::default() };
    let error = load(None, &overrides).unwrap_err().to_string();
    assert_eq!(error, "--listen: listen: `9092` is not HOST:PORT, such as 127.0.0.1:9092");
    let origin = Origin::Environment("QUAFKA_QUESTDB");
    let questdb = Some(Given { text: "nonsense".to_owned(), origin });
    let error = load(None, &Overrides { questdb, ..Overrides::default() }).unwrap_err().to_string();
    assert!(error.starts_with("QUAFKA_QUESTDB: questdb.conf: "), "{error}");
}

#[test]
fn unknown_keys_name_their_line_and_the_nearest_known_key() {
    assert_eq!(errors("\nlisen = \"h:1\""), "q.toml:2: lisen: unknown key; did you mean `listen`?");
    assert_eq!(
        errors("[limits]\nmemory = \"64MiB\"\nrequest_byte = 5"),
        "q.toml:3: limits.request_byte: unknown key; did you mean `request_bytes`?"
    );
    assert_eq!(
        errors("[topics.\"a*\"]\npartition = 5"),
        "q.toml:2: topics.\"a*\".partition: unknown key; did you mean `partitions`?"
    );
    assert_eq!(
        errors("[topics.a]\ntimestamp = { field = \"t\", units = \"nanos\" }"),
        "q.toml:2: topics.\"a\".timestamp: unknown key `units` in it; did you mean `unit`?"
    );
    assert_eq!(
        errors("[questdb]\nxyz = 1"),
        "q.toml:2: questdb.xyz: unknown key; known here: conf, transport, lanes, exactly_once"
    );
    assert!(errors("[topic.a]").contains("did you mean `topics`?"));
}

#[test]
fn all_errors_are_told_at_once() {
    let told =
        errors("listen = 5\nadvertise = \"0.0.0.0:1\"\n[questdb]\nlanes = 0\n[limits]\nmemory = \"x\"");
    assert_eq!(told.lines().count(), 4, "{told}");
}

/// A file, and the beginning and a part of what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    ("[topics.t]\nfilter = 1", "q.toml:2: topics.\"t\".filter: ", "must be a text between quotes"),
    ("[topics.t]\ncolumns.n = 1", "q.toml:2: topics.\"t\".columns", "must be a text between quotes"),
    (
        "[topics.t]\ncolumns = { \"a.b\" = \"1\" }",
        "q.toml:2: topics.\"t\".columns: ",
        "`a.b` cannot be a column: QuestDB takes none of",
    ),
    ("[topics.t]\ncolumns = { N = \"1\", n = \"2\" }", "q.toml:2: topics.\"t\".columns: ", "names `n` twice"),
    ("listen = \"h\"", "q.toml:1: listen: ", "not HOST:PORT"),
    ("listen = \"h:99999\"", "q.toml:1: listen: ", "not HOST:PORT"),
    ("listen = 9092", "q.toml:1: listen: ", "must be a text between quotes, not `9092`"),
    ("advertise = \"0.0.0.0:9092\"", "q.toml:1: advertise: ", "clients cannot connect to 0.0.0.0"),
    ("advertise = \"[::]:9092\"", "q.toml:1: advertise: ", "clients cannot connect to ::"),
    ("advertise = \"h:0\"", "q.toml:1: advertise: ", "port 0"),
    ("admin = \"127.0.0.1:9092\"", "q.toml:1: admin: ", "is taken"),
    ("listen = \"0.0.0.0:1\"\nadmin = \"127.0.0.1:1\"", "q.toml:2: admin: ", "is taken"),
    ("pandaproxy = \"h\"", "q.toml:1: pandaproxy: ", "not HOST:PORT"),
    ("pandaproxy = \"127.0.0.1:9092\"", "q.toml:1: pandaproxy: ", "is taken: Kafka clients"),
    ("pandaproxy = \"0.0.0.0:9644\"", "q.toml:1: pandaproxy: ", "is taken by the metrics"),
    ("data_dir = \"\"", "q.toml:1: data_dir: ", "empty"),
    ("durability = \"spool\"", "q.toml:1: durability: ", "`spool` needs `data_dir`"),
    ("durability = \"eventual\"", "q.toml:1: durability: ", "none of direct, overflow, spool"),
    ("[spool]\nbytes = \"1MiB\"", "q.toml:2: spool.bytes: ", "less than 16"),
    ("[spool]\nsegment_bytes = \"6GiB\"", "q.toml:2: spool.segment_bytes: ", "more than half"),
    ("[spool]\noverflow_after = 5", "q.toml:2: spool.overflow_after: ", "5"),
    ("questdb = \"http::addr=h:1;\"", "q.toml:1: questdb: ", "must be a table"),
    ("[questdb]\nconf = \"tcp::addr=h:9009;\"", "q.toml:2: questdb.conf: ", "no acknowledgements"),
    ("[questdb]\nconf = \"http:addr=h:9009;\"", "q.toml:2: questdb.conf: ", "separator"),
    ("[questdb]\ntransport = \"tcp\"", "q.toml:2: questdb.transport: ", "`tcp` is none of auto, http, qwp"),
    (
        "[questdb]\ntransport = \"http\"\nconf = \"ws::addr=h:1;\"",
        "q.toml:2: questdb.transport: ",
        "contradicts",
    ),
    (
        "[questdb]\ntransport = \"qwp\"\nexactly_once = true",
        "q.toml:3: questdb.exactly_once: ",
        "is for ILP over HTTP",
    ),
    ("[questdb]\nlanes = 65", "q.toml:2: questdb.lanes: ", "not between 1 and 64"),
    ("[questdb]\nlanes = \"2\"", "q.toml:2: questdb.lanes: ", "must be a whole number, not the text \"2\""),
    ("[limits]\nmemory = \"4kB\"", "q.toml:2: limits.memory: ", "less than 1MiB"),
    ("[limits]\nmemory = 0", "q.toml:2: limits.memory: ", "more than 0"),
    ("[limits]\nmemory = -1", "q.toml:2: limits.memory: ", "negative"),
    ("[limits]\nmemory = 1.5", "q.toml:2: limits.memory: ", "a size, such as"),
    (
        "[limits]\nrequest_bytes = \"1GiB\"",
        "q.toml:2: limits.request_bytes: ",
        "more than limits.memory, 256MiB",
    ),
    (
        "[limits]\nmemory = \"8GiB\"\nrequest_bytes = \"2GiB\"",
        "q.toml:3: limits.request_bytes: ",
        "Kafka frame",
    ),
    ("[limits]\nbatch_bytes = \"101MiB\"", "q.toml:2: limits.batch_bytes: ", "limits.request_bytes, 100MiB"),
    (
        "[limits]\nmemory = \"4MiB\"\nbatch_bytes = \"3MiB\"",
        "q.toml:3: limits.batch_bytes: ",
        "half of limits.memory",
    ),
    ("[limits]\ndecompressed_bytes = \"1GiB\"", "q.toml:2: limits.decompressed_bytes: ", "limits.memory"),
    (
        "[limits]\ndecompressed_bytes = 5",
        "q.toml:2: limits.decompressed_bytes: ",
        "less than limits.batch_bytes",
    ),
    ("[limits]\nconnections = 0", "q.toml:2: limits.connections: ", "less than 1"),
    ("[limits]\nconnections_per_address = 0", "q.toml:2: limits.connections_per_address: ", "less than 1"),
    ("[limits]\ntopics = -1", "q.toml:2: limits.topics: ", "less than 0"),
    ("[limits]\nstalled_request = 30", "q.toml:2: limits.stalled_request: ", "a duration with its unit"),
    ("[limits]\nidle_connection = \"0s\"", "q.toml:2: limits.idle_connection: ", "more than none"),
    ("[registry]", "registry.urls: ", "is missing"),
    ("[registry]\nurls = []", "q.toml:2: registry.urls: ", "is empty"),
    ("[registry]\nurls = [\"h:8081\"]", "q.toml:2: registry.urls: ", "is no URL"),
    ("[registry]\nurls = [\"http://a:b@h\"]", "q.toml:2: registry.urls: ", "`username`"),
    (
        "[registry]\nurls = [\"http://h\"]\nusername = \"a\"",
        "q.toml:3: registry.username: ",
        "needs a `password`",
    ),
    (
        "[registry]\nurls = [\"http://h\"]\npassword = \"a\"",
        "q.toml:3: registry.password: ",
        "needs a `username`",
    ),
    ("[registry]\nurls = [\"http://h\"]\ntoken = \"a b\"", "q.toml:3: registry.token: ", "no HTTP header"),
    (
        "[registry]\nurls = [\"http://h\"]\ntls_roots = \"a\"",
        "q.toml:3: registry.tls_roots: ",
        "begins with https",
    ),
    ("[topics.a]\nformat = \"avro\"", "q.toml:2: topics.\"a\".format: ", "needs a schema: a registry"),
    ("[topics.a]\nkey_format = \"avro\"", "q.toml:2: topics.\"a\".key_format: ", "key_schema = {"),
    (
        "[topics.a]\nformat = \"json_schema\"",
        "q.toml:2: topics.\"a\".format: ",
        "schema = { file = \"x.json\" }",
    ),
    (
        "[topics.a]\nformat = \"protobuf\"",
        "q.toml:2: topics.\"a\".format: ",
        "schema = { file = \"x.proto\" }",
    ),
    (
        "[topics.a]\nformat = \"avro\"\nschema = { file = \"v.avsc\", message = \"M\" }",
        "q.toml:3: topics.\"a\".schema: ",
        "has `message`, which only Protobuf's have",
    ),
    (
        "[topics.a]\nkey_schema = { file = \"v.avsc\", include = \"x\" }",
        "q.toml:2: topics.\"a\".key_schema: ",
        "has `include`, which only Protobuf's have, and the format is `auto`",
    ),
    ("[topics.a]\nschema = \"x.avsc\"", "q.toml:2: topics.\"a\".schema: ", "a table such as"),
    ("[topics]\na = 5", "q.toml:2: topics.\"a\": ", "must be a table"),
    ("[topics.\"a b\"]", "q.toml:1: topics.\"a b\": ", "no topic name has a ` `"),
    ("[topics.a]\npartitions = 0", "q.toml:2: topics.\"a\".partitions: ", "not between 1 and 1000"),
    (
        "[topics.a]\npartitions = 3_000_000_000",
        "q.toml:2: topics.\"a\".partitions: ",
        "must be a whole number, not `3000000000`",
    ),
    ("[topics.a]\ntable = \" \"", "q.toml:2: topics.\"a\".table: ", "empty"),
    (
        "[topics.a]\ntimestamp = \"ts\"",
        "q.toml:2: topics.\"a\".timestamp: ",
        "must be a table such as { field = \"NAME\"",
    ),
    ("[topics.a]\ntimestamp = {}", "q.toml:2: topics.\"a\".timestamp: ", "says no field"),
    ("[topics.a]\ntimestamp = { field = \"\" }", "q.toml:2: topics.\"a\".timestamp: ", "empty"),
    (
        "[topics.a]\ntimestamp = { from = \"kafka\" }",
        "q.toml:2: topics.\"a\".timestamp: ",
        "`kafka` is none of record, arrival",
    ),
    (
        "[topics.a]\ntimestamp = { from = \"arrival\", field = \"t\" }",
        "q.toml:2: topics.\"a\".timestamp: ",
        "has `from` and a field",
    ),
    (
        "[topics.a]\ntimestamp = { from = \"record\", missing = \"now\" }",
        "q.toml:2: topics.\"a\".timestamp: ",
        "with which unit, format and missing mean nothing",
    ),
    ("[topics.a]\ntimestamp = { field = 5 }", "q.toml:2: topics.\"a\".timestamp: ", "not `5`"),
    (
        "[topics.a]\ntimestamp = { field = \"t\", unit = \"ms\" }",
        "q.toml:2: topics.\"a\".timestamp: ",
        "`ms` is none of auto, seconds, millis, micros, nanos",
    ),
    ("[topics.a]\nsymbols = [\"\"]", "q.toml:2: topics.\"a\".symbols: ", "empty column name"),
    ("[topics.a]\nsymbols = \"side\"", "q.toml:2: topics.\"a\".symbols: ", "must be a list, such as"),
    ("[topics.a]\nsymbols = [\"x\", \"X\"]", "q.toml:2: topics.\"a\".symbols: ", "names `X` twice"),
    (
        "[topics.a]\nsymbols = [\"t\"]\ntimestamp = { field = \"t\" }",
        "q.toml:3: topics.\"a\".timestamp: ",
        "is the timestamp",
    ),
    (
        "[topics.a]\ndefaults = { a = [1] }",
        "q.toml:2: topics.\"a\".defaults: ",
        "`a` has a table or an array",
    ),
    ("[topics.a]\nrename = { a = \"b?\" }", "q.toml:2: topics.\"a\".rename: ", "`b?` cannot be a column"),
    (
        "[topics.a]\nrecord_columns = { offset = \"\" }",
        "q.toml:2: topics.\"a\".record_columns: ",
        "a column needs a name",
    ),
    (
        "[topics.a]\ndefaults = { \"a/b\" = 1 }",
        "q.toml:2: topics.\"a\".defaults: ",
        "`a/b` cannot be a column",
    ),
    ("[topics.a]\nkey_prefix = \"k-\"", "q.toml:2: topics.\"a\".key_prefix: ", "`k-` cannot be a column"),
    (
        "[topics.a]\ndlq = { table = \"a/b\" }",
        "q.toml:2: topics.\"a\".dlq: ",
        "cannot be kept in table \"a/b\"",
    ),
    (
        "[topics.a]\ndlq = { topic = \"d*\", bootstrap = \"h:1\" }",
        "q.toml:2: topics.\"a\".dlq: ",
        "\"d*\" is no topic's name",
    ),
    (
        "[topics.a]\ndlq = { topic = \"d\", bootstrap = \"h:1,h\" }",
        "q.toml:2: topics.\"a\".dlq: ",
        "bootstrap: `h` is not HOST:PORT",
    ),
    ("[topics.a]\nonly = [\"x\", \"\"]", "q.toml:2: topics.\"a\".only: ", "empty column name"),
    (
        "[topics.a]\ntimestamp_format = \"%Y-%m-%d\"",
        "q.toml:2: topics.\"a\".timestamp_format: ",
        "it needs a year (`yyyy`)",
    ),
    (
        "[topics.a]\ntimestamp = { field = \"t\", format = \"HH:mm\" }",
        "q.toml:2: topics.\"a\".timestamp: ",
        "it needs a year (`yyyy`)",
    ),
    (
        "[topics.a]\ndlq = { topic = \"d\" }",
        "q.toml:2: topics.\"a\".dlq: ",
        "`bootstrap` address of its cluster",
    ),
    ("[topics.a]\ndlq = \"d\"", "q.toml:2: topics.\"a\".dlq: ", "must be { table ="),
    ("[topics.a]\nformat = \"jsn\"", "q.toml:2: topics.\"a\".format: ", "did you mean `json`?"),
    ("[topics.a]\ntable = \"${nme}\"", "q.toml:2: topics.\"a\".table: ", "no variable `${nme}`"),
    ("[topics.a]\ninclude_key = \"no\"", "q.toml:2: topics.\"a\".include_key: ", "must be true or false"),
    ("[topics.a]\ncreate = \"day\"", "q.toml:2: topics.\"a\".create: ", "must be a table"),
    ("[topics.a.create]\npartition = \"day\"", "q.toml:2: topics.\"a\".create.partition: ", "`partition_by`"),
    (
        "[topics.a.create]\npartition_by = \"none\"",
        "q.toml:2: topics.\"a\".create.partition_by: ",
        "HOUR, DAY",
    ),
    ("[topics.a.create]\nttl = \"5m\"", "q.toml:2: topics.\"a\".create.ttl: ", "no minutes"),
    ("[topics.a.create]\nttl = 30", "q.toml:2: topics.\"a\".create.ttl: ", "not `30`"),
    (
        "[topics.a.create]\nttl = \"36 hours\"",
        "q.toml:2: topics.\"a\".create.ttl: ",
        "36 HOURS is not a whole number of partitions: the table is partitioned by DAY",
    ),
    (
        "[topics.a.create]\ndedup_keys = [\"id\"]\ncolumns.id = \"LONG\"",
        "q.toml:2: topics.\"a\".create.dedup_keys: ",
        "must contain `timestamp`",
    ),
    (
        "[topics.a.create]\ndedup_keys = [\"timestamp\", \"id\"]",
        "q.toml:2: topics.\"a\".create.dedup_keys: ",
        "`id` has no type yet",
    ),
    (
        "[topics.a.create]\ndedup_keys = [\"timestamp\", \"Timestamp\"]",
        "q.toml:2: topics.\"a\".create.dedup_keys: ",
        "names `Timestamp` twice",
    ),
    (
        "[topics.a.create]\ndedup_keys = [\"timestamp\", \"a\"]\ncolumns.a = \"double[]\"",
        "q.toml:2: topics.\"a\".create.dedup_keys: ",
        "no array as a key",
    ),
    (
        "[topics.a.create.columns]\nid = \"INT8\"",
        "q.toml:2: topics.\"a\".create.columns.id: ",
        "known are BOOLEAN",
    ),
    ("[topics.a.create.columns]\nid = 8", "q.toml:2: topics.\"a\".create.columns.id: ", "must be a text"),
    (
        "[topics.a.create]\ncolumns = { \"a-b\" = \"INT\" }",
        "q.toml:2: topics.\"a\".create.columns: ",
        "in a column's name",
    ),
    (
        "[topics.a.create]\ncolumns = { id = \"INT\", ID = \"INT\" }",
        "q.toml:2: topics.\"a\".create.columns: ",
        "names `ID` twice",
    ),
    (
        "[topics.a.create]\ncolumns = { timestamp = \"INT\" }",
        "q.toml:2: topics.\"a\".create.columns: ",
        "the designated timestamp",
    ),
    (
        "[topics.a]\nsymbols = [\"id\"]\n[topics.a.create]\ncolumns = { id = \"INT\" }",
        "q.toml:4: topics.\"a\".create.columns: ",
        "`id` is INT here and SYMBOL",
    ),
    ("listen = ", "q.toml:1: ", ""),
    ("admin = \"h:1\"\nadmin = \"h:1\"", "q.toml:2: ", "duplicate key"),
];

#[test]
fn what_is_wrong_is_told_with_line_key_and_reason() {
    for (text, start, part) in WRONG {
        let told = errors(text);
        assert!(
            told.starts_with(start) && told.contains(part) && told.lines().count() == 1,
            "{text}\n{told}"
        );
    }
}

#[test]
fn syntax_errors_do_not_quote_the_line_which_may_hold_a_password() {
    let told = errors("[questdb]\nconf = \"http::password=hunter2;\" x");
    assert!(told.starts_with("q.toml:2: ") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(Some(Path::new("/no/such.toml")), &Overrides::default()).unwrap_err().to_string();
    assert!(error.starts_with("config: cannot read /no/such.toml: "), "{error}");
}

#[test]
fn defaults_follow_what_is_given() {
    let limits = |text: &str| file(&format!("[limits]\n{text}")).unwrap().config.limits;
    let small = limits("memory = \"1MiB\"");
    assert_eq!(
        (small.request_bytes, small.batch_bytes, small.decompressed_bytes),
        (1 << 20, 1 << 19, 1 << 20)
    );
    assert_eq!(limits("request_bytes = \"64KiB\"").batch_bytes, 64 << 10);
    assert_eq!(limits("batch_bytes = \"64MiB\"").decompressed_bytes, 64 << 20);
}

#[test]
fn the_effective_configuration_says_where_each_value_is_from() {
    let overrides = Overrides { listen: flag("0.0.0.0:7000"), ..Overrides::default() };
    let text = FULL.replace("advertise = \"gateway.example.com:9092\"", "");
    let shown = parse(Path::new("q.toml"), &text, &overrides).unwrap().to_string();
    let origin = |line: &str| {
        let found =
            shown.lines().find(|shown| shown.starts_with(line)).unwrap_or_else(|| panic!("{line}\n{shown}"));
        found.split_once("  # ").unwrap().1
    };
    assert_eq!(origin("listen = \"0.0.0.0:7000\""), "--listen");
    assert_eq!(origin("# advertise"), "not set: each client is told the address that it connected to");
    assert_eq!(origin("memory = \"128MiB\""), "q.toml:33");
    assert_eq!(origin("conf = \"https::addr=db:9000;password=***;username=ann;\""), "q.toml:15");
    assert!(!shown.contains("hunter2"));
    // The named topic has all settings, also the one that is from `*`.
    let trades = shown.split("[topics.\"trades\"]\n").nth(1).unwrap();
    assert!(
        trades.lines().any(|line| line.starts_with("partitions = 16") && line.ends_with("# q.toml:41")),
        "{shown}"
    );
    assert!(trades.contains("timestamp = { field = \"ts\", unit = \"micros\" }"), "{shown}");
}

mod round_trip {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn lines(parts: Vec<Option<String>>) -> String {
        parts.into_iter().flatten().map(|line| line + "\n").collect()
    }

    fn topic() -> impl Strategy<Value = String> {
        let name = || "[a-z\"'\\\\ü ]{1,4}";
        let quoted = |name: String| toml::Value::String(name).to_string();
        let list = move |key: &'static str, first: char| {
            option::of(vec(name(), 0..3)).prop_map(move |names| {
                let mut names = names?;
                names.sort();
                names.dedup();
                let names: Vec<_> = names.into_iter().map(|name| quoted(format!("{first}{name}"))).collect();
                Some(format!("{key} = [{}]", names.join(", ")))
            })
        };
        let unit = prop::sample::select(vec!["auto", "seconds", "millis", "micros", "nanos"]);
        let timestamp = (name(), unit).prop_map(move |(name, unit)| {
            format!("timestamp = {{ field = {}, unit = \"{unit}\" }}", quoted("t".to_owned() + &name))
        });
        (
            option::of(
                "[a-z]{1,3}(\\$\\{(topic|key|header:[a-z]|value\\.[a-z]\\.b)\\})?[a-z]?"
                    .prop_map(|table| format!("table = \"{table}\"")),
            ),
            option::of((1..=1000).prop_map(|n| format!("partitions = {n}"))),
            option::of(timestamp),
            list("symbols", 's'),
            list("doubles", 'd'),
            option::of(any::<bool>().prop_map(|b| format!("include_key = {b}"))),
            option::of(any::<bool>().prop_map(|b| format!("auto_create = {b}"))),
            option::of(create()),
            prop::sample::subsequence(OTHER_TOPIC_KEYS, 0..=OTHER_TOPIC_KEYS.len()),
        )
            .prop_map(|(a, b, c, d, e, f, g, h, others)| {
                let others = others.into_iter().map(|line| Some(line.to_owned()));
                lines([a, b, c, d, e, f, g, h].into_iter().chain(others).collect())
            })
    }

    fn create() -> impl Strategy<Value = String> {
        let words = |words: &'static [&'static str]| option::of(prop::sample::select(words));
        let columns =
            btree_map("[x-z ü]{1,3}", prop::sample::select(&["INT", "geohash(4c)", "UUID"][..]), 0..3);
        let (partition_by, ttl) = (words(&["hour", "DAY", "week"]), words(&["2 WEEKS", "1y"]));
        (partition_by, ttl, option::of(any::<bool>()), columns).prop_map(
            |(partition_by, ttl, dedup, columns)| {
                let mut parts = vec![];
                parts.extend(partition_by.map(|word| format!("partition_by = \"{word}\"")));
                parts.extend(ttl.map(|ttl| format!("ttl = \"{ttl}\"")));
                if let Some(all) = dedup {
                    let keys: Vec<_> =
                        columns.keys().filter(|_| all).map(|name| format!(", \"{name}\"")).collect();
                    parts.push(format!("dedup_keys = [\"timestamp\"{}]", keys.concat()));
                }
                let columns: Vec<_> =
                    columns.iter().map(|(name, kind)| format!("\"{name}\" = \"{kind}\"")).collect();
                parts.push(format!("columns = {{ {} }}", columns.join(", ")));
                format!("create = {{ {} }}", parts.join(", "))
            },
        )
    }

    fn any_file() -> impl Strategy<Value = String> {
        let top =
            (
                option::of((1024..9000u16).prop_map(|port| format!("listen = \"0.0.0.0:{port}\""))),
                option::of((1..9000u16).prop_map(|port| format!("advertise = \"h:{port}\""))),
                option::of((10000..u16::MAX).prop_map(|port| {
                    format!("admin = \"[::1]:{port}\"\npandaproxy = \"[::1]:{}\"", port + 1)
                })),
                option::of(("[a-z/ \"'\\\\]{1,8}", "direct|overflow|spool").prop_map(|(dir, durability)| {
                    let dir = toml::Value::String(dir);
                    format!("data_dir = {dir}\ndurability = \"{durability}\"")
                })),
            );
        let spool = (
            option::of((16..9999u32).prop_map(|mib| format!("bytes = \"{mib}MiB\""))),
            option::of((1..8u32).prop_map(|mib| format!("segment_bytes = \"{mib}MiB\""))),
            option::of((1..100_000u64).prop_map(|ms| format!("overflow_after = \"{ms}ms\""))),
        );
        let limits = (
            option::of((256..9999u32).prop_map(|mib| format!("memory = \"{mib}MiB\""))),
            option::of((2_000_000..100_000_000u32).prop_map(|bytes| format!("request_bytes = {bytes}"))),
            option::of((1..2_000u32).prop_map(|kib| format!("batch_bytes = \"{kib} KiB\""))),
            option::of((1..100_000u64).prop_map(|ms| format!("stalled_request = \"{ms}ms\""))),
            option::of((1..100_000u64).prop_map(|s| format!("idle_connection = \"{s}s\""))),
            option::of((0..9u32).prop_map(|n| format!("topics = {n}"))),
        );
        let registry = option::of((1..100_000u64, any::<bool>(), prop::sample::select(vec!["", "/a"]))
            .prop_map(|(ms, verify, path)| {
                format!(
                    "[registry]\nurls = [\"https://h:8081{path}\", \"http://[::1]\"]\ntls_verify = {verify}\n\
                     connect_timeout = \"{ms}ms\"\n"
                )
            }));
        let questdb = (
            option::of((1..=64).prop_map(|lanes| format!("lanes = {lanes}"))),
            option::of(any::<bool>().prop_map(|on| format!("exactly_once = {on}"))),
        );
        (top, spool, (questdb, registry), limits, btree_map("[ab]{0,2}\\*?[ab]{1,2}|\\*", topic(), 0..5))
            .prop_map(|((a, b, c, d), (k, l, m), ((n, o), registry), (e, f, g, h, i, j), topics)| {
                let mut text = lines(vec![a, b, c, d]);
                text += &format!("[spool]\n{}", lines(vec![k, l, m]));
                text += &format!("[questdb]\n{}[limits]\n", lines(vec![n, o]));
                text += &lines(vec![e, f, g, h, i, j]);
                text += &registry.unwrap_or_default();
                for (pattern, topic) in topics {
                    text += &format!("[topics.\"{pattern}\"]\n{topic}");
                }
                text
            })
    }

    proptest! {
        #[test]
        fn what_check_prints_reads_back_as_the_same(text in any_file()) {
            let first = file(&text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
            let printed = first.to_string();
            let second = file(&printed).unwrap_or_else(|errors| panic!("{printed}\n{errors}"));
            for topic in ["a", "b", "aa", "ab", "ba", "bb", "aab", "abab", "x"] {
                prop_assert_eq!(first.config.topics.of(topic), second.config.topics.of(topic), "{}\n{}", topic, printed);
            }
            let without_topics = |loaded: &Loaded| Config { topics: TopicsConfig::default(), ..loaded.config.clone() };
            prop_assert_eq!(without_topics(&first), without_topics(&second));
        }

        #[test]
        fn no_text_panics(text in "\\PC*", cut in 0..FULL.len()) {
            let _ = file(&text);
            if let Some(start) = FULL.get(..cut) {
                let _ = file(start);
                let _ = file(&(start.to_owned() + &text));
            }
        }
    }
}
