"""The Release panel: decisions with reasons, export, verification, and what has left."""
