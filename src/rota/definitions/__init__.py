"""What a task definition may say: options, functions, arguments, and every mistake in them."""
