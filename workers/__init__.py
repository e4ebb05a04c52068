"""The processes that run the core: delivery workers and the scheduler."""
