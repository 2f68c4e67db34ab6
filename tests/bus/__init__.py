"""The bus: one contract in memory and over a real NATS server, its wire format, streams and key-value buckets."""
