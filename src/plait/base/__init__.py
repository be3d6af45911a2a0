"""The vocabulary: identifiers, errors, codecs and ports to the world. Imports nothing of ours."""
