"""Search: functions over a step protocol. Imports no network and no Lightning."""
