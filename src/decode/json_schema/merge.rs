//! What several schemas say of one value together.

use std::collections::hash_map::Entry;

use super::parser::Parser;
use super::schema::{ANY, Fields, JsonSchemaError, Node};
use crate::decode::envelope::Meaning;

/// How schemas are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Together {
    /// A value is as all of them say: `allOf`, and what stands beside it.
    All,
    /// A value is as one of them says: `oneOf`, `anyOf`, several types.
    Either,
}

impl Parser<'_> {
    pub(super) fn merge(&mut self, a: Node, b: Node, how: Together) -> Result<Node, JsonSchemaError> {
        self.step(1)?;
        Ok(match (a, b) {
            (a, b) if a == b => a,
            (Node::Any, other) | (other, Node::Any) if how == Together::All => other,
            (Node::Any, _) | (_, Node::Any) => Node::Any,
            (Node::Null, other) | (other, Node::Null) => other,
            (Node::Object(a), Node::Object(b)) => Node::Object(self.merge_fields(a, b, how)?),
            (Node::Array(a), Node::Array(b)) => Node::Array(self.merge_later(a, b, how)?),
            (a, b) => match (how, is_narrower(&a, &b), is_narrower(&b, &a)) {
                (Together::All, true, _) | (Together::Either, _, true) => a,
                (Together::All, _, true) | (Together::Either, true, _) => b,
                // What no value can be needs no care.
                (Together::All, ..) => a,
                (Together::Either, ..) => Node::Any,
            },
        })
    }

    fn merge_fields(&mut self, mut a: Fields, b: Fields, how: Together) -> Result<Fields, JsonSchemaError> {
        self.step(a.named.len() + b.named.len())?;
        for (name, field) in b.named {
            match a.named.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(field);
                }
                Entry::Occupied(mut place) => {
                    let merged = self.merge_later(*place.get(), field, how)?;
                    place.insert(merged);
                }
            }
        }
        a.others = match (a.others, b.others, how) {
            (Some(a), Some(b), _) => Some(self.merge_later(a, b, how)?),
            (a, b, Together::All) => a.or(b),
            (_, _, Together::Either) => None,
        };
        Ok(a)
    }

    fn merge_later(&mut self, a: u32, b: u32, how: Together) -> Result<u32, JsonSchemaError> {
        match (a, b, how) {
            (a, b, _) if a == b => Ok(a),
            (ANY, other, Together::All) | (other, ANY, Together::All) => Ok(other),
            (ANY, _, Together::Either) | (_, ANY, Together::Either) => Ok(ANY),
            _ => self.reserve_merged(a, b, how),
        }
    }
}

/// Whether all values of one type are values of the other, too.
fn is_narrower(a: &Node, b: &Node) -> bool {
    matches!(
        (a, b),
        (Node::Integer(Meaning::Number), Node::Number)
            | (Node::Float, Node::Number)
            | (Node::Time, Node::Text)
            | (Node::Bytes, Node::Text)
    )
}
