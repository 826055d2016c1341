"""Knowledge: texts with provenance and expiry, found again by meaning; the tools that search them."""
