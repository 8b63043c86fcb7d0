// Nothing of this is called: the library is preloaded into tools of the toolchain. See prestart.c.
