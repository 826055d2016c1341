"""The run store: runs, items, calls, rationales, decisions, judgements; append-only, one writer, resumable."""
