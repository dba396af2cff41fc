/// The names that a schema's payloads have their values by. Who writes them into columns looks each up once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Each after the one that it is nested in.
    pub list: Vec<Name>,
    /// Whether a payload's members are columns; else it is one value.
    pub is_object: bool,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Name {
    /// The name whose object it is a member of, by its number; [`ROOT`] where that is the payload itself.
    pub parent: u32,
    pub name: Box<str>,
}

/// The payload itself, among names.
pub(crate) const ROOT: u32 = u32::MAX;

impl Names {
    /// Adds a name, and returns its number.
    pub fn add(&mut self, parent: u32, name: &str) -> u32 {
        self.list.push(Name { parent, name: name.into() });
        self.list.len() as u32 - 1
    }
}
