"""The `plait` command: everything that people do with a store without writing a program."""
