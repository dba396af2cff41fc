//! From a topic and a record to a table, columns and a timestamp.
