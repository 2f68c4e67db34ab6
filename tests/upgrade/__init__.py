"""Data folders of released versions, and the test that today's code opens them."""
