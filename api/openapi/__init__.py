"""The OpenAPI 3.1 description of this server, built from one source: plain values, no requests."""
