"""What any process needs before it does its work. A leaf that knows no event and no table."""
