"""The project: settings (the only reader of the environment), addresses, and the web server's door."""
