"""The two networks a bundle may hold, built by MONAI from checked numbers only."""
