"""Looks at key frames: what changes, what moves where, and whether the picture is healthy. Never in the
way of footage."""
