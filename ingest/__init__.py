"""The write API: authenticate, parse, check, publish, wait for the ack, answer."""
