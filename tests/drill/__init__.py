"""The fault drill: load, a seeded schedule of kills and freezes, and an audit that trusts none of the parts."""
