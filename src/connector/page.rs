use super::Note;
use super::registry::Registry;
use crate::config::{Predicate, TopicPattern, TopicSettings, Transform, TransformPart, masked};

/// The longest line of a comment.
const WIDTH: usize = 110;

/// The configuration file.
pub(super) fn render(
    name: Option<&str>,
    conf: Option<&str>,
    registry: Option<&Registry>,
    topics: &[TopicPattern],
    settings: &TopicSettings,
    notes: &[Note],
) -> String {
    let mut page = String::new();
    let whose = name.map_or(String::new(), |name| format!(" {name:?}"));
    comment(&mut page, "", &format!("From the configuration of QuestDB's Kafka connector{whose}."));
    comment(
        &mut page,
        "",
        "Producers connect to `listen`, by default 127.0.0.1:9092: it takes the place of their bootstrap.servers.",
    );
    comment(&mut page, "", "listen = \"0.0.0.0:9092\"");

    page += "\n[questdb]\n";
    tell(&mut page, notes, &["client.conf.string", "host"]);
    match conf {
        Some(conf) => {
            if masked(conf) != conf {
                comment(
                    &mut page,
                    "",
                    "It holds a secret, as it did there: keep this file to yourself, or set QUAFKA_QUESTDB instead.",
                );
            }
            page += &format!("conf = {}\n", quoted(conf));
        }
        None => comment(&mut page, "", "conf = \"http::addr=127.0.0.1:9000;\""),
    }

    if let Some(registry) = registry {
        page += "\n[registry]\n";
        if registry.has_secret() {
            comment(&mut page, "", "It holds a secret, as it did there: keep this file to yourself.");
        }
        for (key, value) in registry.to_toml() {
            page += &format!("{key} = {value}\n");
        }
    }

    for (index, topic) in topics.iter().enumerate() {
        page += &format!("\n[topics.{}]\n", quoted(topic.as_str()));
        if index == 0 {
            let others: Vec<_> = notes
                .iter()
                .map(|note| note.key.as_str())
                .filter(|key| !matches!(*key, "client.conf.string" | "host"))
                .collect();
            let mut told: Vec<&str> = Vec::new();
            for key in others {
                if !told.contains(&key) {
                    told.push(key);
                }
            }
            tell(&mut page, notes, &told);
        }
        for (key, value) in settings.to_toml() {
            match &settings.transforms {
                Some(transforms) if key == "transforms" => {
                    page += "transforms = [\n";
                    for transform in transforms {
                        page += &format!("    {},\n", inline(transform));
                    }
                    page += "]\n";
                }
                _ => page += &format!("{key} = {value}\n"),
            }
        }
    }

    if notes.iter().any(|note| note.lost) {
        page += "\n";
        comment(&mut page, "", "Without a counterpart:");
        for note in notes.iter().filter(|note| note.lost) {
            comment(&mut page, "  ", &format!("{}: {}", note.key, note.text));
        }
    }
    page
}

/// What there is to know of keys that are carried over.
fn tell(page: &mut String, notes: &[Note], keys: &[&str]) {
    for key in keys {
        for note in notes.iter().filter(|note| note.key == *key && !note.lost) {
            comment(page, "", &format!("{}: {}", note.key, note.text));
        }
    }
}

/// A comment of as many lines as it takes; `indent` is before all but the first line's, and the first's, too.
fn comment(page: &mut String, indent: &str, text: &str) {
    let mut line = format!("# {indent}");
    let mut is_empty = true;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            *page += &line;
            page.push('\n');
            line = format!("# {indent}  ");
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    *page += &line;
    page.push('\n');
}

/// A transform as an inline table, its type first.
fn inline(transform: &Transform) -> String {
    let Transform { kind, of, predicate, negate, options } = transform;
    let mut parts = vec![format!("type = {}", quoted(kind))];
    if let Some(part) = of {
        let part = match part {
            TransformPart::Key => "key",
            TransformPart::Value => "value",
        };
        parts.push(format!("of = \"{part}\""));
    }
    parts.extend(options.iter().map(option));
    if let Some(Predicate { kind, options }) = predicate {
        let mut inner = vec![format!("type = {}", quoted(kind))];
        inner.extend(options.iter().map(option));
        parts.push(format!("predicate = {{ {} }}", inner.join(", ")));
    }
    if *negate {
        parts.push("negate = true".to_owned());
    }
    format!("{{ {} }}", parts.join(", "))
}

fn option((name, value): (&String, &toml::Value)) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    // With a bare dot the name would be a table in a table.
    let name = if bare && !name.is_empty() { name.clone() } else { quoted(name) };
    format!("{name} = {value}")
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
