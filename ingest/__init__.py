"""Pulls cameras: RTSP to Packets on the hub, probe, watch. Nothing here decodes video on its way."""
