"""Readers of exported chats: each gives `RawMessage`s, one after another, and a report of what it read."""
