use super::schema::{Field, Meaning, Node, dimensions};
use super::tree::{MAX_DIMENSIONS, is_optional};
use crate::decode::names::{Names, ROOT};

/// How a schema's payloads are read in one pass, straight into columns: operations in the order of the bytes, the
/// fields of nested records among them.
#[derive(Debug)]
pub(crate) struct Program {
    pub ops: Vec<Op>,
    /// The names that operations give their values by.
    pub names: Names,
    /// Where the branches of unions begin.
    pub branches: Vec<u32>,
}

/// Reads something, and does something with it. `name` is a number among [`Program::names`], or [`ROOT`](crate::decode::ROOT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Null {
        name: u32,
    },
    Boolean {
        name: u32,
    },
    Int {
        name: u32,
    },
    Long {
        name: u32,
    },
    /// An int that is days.
    Date {
        name: u32,
    },
    /// A long that is a point in time.
    Time {
        name: u32,
        meaning: Meaning,
    },
    Float {
        name: u32,
    },
    Double {
        name: u32,
    },
    Text {
        name: u32,
    },
    /// A symbol of an enum, which is a node.
    Enum {
        name: u32,
        node: u32,
    },
    /// An array of numbers or of arrays of numbers, which is a node.
    Numbers {
        name: u32,
        node: u32,
    },
    /// Anything else, which is a node.
    Other {
        name: u32,
        node: u32,
    },
    /// A union of null and something. Where it is null, `end` is next.
    Optional {
        name: u32,
        null_branch: u8,
        end: u32,
    },
    /// A union of several. What is next is `branches[first + index]`; null has a branch of its own.
    Union {
        first: u32,
        count: u32,
    },
    /// Something else is next.
    Jump {
        to: u32,
    },
}

/// Schemas with more are read as trees. A record that is named in several places has its fields in each.
const MAX_OPS: usize = 4_096;

/// As deep as records and unions may be nested in a program: deeper ones refer to themselves more often than not.
const MAX_DEPTH: usize = 32;

impl Program {
    /// None: the schema refers to itself, or is very large.
    pub(super) fn compile(nodes: &[Node], root: u32) -> Option<Self> {
        let is_object = is_object(nodes, root);
        let names = Names { list: Vec::new(), is_object };
        let program = Self { ops: Vec::new(), names, branches: Vec::new() };
        let mut compiler = Compiler { nodes, program, depth: 0 };
        let name = if is_object { ROOT } else { compiler.program.names.add(ROOT, "") };
        compiler.node(root, name)?;
        Some(compiler.program)
    }
}

/// Whether a payload has members, if it is not null.
fn is_object(nodes: &[Node], root: u32) -> bool {
    match nodes.get(root as usize) {
        Some(Node::Record(_)) => true,
        Some(Node::Union(branches)) if is_optional(nodes, branches) => {
            branches.iter().any(|branch| matches!(nodes.get(branch.node as usize), Some(Node::Record(_))))
        }
        Some(Node::Union(_)) => true,
        _ => false,
    }
}

struct Compiler<'s> {
    nodes: &'s [Node],
    program: Program,
    depth: usize,
}

impl Compiler<'_> {
    fn node(&mut self, node: u32, name: u32) -> Option<()> {
        if self.program.ops.len() >= MAX_OPS || self.depth >= MAX_DEPTH {
            return None;
        }
        let nodes = self.nodes;
        let op = match nodes.get(node as usize)? {
            Node::Null => Op::Null { name },
            Node::Boolean => Op::Boolean { name },
            Node::Int(Meaning::Number) => Op::Int { name },
            Node::Int(_) => Op::Date { name },
            Node::Long(Meaning::Number) => Op::Long { name },
            Node::Long(meaning) => Op::Time { name, meaning: *meaning },
            Node::Float => Op::Float { name },
            Node::Double => Op::Double { name },
            Node::Text => Op::Text { name },
            Node::Enum(_) => Op::Enum { name, node },
            Node::Array(_) if matches!(dimensions(nodes, node), Some(1..=MAX_DIMENSIONS)) => {
                Op::Numbers { name, node }
            }
            Node::Record(fields) => {
                return self.nested(|compiler| {
                    fields.iter().try_for_each(|field| {
                        let name = compiler.program.names.add(name, &field.name);
                        compiler.node(field.node, name)
                    })
                });
            }
            Node::Union(branches) => return self.nested(|compiler| compiler.union(branches, name)),
            _ => Op::Other { name, node },
        };
        self.program.ops.push(op);
        Some(())
    }

    fn union(&mut self, branches: &[Field], name: u32) -> Option<()> {
        let is_null =
            |nodes: &[Node], branch: &Field| matches!(nodes.get(branch.node as usize), Some(Node::Null));
        if is_optional(self.nodes, branches) {
            let null = branches.iter().position(|branch| is_null(self.nodes, branch))?;
            let place = self.program.ops.len();
            self.program.ops.push(Op::Null { name });
            let other = branches.get(1 - null)?;
            self.node(other.node, name)?;
            let end = self.end();
            *self.program.ops.get_mut(place)? = Op::Optional { name, null_branch: null as u8, end };
            return Some(());
        }
        let first = self.program.branches.len() as u32;
        self.program.ops.push(Op::Union { first, count: branches.len() as u32 });
        self.program.branches.resize(self.program.branches.len() + branches.len(), 0);
        let mut jumps = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let start = self.end();
            *self.program.branches.get_mut(first as usize + index)? = start;
            if is_null(self.nodes, branch) {
                self.program.ops.push(Op::Null { name });
            } else {
                let name = self.program.names.add(name, &branch.name);
                self.node(branch.node, name)?;
            }
            jumps.push(self.program.ops.len());
            self.program.ops.push(Op::Jump { to: 0 });
        }
        let to = self.end();
        for jump in jumps {
            *self.program.ops.get_mut(jump)? = Op::Jump { to };
        }
        Some(())
    }

    fn nested(&mut self, compile: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        compile(self)?;
        self.depth -= 1;
        Some(())
    }

    fn end(&self) -> u32 {
        self.program.ops.len() as u32
    }
}
