"""What merchants, support staff and platforms reach over HTTP."""
