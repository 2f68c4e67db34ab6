"""Tests of ingest: pure parts, real RTSP over sockets, hostile servers."""
