"""Saved models to a Subject: functions that can be traced, variables, inputs."""
