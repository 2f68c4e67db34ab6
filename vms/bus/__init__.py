"""How services meet: the node's hub for Packets, and the bus for requests, events and what is watched."""
