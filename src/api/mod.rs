//! One file per Kafka API: request in, response out; the only place that picks an error code.
