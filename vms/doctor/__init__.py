"""`vms doctor`: what of a machine and its servers would lose footage, or slow it down, and what to do about it."""
