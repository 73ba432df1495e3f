"""The only package that formats: terminal, JSON, CSV, pictures."""
