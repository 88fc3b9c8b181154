"""The page: what people see in a browser. Server-rendered, over the same doors to Postgres as the API."""
