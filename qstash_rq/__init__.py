"""The core of qstash-rq: values, rules, verbs and the store.

It knows neither Flask nor an HTTP client; `api` and `workers` stand on it.
"""
