"""What every replicated engine shares: the driver of a core, its loglet, copies of states."""
