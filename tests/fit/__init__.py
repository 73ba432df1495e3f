"""Tests of refinterp.fit."""
