//! Empty: this package exists to name librdkafka's source.
