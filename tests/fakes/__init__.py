"""Servers that speak as the providers do, so that the real client libraries run against them."""
