"""Who may come in: passwords, sessions, throttling, origins, limits and the gate in front of every route."""
