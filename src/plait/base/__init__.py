"""The vocabulary: identifiers, errors, codecs and the ports to the world. Imports nothing of ours."""
