"""PostgreSQL, Valkey, web server and worker as children of one process: what `make run` and `make test` start.

Nothing here is used by a production installation, and no app imports it.
"""
