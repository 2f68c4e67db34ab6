"""The built page in a real Chromium, against a small API of its own."""
