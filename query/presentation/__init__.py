"""What an agent reads: events as sentences, tones, days and runs, values and times. Pure functions."""
