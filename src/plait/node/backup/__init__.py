"""Backups: copies of states and pieces of logs in a folder, and stores made from them.

`layout` says what is in the folder, `taking` fills it, `verifying` reads it back, `restoring` makes
a node's storage from it. Everything sees ports: the storage of a node and a `Vault`.
"""
