"""Clusters from one description: configuration for machines, and the demo that runs all of it on this one."""
