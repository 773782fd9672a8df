"""Makes the documents' site: docs/ as it is, and a reference from the code."""
