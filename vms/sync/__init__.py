"""What needs both the bus and the store: leases, and facts that travel."""
