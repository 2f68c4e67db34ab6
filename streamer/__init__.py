"""Shows live video: WebRTC walls and WHEP."""
