"""Finding task files, importing them without harm, and checking what they define."""
