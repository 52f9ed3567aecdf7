"""The pages for people, over the public HTTP interface `/v1`: no state, no store, no event.

Every page works without scripts. The rights of a page are those of the person who opened it: the portal only asks.
"""
