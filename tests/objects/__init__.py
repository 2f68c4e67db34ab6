"""Tests of object storage: one contract, on a folder and on a real S3 server."""
