"""Web pages to text: encoding, main content, title, within bounds."""
