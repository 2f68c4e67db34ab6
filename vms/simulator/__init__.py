"""Cameras that are not there: scenes and a real RTSP server, run as a process of its own."""
