"""Documents of the user: read, and cut into passages that can be found."""
