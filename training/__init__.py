"""Data construction and fine-tuning; empty until its issue is built."""
