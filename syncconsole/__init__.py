"""The project: settings (the only reader of the environment), addresses, the server's door."""
