"""Helpers of the integration, conformance and bench scripts. Python standard library only."""
