//! Layers point downwards only: `main -> server -> api -> mapping -> decode -> rows` and `api -> sink -> rows`.
//!
//! Reads the `crate::` and `quafka::` paths in `src/`, except in comments and unit tests, and fails on an arrow
//! that the table does not have. A new module gets its row here before it gets its first user.

// Helpers count as code that runs, but these are only called by tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// What all but they themselves may use: they know nothing of what the gateway does.
const BASE: &[&str] = &["config", "fence", "folder_lock", "memory", "ops"];

/// Each layer and what it may use besides [`BASE`], from top to bottom: no layer uses one above itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["cli", "demo", "server", "api", "topics", "mapping", "sink", "schema", "questdb"]),
    (
        "cli",
        &[
            "connector",
            "demo",
            "server",
            "api",
            "spool",
            "mapping",
            "dead_letters",
            "producer",
            "decode",
            "registry",
            "questdb",
            "rows",
        ],
    ),
    // From one configuration to another: nothing that runs.
    ("connector", &[]),
    ("demo", &["server", "producer", "sink", "questdb"]),
    (
        "server",
        &[
            "pandaproxy",
            "api",
            "topics",
            "dead_letters",
            "registry",
            "sink",
            "spool",
            "schema",
            "questdb",
            "rows",
        ],
    ),
    // Another way in, which ends in a Produce request: it knows no more than a Kafka client.
    ("pandaproxy", &["api"]),
    // The only place that knows both what a record became and what the sink made of it.
    (
        "api",
        &[
            "topics",
            "mapping",
            "dead_letters",
            "decode",
            "registry",
            "sink",
            "spool",
            "schema",
            "questdb",
            "rows",
        ],
    ),
    // Rows for records that cannot be rows of their own, and those records again, read from their table.
    ("dead_letters", &["decode", "questdb", "rows"]),
    // A topic has its table and its plan; a producer's state holds the sink's fences.
    ("topics", &["mapping", "sink", "schema", "rows"]),
    // Batches on disk, as they were sent: what is in them is not its business.
    ("spool", &[]),
    // Fetches the schemas that payloads are read by. Reading does not wait, so it does not know this.
    ("registry", &["decode", "http"]),
    // Left of the waist: synchronous, and the sink is not its business.
    ("mapping", &["transform", "decode", "sql", "schema", "rows"]),
    // What changes records knows them as trees, and no tables.
    ("transform", &["decode"]),
    ("decode", &["rows"]),
    // Expressions over the columns of a block: whose records they were is not its business.
    ("sql", &["rows"]),
    // Right of the waist: it never sees a record, only rows.
    ("sink", &["schema", "questdb", "rows"]),
    ("schema", &["questdb", "rows"]),
    ("questdb", &["http", "rows"]),
    // A Kafka client: it knows the gateway no better than any other broker.
    ("producer", &[]),
    ("rows", &[]),
    // What it is that it connects to, it is told.
    ("http", &[]),
    ("ops", &[]),
    ("memory", &[]),
    ("fence", &[]),
    // The data dir is locked by `topics`, the folder within it by `spool`.
    ("folder_lock", &[]),
    ("config", &[]),
];

/// `protocol/` takes bytes, limits and clocks as arguments. What must not stand in its sources, and why.
const PROTOCOL_BANS: &[(&str, &str)] = &[
    ("tokio", "the wire is sans-IO"),
    ("quafka::", "the wire knows nothing of the gateway"),
    ("std::net", "the wire is sans-IO"),
    ("std::fs", "the wire is sans-IO"),
    ("std::env", "limits are arguments"),
    ("SystemTime", "clocks are arguments"),
    ("Instant::now", "clocks are arguments"),
    ("tracing::", "an error is returned, not logged"),
    ("println!", "an error is returned, not logged"),
];

fn may_use(from: &str, to: &str) -> bool {
    let row = LAYERS.iter().find(|(layer, _)| *layer == from).map_or(&[][..], |(_, uses)| uses);
    // At the bottom, memory and ops may use what stands below them in the table.
    let base = BASE.contains(&to) && (!BASE.contains(&from) || rank(from) < rank(to));
    from == to || base || row.contains(&to)
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|(name, _)| *name == layer)
}

#[test]
fn the_table_itself_points_downwards() {
    for (layer, uses) in LAYERS {
        for used in *uses {
            let used_rank = rank(used).unwrap_or_else(|| panic!("{layer} uses {used}, which has no row"));
            assert!(rank(layer) < Some(used_rank), "{layer} -> {used} points upwards");
        }
    }
}

