"""The demo: a believable quarter of a Shopify app's life, sent through the API, and a helpdesk."""
