"""What clients do in a world, and the judges of it: one module for each."""
