"""Streams that a browser cannot play, made H.264: one ffmpeg process per camera however many watch it, on demand."""
