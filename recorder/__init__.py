"""Keeps footage: Segments, spool, Stores, index, gaps, retention, and reads it back."""
