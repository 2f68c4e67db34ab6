"""Config as code: a file that says how sites, cameras, people and rules are to be, the difference, and making it so."""
