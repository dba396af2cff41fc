//! Payloads with schemas, made into rows in both ways that there are.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use quafka::config::{Format, TopicConfig, Transform};
use quafka::decode::{Known, Schema, SchemaBook, SchemaKey};
use quafka::mapping::{Finished, Pipeline, Plan, SourceRecord, Tables};
use quafka::rows::TableName;
use quafka::schema::TableSchema;

type Ways = Vec<(Pipeline, HashMap<TableName, Arc<Plan>>)>;

/// A topic's values read in place, and by a tree.
pub struct BothWays {
    format: Format,
    ways: OnceLock<Ways>,
}

impl BothWays {
    /// Of values in a format.
    pub const fn of(format: Format) -> Self {
        Self { format, ways: OnceLock::new() }
    }

    fn ways(&self) -> &Ways {
        self.ways.get_or_init(|| {
            // It does nothing, but needs the tree.
            let nothing = Transform {
                kind: "SetSchemaMetadata".to_owned(),
                of: None,
                predicate: None,
                negate: false,
                options: toml::Table::new(),
            };
            let make = |transforms| {
                let config = TopicConfig { format: self.format, transforms, ..TopicConfig::default() };
                let pipeline = Pipeline::new("t", &Arc::new(config)).expect("a pipeline");
                let table = TableName::new("t");
                let plan = pipeline.plan(&table, &TableSchema::default()).expect("a plan");
                (pipeline, HashMap::from([(table, Arc::new(plan))]))
            };
            vec![make(Vec::new()), make(vec![nothing])]
        })
    }

    /// Both have to refuse the same records, and their rows to be shown alike.
    pub fn agree(&self, book: &SchemaBook, framed: &[u8], show: impl Fn(&Finished) -> String) {
        // Twice in a row: the second finds the names of the first.
        let rows = self.ways().iter().map(|(pipeline, plans)| {
            let mut tables = Tables::with_schemas(pipeline, plans, Some(book));
            let outcomes = [0, 1].map(|index| {
                let record = SourceRecord { index, value: Some(framed), ..SourceRecord::default() };
                // In place a column may refuse a value before the payload shows that it is none.
                tables.append(&record).map_err(|error| error.record)
            });
            format!("{outcomes:?} {}", show(&tables.finish()))
        });
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows[0], rows[1]);
    }
}

/// A book with one schema, which is number 0.
pub fn book(schema: Schema) -> SchemaBook {
    let book = SchemaBook::default();
    book.insert(SchemaKey::Id(0), Known::Schema(schema));
    book
}

/// Rows, without where in memory their buffers are.
pub fn without_places(finished: &Finished) -> String {
    let text = format!("{finished:?}");
    let mut parts = text.split("ptr: 0x");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| shown.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit())));
    shown
}
