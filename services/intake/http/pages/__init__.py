"""Pages that people look at and print: the receipt, and the status page for citizens. They work without scripts."""
