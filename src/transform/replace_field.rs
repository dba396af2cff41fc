use std::collections::{HashMap, HashSet};

use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Object, Value};

/// Leaves fields out, and gives others new names.
#[derive(Debug)]
pub(super) struct ReplaceField {
    part: Part,
    exclude: HashSet<String>,
    include: HashSet<String>,
    renames: HashMap<String, String>,
}

impl ReplaceField {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        // The latter are the names that these had once.
        let mut exclude: HashSet<_> = options.list("exclude")?.into_iter().collect();
        exclude.extend(options.list("blacklist")?);
        let mut include: HashSet<_> = options.list("include")?.into_iter().collect();
        include.extend(options.list("whitelist")?);
        let mut renames = HashMap::new();
        for (from, to) in options.pairs("renames")? {
            let to = to.ok_or_else(|| format!("`renames` has `{from}`, which is no pair such as `a:b`"))?;
            renames.insert(from, to);
        }
        options.ignored_default()?;
        Ok(Self { part, exclude, include, renames })
    }
}

impl Change for ReplaceField {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        if *self.part.of(message) == Value::Null {
            return Ok(Flow::Keep);
        }
        let object = self.part.object(message)?;
        let mut members = std::mem::take(object).0;
        members.retain(|(name, _)| {
            !self.exclude.contains(name) && (self.include.is_empty() || self.include.contains(name))
        });
        for (name, _) in &mut members {
            if let Some(new) = self.renames.get(name) {
                name.clone_from(new);
            }
        }
        *object = Object::of(members);
        Ok(Flow::Keep)
    }
}
