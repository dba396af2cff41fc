use super::hash_index::{HashIndex, hash};

/// Where the names of a record's objects lead to.
///
/// Records of one topic name the same fields in the same order. So each name remembers which one came after it
/// last time, and a name that is as expected is told by comparing bytes, without being scanned or hashed.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    objects: Vec<Object>,
    names: Vec<Name>,
    index: HashIndex,
}

/// "No such thing" among objects, names and columns.
pub(crate) const NONE: u32 = u32::MAX;

/// The object that is a record's value.
pub(crate) const VALUE: u32 = 0;

/// The object that is a record's key.
pub(crate) const KEY: u32 = 1;

/// Holds the names of the columns for keys and values that are no objects.
pub(crate) const RECORD: u32 = 2;

/// Holds the names of headers.
pub(crate) const HEADERS: u32 = 3;

/// Holds the names of columns that the settings name.
pub(crate) const META: u32 = 4;

/// What the names of columns start with, by where they are from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefixes {
    /// Of fields of a record's value.
    pub value: String,
    /// Of fields of a record's key.
    pub key: String,
    /// Of headers.
    pub header: String,
}

/// An object, by the names that lead to it.
#[derive(Clone, Debug)]
struct Object {
    /// What its columns' names start with.
    prefix: String,
    /// The name that its first member had last time.
    first: u32,
}

#[derive(Clone, Debug)]
struct Name {
    object: u32,
    /// The name and a quote. With anything in it that JSON escapes it is not compared, hence only the quote.
    expected: Box<[u8]>,
    name: Box<str>,
    next: u32,
    /// The object that it names where its value is one.
    child: u32,
    destination: Destination,
    attempt: u64,
}

/// Where a name's value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Nobody has asked yet.
    Unknown,
    /// To a column of the block, by its number.
    Column(u32),
    /// To a column, by its number, whose texts are times.
    Times(u32),
    /// It is the designated timestamp, or one of the texts that make it, by its number.
    Timestamp(u32),
    /// It is not written.
    Nowhere,
}

/// How many names are remembered. A topic's records have a few hundred at most.
const MAX_NAMES: usize = 10_000;

/// A prefix that is longer than any column's name may be need not be known to its end.
const MAX_PREFIX: usize = 256;

impl Paths {
    pub fn new(prefixes: &Prefixes) -> Self {
        let root = |prefix: &str| Object { prefix: prefix.to_owned(), first: NONE };
        Self {
            objects: vec![
                root(&prefixes.value),
                root(&prefixes.key),
                root(""),
                root(&prefixes.header),
                root(""),
            ],
            names: Vec::new(),
            index: HashIndex::default(),
        }
    }

    /// How many objects and names there are, for [`Self::truncate`].
    pub fn len(&self) -> (usize, usize) {
        (self.objects.len(), self.names.len())
    }

    /// The name that an object's first member is expected to have.
    #[inline]
    pub fn first(&self, object: u32) -> u32 {
        self.objects[object as usize].first
    }

    /// The bytes that are expected after the opening quote of a name.
    #[inline]
    pub fn expected(&self, name: u32) -> Option<&[u8]> {
        self.names.get(name as usize).map(|name| &*name.expected).filter(|expected| expected.len() > 1)
    }

    /// The name that is expected after another.
    #[inline]
    pub fn next(&self, name: u32) -> u32 {
        self.names[name as usize].next
    }

    /// Takes note of the attempt at a row in which a name is met. False: it has been met in it before.
    #[inline]
    pub fn meet(&mut self, name: u32, attempt: u64) -> bool {
        let name = &mut self.names[name as usize];
        std::mem::replace(&mut name.attempt, attempt) != attempt
    }

    /// Finds a name, or adds it, and takes note that it comes after `previous` in `object`. None: too many.
    pub fn find(&mut self, object: u32, name: &str, previous: u32) -> Option<u32> {
        let hash = hash(object, name.as_bytes());
        let found = self.index.find(hash, |number| {
            let other = &self.names[number];
            other.object == object && &*other.name == name
        });
        let number = match found {
            Some(number) => number as u32,
            None => {
                if self.names.len() >= MAX_NAMES {
                    return None;
                }
                self.index.push(hash);
                self.names.push(Name::new(object, name));
                self.names.len() as u32 - 1
            }
        };
        match self.names.get_mut(previous as usize) {
            Some(previous) => previous.next = number,
            None => self.objects[object as usize].first = number,
        }
        Some(number)
    }

    #[inline]
    pub fn destination(&self, name: u32) -> Destination {
        self.names[name as usize].destination
    }

    pub fn set_destination(&mut self, name: u32, destination: Destination) {
        self.names[name as usize].destination = destination;
    }

    /// The name of the column that a name stands for.
    pub fn column_name(&self, name: u32) -> String {
        self.field_name(name).replace('.', "_")
    }

    /// A name, without those that lead to it.
    pub fn own_name(&self, name: u32) -> &str {
        &self.names[name as usize].name
    }

    /// All names that lead to a name, and itself, joined by `_`.
    pub fn field_name(&self, name: u32) -> String {
        let name = &self.names[name as usize];
        format!("{}{}", self.objects[name.object as usize].prefix, name.name)
    }

    /// Whether a name is that of a column for a key or a value that is no object.
    pub fn is_record(&self, name: u32) -> bool {
        self.names[name as usize].object == RECORD
    }

    /// The object that a name leads to, where it has been met.
    #[inline]
    pub fn known_child(&self, name: u32) -> Option<u32> {
        Some(self.names[name as usize].child).filter(|child| *child != NONE)
    }

    /// The object that a name leads to.
    pub fn child(&mut self, name: u32) -> u32 {
        let child = self.names[name as usize].child;
        if child != NONE {
            return child;
        }
        let mut prefix = self.field_name(name);
        if let Some((end, _)) = prefix.char_indices().nth(MAX_PREFIX) {
            prefix.truncate(end);
        }
        prefix.push('_');
        self.objects.push(Object { prefix, first: NONE });
        let child = self.objects.len() as u32 - 1;
        self.names[name as usize].child = child;
        child
    }

    /// Forgets all objects, names and columns that a failed row has added.
    pub fn truncate(&mut self, (objects, names): (usize, usize), columns: usize) {
        self.index.truncate(names);
        self.names.truncate(names);
        self.objects.truncate(objects);
        for name in &mut self.names {
            if name.child != NONE && name.child as usize >= objects {
                name.child = NONE;
            }
            if name.next != NONE && name.next as usize >= names {
                name.next = NONE;
            }
            if let Destination::Column(column) | Destination::Times(column) = name.destination
                && column as usize >= columns
            {
                name.destination = Destination::Unknown;
            }
        }
        for object in &mut self.objects {
            if object.first != NONE && object.first as usize >= names {
                object.first = NONE;
            }
        }
    }

    pub fn memory_bytes(&self) -> usize {
        // The names and prefixes themselves are short; 32 bytes stand for them.
        self.objects.capacity() * (size_of::<Object>() + 32)
            + self.names.capacity() * (size_of::<Name>() + 32)
            + self.index.memory_bytes()
    }
}

impl Name {
    fn new(object: u32, name: &str) -> Self {
        let escaped = name.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        let expected = if escaped { "\"".to_owned() } else { format!("{name}\"") };
        Self {
            object,
            expected: expected.into_bytes().into(),
            name: name.into(),
            next: NONE,
            child: NONE,
            destination: Destination::Unknown,
            attempt: 0,
        }
    }
}
