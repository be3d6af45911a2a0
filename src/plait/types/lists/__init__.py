"""Lists that several people edit at once: slots that a walker orders, and elements in them."""
