"""Real servers for tests, each started in a folder of the test and stopped in the end."""
