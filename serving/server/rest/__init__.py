"""The embedded server's REST interface, as TensorFlow Serving's http_rest_api_handler.cc has it."""
