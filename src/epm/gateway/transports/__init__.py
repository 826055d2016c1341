"""Ways of sending one request once: ``rules``, ``litellm``, ``replay``."""
