"""Kinds about entries of a list: devices, encounters, a family's diseases, other trials, plans, reports, specimens."""
