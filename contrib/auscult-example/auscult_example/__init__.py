"""A worked example of a plugin for auscult: the check `queue-depth`."""
