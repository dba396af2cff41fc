"""Other projects' own test suites against the gateway: see README.md."""
