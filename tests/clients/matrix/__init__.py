"""Real producers against the real gateway and a real QuestDB; `tests/clients/run` is the command, tests/clients/README.md
says how a client is added."""
