"""Statements about several events: their order, their number, their links (CONFORMANCE: Several events)."""
