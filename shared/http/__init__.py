"""HTTP: how commands and questions travel. No rule of the domain lives here."""
