"""The receipt as a page to print, whole in itself: it loads nothing."""
