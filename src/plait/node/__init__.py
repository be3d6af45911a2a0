"""Composition: one process with its folder, its lines, its peers and its clients."""
