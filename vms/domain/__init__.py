"""The nouns of the system and their pure rules. Standard library only, frozen dataclasses, no I/O."""
