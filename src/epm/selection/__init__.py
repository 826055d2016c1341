"""Which candidate pairs are worth paying for: chosen by what cheap matchers leave open, what is at stake, and variety."""
