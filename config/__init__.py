"""Settings files that ship with the system."""
