"""Shared kernel and composition root of the video management system."""

__version__ = "0.1.0"
