"""Instructions for sampled APIs: what ``toolgrove data instruct`` does, after ToolLLM 2.2."""
