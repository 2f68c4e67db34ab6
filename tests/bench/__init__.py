"""`make bench`: takes the figures of the bars and writes build/bench.json."""
