"""The bundled sample: 500 invented complaints of the demo county, for trying Huiyin out. Nothing in it is real."""
