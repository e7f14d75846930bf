"""The rules, pure: no input or output, no clock reads, no SQL, no scheduler library."""
