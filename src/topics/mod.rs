//! Virtual topics: partitions, offsets, producer state.
