"""The thin Flask front: it parses a request, calls one core verb and shapes the answer."""
