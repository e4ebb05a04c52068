"""The processes that run the core: delivery workers and the scheduler."""

from workers.worker import DeliveryWorker

__all__ = ["DeliveryWorker"]
