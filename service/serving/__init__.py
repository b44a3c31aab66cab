"""How bytes on a socket become requests, and answers bytes: uvicorn's work, and what we add."""
