"""The parts of docker-compose.yml, and what prepares it."""
