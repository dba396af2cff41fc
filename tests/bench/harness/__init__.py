"""What `report` and `perf-test` share: results, the machine, pictures."""
