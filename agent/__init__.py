"""The LangGraph loop, the chat models it may speak through, the ledger, and the memory of a person. Light to import."""