#[test]
fn layers_point_downwards_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for path in sources(&root.join("src")) {
        let shown = path.strip_prefix(root).unwrap();
        let layer = layer_of(shown);
        if layer == "lib" {
            continue;
        }
        if rank(&layer).is_none() {
            wrong.push(format!("{}: `{layer}` has no row in the table of tests/layers.rs", shown.display()));
            continue;
        }
        for (line, used) in arrows(&fs::read_to_string(&path).unwrap()) {
            // What is no layer is an item of `lib.rs`, which has none.
            if rank(&used).is_some() && !may_use(&layer, &used) {
                wrong.push(format!("{}:{line}: {layer} -> {used}", shown.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these arrows are not in the table:\n{}", wrong.join("\n"));
}

#[test]
fn the_wire_has_no_io_no_clock_and_no_gateway() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table =
        fs::read_to_string(root.join("protocol/Cargo.toml")).unwrap().parse().unwrap();
    for name in manifest.get("dependencies").and_then(toml::Value::as_table).unwrap().keys() {
        let banned = ["tokio", "quafka", "tracing", "log", "mio", "hyper", "kafka-protocol"];
        assert!(!banned.contains(&name.as_str()), "protocol/Cargo.toml: {name} is not for the wire");
    }
    for path in sources(&root.join("protocol/src")) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in code_lines(&text) {
            for (ban, reason) in PROTOCOL_BANS {
                let shown = path.strip_prefix(root).unwrap().display();
                assert!(!line.contains(ban), "{shown}:{number}: `{ban}`: {reason}");
            }
        }
    }
}

/// The layer that a file belongs to: `src/sink/lane.rs` to `sink`, `src/cli.rs` to `cli`.
fn layer_of(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str();
    Path::new(first).file_stem().unwrap().to_str().unwrap().to_owned()
}

/// All Rust files below a directory, without those that hold unit tests: tests may look upwards.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "tests" {
                found.extend(sources(&path));
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules of the crate that a source uses, with the lines.
fn arrows(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let code: Vec<_> = code_lines(text).collect();
    let starts: Vec<_> = code
        .iter()
        .scan(0, |next, (number, line)| {
            let start = *next;
            *next += line.len() + 1;
            Some((start, *number))
        })
        .collect();
    let joined: String = code.iter().flat_map(|(_, line)| [*line, "\n"]).collect();
    for root in ["crate::", "quafka::"] {
        for (at, _) in joined.match_indices(root) {
            let part_of_a_name = joined[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if part_of_a_name || joined[..at].ends_with('$') {
                continue;
            }
            let line_at =
                |offset| starts.iter().rfind(|(start, _)| *start <= offset).map_or(0, |(_, line)| *line);
            let behind = at + root.len();
            found.extend(
                first_names(&joined[behind..])
                    .into_iter()
                    .map(|(name, offset)| (line_at(behind + offset), name)),
            );
        }
    }
    found.sort();
    found
}

/// The first name of a path, or of each path in a group such as `{rows::Block, sink::{Lane, Ticket}}`, with the
/// offset.
fn first_names(path: &str) -> Vec<(String, usize)> {
    if !path.starts_with('{') {
        return vec![(name_at(path), 0)];
    }
    let mut names = Vec::new();
    let (mut depth, mut expects_name) = (0, false);
    for (offset, c) in path.char_indices() {
        match c {
            '{' => {
                depth += 1;
                expects_name = depth == 1;
            }
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => expects_name = depth == 1,
            c if expects_name && !c.is_whitespace() => {
                names.push((name_at(&path[offset..]), offset));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}

fn name_at(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The lines up to the unit tests, without line comments, numbered from 1.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text.get(..end).unwrap_or(text).lines().enumerate();
    lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

#[test]
fn arrows_are_found_in_all_spellings() {
    let text = "//! [`crate::server`]\nuse crate::rows::Block;\nuse crate::{\n    memory::Charge,\n    sink::{Lane, \
                api},\n};\nfn f() { crate::ops::count(); my_crate::x(); $crate::y(); }\n#[cfg(test)]\nmod tests {\n\
                use crate::api;\n}";
    let found: Vec<_> = arrows(text).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(found, ["2 rows", "4 memory", "5 sink", "7 ops"]);
    assert!(may_use("api", "sink") && may_use("sink", "rows") && may_use("ops", "config"));
    assert!(!may_use("sink", "mapping") && !may_use("mapping", "sink") && !may_use("config", "ops"));
}
