"""Messages to petitioners: what is to be sent, the texts, and the sender."""
