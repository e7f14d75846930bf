"""Task definitions: options, functions, arguments, and every mistake in them."""
