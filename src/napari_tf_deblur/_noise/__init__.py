"""Estimates from one image: its noise, its background, and its bad pixels."""
