"""Examples for whoever runs the adapter, and what puts a release together."""
