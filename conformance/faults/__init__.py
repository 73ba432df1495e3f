"""Faults planted in healthy models: does the debugger find them?"""
