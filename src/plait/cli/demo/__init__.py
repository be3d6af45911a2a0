"""The demo: a cluster of real processes loses its leader, and nothing that was acknowledged."""
