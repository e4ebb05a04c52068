"""The only place that knows Redis: keys, scripts, records and reads; private to the core."""
