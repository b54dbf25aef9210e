"""The console's base classes: scoped admin, big lists, dialogs. The apps' own pages are built on them."""
