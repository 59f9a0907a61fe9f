"""The JSON API's reads: routes that check who asks and what for, call the read functions, and write the shapes."""
