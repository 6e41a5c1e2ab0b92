"""The criterion algebra: what a trial asks, as frozen data that several executions share."""
