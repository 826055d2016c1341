"""Built-in matchers that need no model."""
