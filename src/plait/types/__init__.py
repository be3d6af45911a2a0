"""Folds: what turns a log into the values that people read. Pure."""
