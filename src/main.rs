//! The `quafka` command.

fn main() {}
