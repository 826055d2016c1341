"""The gateway: the only way to a model; cached, bounded, retried and metered in one place."""
