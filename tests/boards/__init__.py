"""Tests of refinterp.boards."""
