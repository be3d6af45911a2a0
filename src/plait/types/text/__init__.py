"""Text that several people edit at once."""
