"""`report`: figures of a corpus as report.json, then a page that is made of that file alone."""
