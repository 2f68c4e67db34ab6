"""Tests of the catalogue, on real SQLite files."""
