"""Pages for people, to read and to print: the receipt, and the status page for citizens. They work without scripts."""
