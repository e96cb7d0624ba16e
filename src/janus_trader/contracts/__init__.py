"""Messages, protocols and errors: what the layers above agree on."""
