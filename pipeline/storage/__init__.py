"""Where files lie: here, on an object store, on the web; one face for all of them."""
