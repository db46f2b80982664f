"""The calendars people connect, a folder each. docs/adding-a-provider.md says how to add one."""
